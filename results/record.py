"""Evaluate runs and write down what they reached: rows of results/errors.csv and their curves.

Run: python results/record.py --split test --views center RUN [RUN...]
The tables and pictures of the documentation are made from these files.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
from operator import itemgetter
from pathlib import Path

import torch
from tables import add

import alexnet
from alexnet.dataset.packed import open_packed
from alexnet.run import open_run
from alexnet.training.loop import State

RESULTS = Path(__file__).parent
ERRORS = RESULTS / "errors.csv"
KEY = ("recipe", "data", "split", "views", "seed")
COLUMNS = (
    *KEY, "images", "top1", "top1_low", "top1_high",
    "top5", "top5_low", "top5_high", "epochs", "training_minutes", "commit", "torch", "machine", "date",
)  # fmt: skip


def main() -> None:
    """Record each run named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--views", default="center")
    words = parser.parse_args()
    for run in words.runs:
        add(ERRORS, COLUMNS, [row(run, words.split, words.views)], key=KEY, order=itemgetter(*KEY))
        name = f"{open_run(run).recipe.name}-seed{open_run(run).recipe.seed}"
        shutil.copy(run / "metrics.jsonl", RESULTS / "curves" / f"{name}.jsonl")


def row(path: Path, split: str, views: str) -> dict[str, object]:
    """What a run reached on a split, and where it was trained."""
    run, found = open_run(path), alexnet.evaluate(path, split=split, views=views)
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    state = State(**checkpoint.state)
    seconds = state.data_seconds + state.compute_seconds + state.validation_seconds
    threads = json.loads((path / "model.json").read_text())["threads"]
    values = (
        run.recipe.name, Path(open_packed(Path(run.dataset["path"])).path).name, split, views,
        run.recipe.seed, found.images,
        *(f"{value:.2f}" for value in (found.top1_error, *found.top1_interval)),
        *(f"{value:.2f}" for value in (found.top5_error, *found.top5_interval)),
        state.epoch, f"{seconds / 60:.1f}", commit(), torch.__version__, machine(threads),
        datetime.date.today().isoformat(),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def commit() -> str:
    """The commit that the project stands at, marked where its program differs from it."""
    git = ["git", "-C", str(RESULTS.parent)]
    name = subprocess.run(
        [*git, "rev-parse", "--short=9", "HEAD"], capture_output=True, text=True, check=True
    )
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src"], check=False).returncode
    return name.stdout.strip() + ("-dirty" if changed else "")


def machine(threads: int | None = None) -> str:
    """Processor and threads: those of this process, or as a run remembers them."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = names[0].partition(": ")[2] if names else platform.processor()
    return f"{name}, {os.cpu_count()} cores, {threads or torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
