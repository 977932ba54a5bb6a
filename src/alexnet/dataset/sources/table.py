"""Pictures that a CSV lists: columns `path`, `label` and, if wanted, `split`; paths relative to the CSV."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alexnet.dataset.sources.entry import SPLIT_NAMES, Entry, PassedOver, Read, printable
from alexnet.dataset.sources.files import read_file
from alexnet.problem import Problem


@dataclass(frozen=True)
class Table:
    """A source of encoded pictures whose CSV names their classes."""

    path: Path
    native_size: None = None

    @property
    def name(self) -> str:
        """The CSV's own name."""
        return self.path.name

    def entries(self) -> Iterator[Entry]:
        """One entry a line; a line without path or label, or with an unknown split, is a Problem."""
        try:
            with self.path.open(newline="", encoding="utf-8-sig") as file:
                rows = csv.DictReader(file)
                if not {"path", "label"} <= set(rows.fieldnames or ()):
                    raise Problem(
                        f"{self.path} must begin with a line that names its columns: path,label[,split]"
                    )
                for row in rows:
                    yield self._entry(row, rows.line_num)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Problem(f"cannot read {self.path} as a CSV in UTF-8: {error}") from error

    def _entry(self, row: dict[str, str | None], line: int) -> Entry:
        path, label, split = ((row.get(column) or "").strip() for column in ("path", "label", "split"))
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

    def passed_over(self) -> PassedOver:
        """Nothing: a CSV lists all there is."""
        return PassedOver()
