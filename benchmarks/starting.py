"""How long commands take to start: nothing heavy is imported before it is needed."""

import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.table import Row

ROUNDS = 7
COMMANDS = ("--help", "networks", "networks alexnet")


def rows() -> Iterator[Row]:
    """Each command, after one call that fills the system's cache of files."""
    for words in COMMANDS:
        times = [seconds(words) for _ in range(ROUNDS + 1)][1:]
        yield {
            "what": f"`alexnet {words}`, from call to end",
            "ours": f"{median(times):.2f}",
            "unit": "s",
            "rounds": ROUNDS,
        }


def seconds(words: str) -> float:
    """One call."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "alexnet", *words.split()], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
