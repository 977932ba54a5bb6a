"""The tables of results: CSV files that only ever gain rows, or rows in place of older ones."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alexnet.files import written_whole

Row = dict[str, str]


def rows_of(table: Path) -> list[Row]:
    """The rows that there are."""
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def add(
    table: Path,
    columns: Sequence[str],
    new: Iterable[Mapping[str, object]],
    *,
    key: Sequence[str] = (),
    order: Callable[[Row], Any] | None = None,
) -> None:
    """Put rows behind the earlier ones, or in place of those that agree on `key`; sorted by `order`."""
    fresh = [{name: str(value) for name, value in row.items()} for row in new]
    replaced = {tuple(row[name] for name in key) for row in fresh} if key else set()
    kept = [row for row in rows_of(table) if tuple(row[name] for name in key) not in replaced]
    write(table, columns, sorted([*kept, *fresh], key=order) if order else [*kept, *fresh])


def write(table: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table whole."""
    with written_whole(table) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
