"""How long commands take to start: nothing heavy is imported before it is needed.

A training's first batch is made by threads while torch is imported and the network drawn, so it has two
moments: when the batch lies in memory as the network will read it, and when the loop has it.
"""

import json
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
FIRST_BATCH = Path(__file__).with_name("first_batch.py")


def rows() -> Iterator[Row]:
    """Each command, after one call that fills the system's cache of files."""
    for words in COMMANDS:
        command = [sys.executable, "-m", "alexnet", *words.split()]
        times = [seconds(command) for _ in range(ROUNDS + 1)][1:]
        yield row(f"`alexnet {words}`, from call to end", times)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "packed"
        alexnet.prepare(in_two_classes(Path(folder) / "pictures"), packed, size=256, val_fraction=0.5)
        moments = [first_batch("alexnet", packed) for _ in range(ROUNDS + 1)][1:]
    what = "`alexnet train alexnet`, from call to the first batch of 128 at 224"
    for moment in ("made", "handed out"):
        yield row(f"{what}: {moment}", [each[moment] for each in moments])
    yield row("of that: Python's own `import torch`", [seconds(IMPORT) for _ in range(ROUNDS + 1)][1:])


IMPORT = [sys.executable, "-c", "import torch"]


def row(what: str, times: list[float]) -> Row:
    """The median of several calls."""
    return {"what": what, "ours": f"{median(times):.2f}", "unit": "s", "rounds": ROUNDS}


def seconds(command: list[str]) -> float:
    """One call."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_batch(recipe: str, packed: Path) -> dict[str, float]:
    """Seconds from the call of `alexnet train` to each moment of its first batch."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", recipe, "--data", str(packed), "--out", f"{folder}/run"]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(FIRST_BATCH), *words], check=True, capture_output=True, text=True
        )
    moments: dict[str, float] = json.loads(done.stdout)
    return {moment: each - began for moment, each in moments.items()}
