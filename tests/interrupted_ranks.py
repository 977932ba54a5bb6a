"""`alexnet` under torchrun, interrupted as by Ctrl-C: `torchrun … interrupted_ranks.py STEP WORDS…`.

After so many steps the last rank sends SIGINT to torchrun, as a terminal does: ranks are in sessions of their
own, and torchrun passes it on. Later steps wait a moment, so that there are some when it arrives.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import torch

from alexnet.cli import main
from alexnet.verbs import train as verb
from alexnet.verbs.interrupts import stop_wished

STEP = int(sys.argv[1])


@contextmanager
def pressed() -> Iterator[Callable[[], bool]]:
    steps, last = count(1), int(os.environ["RANK"]) == int(os.environ["WORLD_SIZE"]) - 1
    with stop_wished() as wished:

        def stop() -> bool:
            step = next(steps)
            if step == STEP and last:
                os.kill(os.getppid(), signal.SIGINT)
            if step >= STEP:
                time.sleep(0.5)
            return wished()

        yield stop


if __name__ == "__main__":
    torch.set_num_threads(1)
    verb.stop_wished = pressed
    sys.argv = ["alexnet", *sys.argv[2:]]
    main()
