"""Alternatives in processes of their own, timed in turn: for what holds for a whole process.

How a process keeps its memory, how many threads it has and how much it took at most are its own, so two
trainings in one would share them. A worker prepares once, then does its work each time it is told to; only
one works at a time.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

Work = Callable[[], object]
UNIT = 1024 if sys.platform != "darwin" else 1  # of ru_maxrss, bytes


def interleaved_workers(
    factories: Mapping[str, tuple[Callable[..., Work], tuple[Any, ...]]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds of each alternative in each round after one not counted, and its peak memory in bytes.

    An alternative is a function at the top of a module and its arguments; what it returns is the work.
    """
    context = multiprocessing.get_context("spawn")
    workers = {}
    for name, factory in factories.items():
        ours, theirs = context.Pipe()
        # not a daemon: those may have no processes of their own, and a loader of pictures has
        process = context.Process(target=_serve, args=(theirs, *factory))
        process.start()
        theirs.close()
        workers[name] = (process, ours)
        _answer(process, ours)  # prepared
    times: dict[str, list[float]] = {name: [] for name in factories}
    for number in range(rounds + 1):
        for name, (process, pipe) in workers.items():
            pipe.send("work")
            seconds = _answer(process, pipe)
            if number:
                times[name].append(seconds)
    peaks = {}
    for name, (process, pipe) in workers.items():
        pipe.send("end")
        peaks[name] = int(_answer(process, pipe))
        process.join()
    return times, peaks


def _answer(process: Any, pipe: Connection) -> float:
    try:
        return float(pipe.recv())
    except EOFError:
        process.join()
        raise RuntimeError(f"a worker of the benchmark ended with exit code {process.exitcode}") from None


def _told(pipe: Connection) -> object:
    try:
        return pipe.recv()
    except EOFError:  # the benchmark ended before its workers
        raise SystemExit(1) from None


def _serve(pipe: Connection, factory: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    work = factory(*arguments)
    pipe.send(0.0)
    while _told(pipe) == "work":
        began = time.perf_counter()
        work()
        pipe.send(time.perf_counter() - began)
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT)
