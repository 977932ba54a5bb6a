"""Measure what this project claims about its own speed, and write results/speed.csv and results/scaling.csv.

Run: python -m benchmarks   (some twenty minutes on two cores; nothing else should run beside it)
     python -m benchmarks --only norms starting   (the other rows stay as they were)
"""

import argparse
import csv
import datetime
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.table import COLUMNS, Row

RESULTS = Path(__file__).parent.parent / "results"
TABLE = RESULTS / "speed.csv"
ROOMS = (
    "machine",
    "norms",
    "steps",
    "small_steps",
    "strips",
    "loading",
    "preparation",
    "evaluation",
    "prediction",
    "search",
    "starting",
    "scaling",
    "export",
    "serving",
    "columns",
    "ranks",
)
OTHER_TABLES = {"columns": RESULTS / "scaling.csv", "ranks": RESULTS / "scaling.csv"}  # of several processes


def main() -> None:
    """Measure the rooms asked for and put their rows in place of those that the table had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROOMS, default=ROOMS, help="rooms to measure")
    rooms = parser.parse_args().only
    table = {room: kept(room) for room in ROOMS}
    for room in rooms:
        table[room] = list(measured(room))
        path = table_of(room)
        write(path, {name: rows for name, rows in table.items() if table_of(name) == path})


def measured(room: str) -> Iterator[Row]:
    """The rows of one room, as they come."""
    sys.path.insert(0, str(RESULTS))
    from record import commit, machine

    passport = {
        "room": room,
        "commit": commit(),
        "torch": torch.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }
    for row in importlib.import_module(f"benchmarks.{room}").rows():
        print({name: value for name, value in row.items() if value}, flush=True)
        yield row | passport


def table_of(room: str) -> Path:
    """The table that a room's rows stand in."""
    return OTHER_TABLES.get(room, TABLE)


def kept(room: str) -> list[Row]:
    """What the table has of a room."""
    if not table_of(room).exists():
        return []
    with table_of(room).open(newline="") as file:
        return [dict(row) for row in csv.DictReader(file) if row.get("room") == room]


def write(path: Path, table: dict[str, list[Row]]) -> None:
    """Write a table, whole."""
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for rows in table.values():
            writer.writerows(rows)
    partial.replace(path)


if __name__ == "__main__":
    main()
