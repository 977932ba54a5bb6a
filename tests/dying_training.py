"""Kills trainings: `python dying_training.py RECIPE DATA FOLDER KILLS` from test_training.py.

One process reads the program once and each attempt is a fork of it, so that many deaths take little time. The
undisturbed run is FOLDER/whole, the other FOLDER/killed; what is printed is in how many deaths an epoch was
under way.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from alexnet.run import open_run
from alexnet.verbs.train import train


def started(task: Callable[[], object]) -> int:
    """A process of its own that does `task`."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            torch.set_num_threads(1)
            task()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def newest(run: Path) -> Path | None:
    return max((run / "checkpoints").glob("step-*.json"), default=None)


def killed(run: Path, attempt: Callable[[], object], moment: float) -> int:
    """Kill an attempt `moment` seconds after its first new checkpoint; the step of the epoch it is at."""
    before, child = newest(run), started(attempt)
    while newest(run) == before and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.002)
    time.sleep(moment)
    assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended before it could be killed: give it more epochs"
    os.kill(child, signal.SIGKILL)
    assert ended(child) == -signal.SIGKILL
    left = newest(run)
    assert left is not None
    assert ended(started(open_run(run).network)) == 0  # whatever the moment, the folder loads
    return int(json.loads(left.read_text())["step"])


def main() -> None:
    recipe, data, folder, kills = sys.argv[1:]
    run, moments = Path(folder) / "killed", random.Random(7)

    def attempt() -> object:
        return train(recipe, data, run, save_every=0)

    assert ended(started(lambda: train(recipe, data, Path(folder) / "whole"))) == 0
    steps = [killed(run, attempt, moments.uniform(0, 0.15)) for _ in range(int(kills))]
    assert ended(started(lambda: train(recipe, data, run))) == 0
    print(sum(step != 0 for step in steps))


if __name__ == "__main__":
    main()
