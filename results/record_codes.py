"""Compare kinds of binary code on a run's features and write down what they found: rows of results/codes.csv.

Run: python results/record_codes.py --from val --bits 128 --seeds 3 RUN [RUN...]
docs/neighbours.md tells of them.
"""

import argparse
import datetime
from importlib.metadata import version
from pathlib import Path

import torch
from record import RESULTS, commit, machine
from tables import Row, add

from alexnet.cli.bars import bars
from alexnet.run import open_run
from alexnet.verbs.compare_codes import QUERIES, compare_codes

CODES = RESULTS / "codes.csv"
KEY = ("recipe", "run_seed", "data", "split", "way", "bits", "seed")
COLUMNS = (
    *KEY, "recall", "recall_low", "recall_high", "bytes", "queries_a_second", "queries", "commit", "torch",
    "faiss", "machine", "date",
)  # fmt: skip


def main() -> None:
    """Record each run named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--from", dest="split", default="val")
    parser.add_argument("--bits", default="128")
    parser.add_argument("--seeds", type=int, default=3)
    words = parser.parse_args()
    for run in words.runs:
        found = rows(run, words.split, [int(bits) for bits in words.bits.split(",")], words.seeds)
        add(CODES, COLUMNS, found, key=KEY, order=place)


def rows(path: Path, split: str, bits: list[int], seeds: int) -> list[Row]:
    """What each kind of code found of the neighbours of pictures of a split."""
    run = open_run(path)
    recipe, data = run.recipe, Path(str(run.dataset["path"])).name
    passport = (
        QUERIES, commit(), torch.__version__, version("faiss-cpu"), machine(),
        datetime.date.today().isoformat(),
    )  # fmt: skip
    told = []
    for one in compare_codes(path, bits=bits, seeds=seeds, from_=split, progress=bars):
        key = (recipe.name, recipe.seed, data, split, one.way, one.bits, one.seed)
        found = (one.recall, *(one.recall_interval or ("", "")), one.bytes_a_picture, one.queries_a_second)
        values = ("" if value is None else str(value) for value in (*key, *found, *passport))
        told.append(dict(zip(COLUMNS, values, strict=True)))
    return told


def place(row: Row) -> tuple[object, ...]:
    """Where a row stands: by run, then by length of code."""
    return (*(row[name] for name in KEY[:5]), int(row["bits"]), row["seed"])


if __name__ == "__main__":
    main()
