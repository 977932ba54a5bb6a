"""`alexnet` under torchrun on a rank that dies once: `torchrun … dying_rank.py RANK STEP DELAY WORDS…`.

In the first attempt the rank kills itself DELAY seconds after so many steps; torchrun starts all anew.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import torch

from alexnet.cli import main
from alexnet.verbs import train as verb

RANK, STEP, DELAY = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])


@contextmanager
def dying() -> Iterator[Callable[[], bool]]:
    steps = count(1)

    def stop() -> bool:
        if next(steps) == STEP:
            threading.Timer(DELAY, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return False

    yield stop


if __name__ == "__main__":
    torch.set_num_threads(1)
    if os.environ["RANK"] == RANK and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        verb.stop_wished = dying
    sys.argv = ["alexnet", *sys.argv[4:]]
    main()
