"""Ten trainings that are to end at a time, of different lengths and networks: rows of results/time.csv.

Run: python results/record_time.py mnist=packed/mnist cifar10=packed/cifar10 tiny=packed/tiny [--only 0 3]
The seconds are the command's own, by the clock, start and last save included. The table of docs/minutes.md is
made from this file. A training that stands in it already, of the same commit, is not run again.
"""

import argparse
import datetime
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from race import epochs
from record import RESULTS, commit, machine
from tables import add, rows_of

import alexnet
from alexnet.dataset.packed import open_packed

TABLE = RESULTS / "time.csv"
DIGITS = "digits"  # the one pack that is made here
WISHES = (
    ("lenet-digits", DIGITS, 20), ("lenet-mnist", "mnist", 30), ("lenet-32", "cifar10", 25),
    ("nin-32", "cifar10", 45), ("airbench-s", "cifar10", 60), ("vgg-32", "cifar10", 75),
    ("airbench94", "cifar10", 90), ("auto", "mnist", 40), ("airbench-64", "tiny", 80),
    ("bn-inception-64", "tiny", 70),
)  # fmt: skip
KEY = ("recipe", "data", "wish_seconds")
COLUMNS = (
    *KEY, "seconds", "share", "epochs", "top1", "commit", "torch", "machine",
    "date",
)  # fmt: skip


def main() -> None:
    """Train what the table lacks, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", nargs="*", help="NAME=PACKED for mnist, cifar10 and tiny")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the trainings, from 0")
    parser.add_argument("--table", type=Path, default=TABLE)
    words = parser.parse_args()
    packs = {name: Path(path) for name, _, path in (pack.partition("=") for pack in words.packs)}
    chosen = [WISHES[number] for number in words.only] if words.only else WISHES
    if missing := {data for _, data, _ in chosen} - {DIGITS, *packs}:
        parser.error(f"no pack is named for {', '.join(sorted(missing))}")
    for recipe, data, wish in chosen:
        if (recipe, data, str(wish), commit()) in done(words.table):
            continue
        with tempfile.TemporaryDirectory() as folder:
            packed = packs[data] if data in packs else Path(folder) / DIGITS
            if data not in packs:
                alexnet.prepare(DIGITS, packed, size=28, val_fraction=0.2)
            row = trained(recipe, packed, wish, Path(folder) / "run")
        add(words.table, COLUMNS, [{"recipe": recipe, "data": data} | row], key=KEY)


def trained(recipe: str, packed: Path, wish: int, run: Path) -> dict[str, object]:
    """One training by the command line, and how long it took."""
    command = [
        sys.executable, "-m", "alexnet", "train", recipe, "--data", str(packed), "--out", str(run),
        "--time", f"{wish}s",
    ]  # fmt: skip
    began = time.monotonic()
    subprocess.run(command, check=True)
    took = time.monotonic() - began
    split = "val" if "val" in open_packed(packed).splits else "test"
    values = (
        wish, f"{took:.1f}", f"{took / wish:.4f}", f"{epochs(run):.2f}",
        f"{alexnet.evaluate(run, split=split).top1_error:.2f}", commit(), torch.__version__, machine(),
        datetime.date.today().isoformat(),
    )  # fmt: skip
    return dict(zip(COLUMNS[2:], values, strict=True))


def done(table: Path) -> set[tuple[str, ...]]:
    """Recipe, data, wish and commit of the rows that there are."""
    return {(row["recipe"], row["data"], row["wish_seconds"], row["commit"]) for row in rows_of(table)}


if __name__ == "__main__":
    main()
