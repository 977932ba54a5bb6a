"""Image data sets of Hugging Face on the disk: Parquet from the hub, Arrow as `save_to_disk` writes it.

Read by pyarrow alone. Source: the `datasets` library's format: a picture is a struct of `bytes` and `path`,
the features (names of classes) stand as JSON under `huggingface` in the schema's metadata.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from alexnet.dataset.parquet import streamed
from alexnet.dataset.sources.entry import SPLIT_NAMES, UNLABELLED, Entry, PassedOver, Read
from alexnet.dataset.sources.files import check_bytes
from alexnet.problem import Problem

__all__ = ["HuggingFace", "find_tables", "open_hugging_face"]

_SPLIT = re.compile(r"(?:^|[/_.-])(train|val|valid|validation|test)(?=[/_.-])", re.IGNORECASE)
_LABELS = ("label", "labels", "fine_label", "class", "target")
_ROWS = 64  # pictures that are read at a time


class _Columns(NamedTuple):
    image: str
    label: str | None
    names: tuple[str, ...]  # of the classes, none where labels are text


def find_tables(paths: Sequence[str]) -> list[str]:
    """The Arrow or Parquet files of a data set among `paths`.

    >>> find_tables(["README.md", "data/train-00000-of-00002.parquet", "cache-1f.arrow"])
    ['data/train-00000-of-00002.parquet']
    """
    return [path for path in paths if re.search(r"(^|/)(?!cache-)[^/]*\.(parquet|arrow)$", path)]


def open_hugging_face(root: Path, name: str, tables: Sequence[str]) -> "HuggingFace":
    """A source of the files `tables` beneath `root`; one without a column of pictures is a Problem."""
    with _batches(root / tables[0], None) as (schema, _):
        columns = _columns(schema, name)
    return HuggingFace(name, tuple((_split(table), root / table) for table in tables), columns)


@dataclass(frozen=True)
class HuggingFace:
    """Encoded pictures in the rows of tables, split by the tables' names."""

    name: str
    tables: tuple[tuple[str | None, Path], ...]
    columns: _Columns
    native_size: None = None

    def entries(self) -> Iterator[Entry]:
        """All entries, named by table and row; only the labels are read."""
        wanted = [self.columns.label] if self.columns.label else []
        return (entry for entry, _ in self._rows(wanted or [self.columns.image]))

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with its picture's bytes."""
        wanted = [self.columns.image] + ([self.columns.label] if self.columns.label else [])
        for number, (entry, row) in enumerate(self._rows(wanted)):
            if number >= start:
                yield entry, _reader(row[self.columns.image])

    def _rows(self, wanted: list[str]) -> Iterator[tuple[Entry, dict[str, Any]]]:
        for split, path in self.tables:
            number = 0
            with _batches(path, wanted) as (_, batches):
                for batch in batches:
                    for row in batch.to_pylist():
                        yield Entry(f"{path.name}#{number}", split, self._class(row, path, number)), row
                        number += 1

    def _class(self, row: dict[str, Any], path: Path, number: int) -> str:
        if self.columns.label is None:
            return UNLABELLED
        label = row[self.columns.label]
        if label is None or label == -1:  # the hub's way to say that a test set's labels are kept back
            return UNLABELLED
        if not self.columns.names or isinstance(label, str):
            return str(label)
        if not 0 <= label < len(self.columns.names):
            raise Problem(f"{path} row {number}: label {label} is none of {len(self.columns.names)} classes")
        return self.columns.names[int(label)]

    def titles(self) -> dict[str, str]:
        """None: the classes have their names already."""
        return {}

    def passed_over(self) -> PassedOver:
        """Nothing: every row is a picture."""
        return PassedOver()


def _reader(image: Any) -> Read:
    content = image.get("bytes") if isinstance(image, dict) else image
    return lambda: _checked(content)


def _checked(content: Any) -> bytes:
    if not isinstance(content, bytes):
        raise Problem(
            "the table holds no bytes of it, only a path: save the data set with its images embedded"
        )
    check_bytes(len(content))
    return content


@contextmanager
def _batches(path: Path, wanted: list[str] | None) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The schema of a table, and its rows a few at a time; a damaged one is a Problem."""
    try:
        if path.suffix == ".parquet":
            with streamed(path) as file:
                yield file.schema_arrow, file.iter_batches(_ROWS, columns=wanted)
        else:
            with pa.memory_map(str(path)) as file:
                yield _arrow(file, wanted)
    except (OSError, pa.ArrowException) as error:
        raise Problem(f"cannot read {path}: {error}; it is damaged or cut short, fetch it again") from error


def _arrow(file: Any, wanted: list[str] | None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    reader = pa.ipc.open_stream(file)
    return reader.schema, (
        batch.slice(start, _ROWS).select(wanted or reader.schema.names)
        for batch in reader
        for start in range(0, batch.num_rows, _ROWS)
    )


def _columns(schema: pa.Schema, name: str) -> _Columns:
    """Which column holds pictures, which labels, and what the labels are called."""
    features = _features(schema)
    images = [
        field.name
        for field in schema
        if features.get(field.name, {}).get("_type") == "Image" or _is_image(field.type)
    ]
    if not images:
        raise Problem(
            f"{name} has no column of pictures: it needs a struct of bytes and path, as `datasets` has"
        )
    classes = [key for key, feature in features.items() if feature.get("_type") == "ClassLabel"]
    label = next((key for key in (*_LABELS, *classes) if key in schema.names), None)
    names = features.get(label or "", {}).get("names") or ()
    return _Columns(images[0], label, tuple(map(str, names)))


def _is_image(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {kind[at].name for at in range(kind.num_fields)} >= {"bytes", "path"}


def _features(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, dict)}


def _split(table: str) -> str | None:
    found = _SPLIT.search(table)
    return SPLIT_NAMES[found[1].lower()] if found else None
