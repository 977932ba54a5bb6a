"""How long commands take to start: nothing heavy is imported before it is needed."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import alexnet
from benchmarks.photographs import in_two_classes
from benchmarks.table import Row

ROUNDS = 7
COMMANDS = ("--help", "networks", "networks alexnet")
# the command of the line's end, whose loop ends once it has its first batch
FIRST_BATCH = """
import sys
from alexnet.verbs import train
def first_batch(network, loss, optimizer, recipe, loader, **_):
    sys.exit(not next(iter(loader(0, 0))))
train.train_loop = first_batch
from alexnet.cli import main
main()
"""


def rows() -> Iterator[Row]:
    """Each command, after one call that fills the system's cache of files."""
    for words in COMMANDS:
        command = [sys.executable, "-m", "alexnet", *words.split()]
        yield row(f"`alexnet {words}`, from call to end", command)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "packed"
        alexnet.prepare(in_two_classes(Path(folder) / "pictures"), packed, size=256, val_fraction=0.5)
        words = ["train", "alexnet", "--data", str(packed), "--out", f"{folder}/run"]
        yield row(
            "`alexnet train alexnet`, from call to the first batch of 128 at 224",
            [sys.executable, "-c", FIRST_BATCH, *words],
        )


def row(what: str, command: list[str]) -> Row:
    """The median of several calls."""
    times = [seconds(command) for _ in range(ROUNDS + 1)][1:]
    return {"what": what, "ours": f"{median(times):.2f}", "unit": "s", "rounds": ROUNDS}


def seconds(command: list[str]) -> float:
    """One call."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
