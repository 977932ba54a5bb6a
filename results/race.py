"""Train for a time by the command line and write down what came of it: rows of results/race.csv.

Run: python results/race.py RECIPE PACKED 5m [--split test] [--views mirror] [--seeds 0 1] [--set field=value]
The seconds are the command's own, by the clock, start and last save included; the rate of a large matrix
product on this machine, before and after, stands beside them.
"""

import argparse
import datetime
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from record import RESULTS, commit, machine
from tables import add

import alexnet
from alexnet.cli.clock import seconds as seconds_of
from alexnet.dataset.packed import open_packed
from alexnet.run import open_run
from alexnet.training.precision import has_bfloat16_units

RACE = RESULTS / "race.csv"
SIDE = 4096  # of the matrices
COLUMNS = (
    "recipe", "data", "settings", "seed", "wish_seconds", "seconds", "epochs", "split", "views", "images",
    "top1", "top1_low", "top1_high", "float32_gflops", "bfloat16_gflops", "commit", "torch", "machine",
    "date",
)  # fmt: skip


def main() -> None:
    """Race for each seed named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("packed", type=Path)
    parser.add_argument("time")
    parser.add_argument("--split", default="test")
    parser.add_argument("--views", default="mirror")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="settings", action="append", default=[])
    words = parser.parse_args()
    for seed in words.seeds:
        with tempfile.TemporaryDirectory() as folder:
            add(RACE, COLUMNS, [raced(words, seed, Path(folder) / "run")])


def raced(words: argparse.Namespace, seed: int, run: Path) -> dict[str, object]:
    """One training and what it reached."""
    before = rates()
    settings = [part for one in (*words.settings, f"seed={seed}") for part in ("--set", one)]
    command = [
        sys.executable, "-m", "alexnet", "train", words.recipe, "--data", str(words.packed),
        "--out", str(run), "--time", words.time, *settings,
    ]  # fmt: skip
    began = time.monotonic()
    subprocess.run(command, check=True)
    took = time.monotonic() - began
    found = alexnet.evaluate(run, split=words.split, views=words.views)
    after = rates()
    values = (
        words.recipe, words.packed.name, " ".join(words.settings), seed, f"{seconds_of(words.time):g}",
        f"{took:.1f}", f"{epochs(run):.2f}", words.split, words.views, found.images,
        *(f"{value:.2f}" for value in (found.top1_error, *found.top1_interval)),
        *(f"{(one + other) / 2:.0f}" if one else "" for one, other in zip(before, after, strict=True)),
        commit(), torch.__version__, machine(), datetime.date.today().isoformat(),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def epochs(path: Path) -> float:
    """How many epochs were trained: images seen by those there are."""
    run = open_run(path)
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    return float(checkpoint.state["images"]) / len(open_packed(run.dataset["path"]).split("train"))


def rates() -> tuple[float, float]:
    """GFLOP/s of a large matrix product: in float32, and in bfloat16 where there are units for it, else 0."""
    fast = has_bfloat16_units(torch.device("cpu"))
    return product(torch.float32), product(torch.bfloat16) if fast else 0.0


def product(kind: torch.dtype) -> float:
    """The best of three, GFLOP/s."""
    left, right = torch.randn(SIDE, SIDE).to(kind), torch.randn(SIDE, SIDE).to(kind)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        torch.matmul(left, right)
        times.append(time.perf_counter() - began)
    return 2 * SIDE**3 / min(times) / 1e9


if __name__ == "__main__":
    main()
