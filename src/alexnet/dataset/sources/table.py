"""Pictures that a table lists: columns `path`, `label` and, if wanted, `split`; paths relative to the table.

A CSV in UTF-8, or a Parquet file, which is read a batch of rows at a time.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from alexnet.dataset.parquet import streamed
from alexnet.dataset.sources.entry import SPLIT_NAMES, Entry, PassedOver, Read, printable
from alexnet.dataset.sources.files import read_file
from alexnet.problem import Problem

__all__ = ["Table", "is_manifest", "open_csv", "open_parquet_table"]

Rows: TypeAlias = Callable[[Path], Iterator[tuple[int, Mapping[str, Any]]]]
"""The rows of a table, each with the number of its line."""

_NEEDED = {"path", "label"}
_BATCH = 1 << 13


@dataclass(frozen=True)
class Table:
    """A source of encoded pictures whose table names their classes."""

    path: Path
    rows: Rows
    native_size: None = None

    @property
    def name(self) -> str:
        """The table's own name."""
        return self.path.name

    def entries(self) -> Iterator[Entry]:
        """One entry a line; a line without path or label, or with an unknown split, is a Problem."""
        return (self._entry(row, line) for line, row in self.rows(self.path))

    def _entry(self, row: Mapping[str, Any], line: int) -> Entry:
        path, label, split = (
            "" if row.get(column) is None else str(row[column]).strip()
            for column in ("path", "label", "split")
        )
        if not path or not label:
            raise Problem(f"{self.path} line {line} has no {'label' if path else 'path'}")
        if ("split" in row) and split.lower() not in SPLIT_NAMES:
            raise Problem(f"{self.path} line {line}: split {split!r} is none of train, val, test")
        file = self.path.parent / path
        size = file.stat().st_size if file.is_file() else None
        return Entry(printable(path), SPLIT_NAMES.get(split.lower()), label, size)

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it."""
        for number, entry in enumerate(self.entries()):
            if number >= start:
                yield entry, partial(read_file, self.path.parent / entry.name)

    def titles(self) -> dict[str, str]:
        """None: labels are the classes' names."""
        return {}

    def passed_over(self) -> PassedOver:
        """Nothing: a table lists all there is."""
        return PassedOver()


def open_csv(path: Path) -> Table:
    """A source of the pictures that a CSV lists."""
    return Table(path, _csv_rows)


def open_parquet_table(path: Path) -> Table:
    """A source of the pictures that a Parquet file lists."""
    return Table(path, _parquet_rows)


def is_manifest(schema: pa.Schema) -> bool:
    """Whether a Parquet file lists pictures, and does not hold them."""
    return set(schema.names) >= _NEEDED


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not set(rows.fieldnames or ()) >= _NEEDED:
                raise Problem(f"{path} must begin with a line that names its columns: path,label[,split]")
            for row in rows:
                yield rows.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Problem(f"cannot read {path} as a CSV in UTF-8: {error}") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with streamed(path) as file:
            columns = [name for name in ("path", "label", "split") if name in file.schema_arrow.names]
            line = 0
            for batch in file.iter_batches(_BATCH, columns=columns):
                for row in batch.to_pylist():
                    line += 1
                    yield line, row
    except (OSError, pa.ArrowException) as error:
        raise Problem(f"cannot read {path} as Parquet: {error}; fetch it again") from error
