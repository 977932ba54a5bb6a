"""Runs functions on several ranks as torchrun would, in forked processes, which need not import anything."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess

# what ranks import when they meet and when DDP wraps a network: here once for all of them
import torch._dynamo
import torch.distributed.device_mesh  # noqa: F401


def over_ranks(ranks: int, *tasks: Callable[[], object], seconds: float = 400.0) -> list[int | None]:
    """Do `tasks` one after another on each of `ranks` ranks; the exit codes, none later than `seconds`."""
    return ended(started(ranks, *tasks), seconds=seconds)


def started(ranks: int, *tasks: Callable[[], object]) -> list[BaseProcess]:
    """Begin with that; other ranks may do something else meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_rank, args=(rank, ranks, port, tasks)) for rank in range(ranks)]
    for process in processes:
        process.start()
    return list(processes)


def ended(processes: Sequence[BaseProcess], seconds: float = 400.0) -> list[int | None]:
    """Wait for them; the exit codes."""
    ends = time.monotonic() + seconds
    for process in processes:
        process.join(max(ends - time.monotonic(), 0.0))
        if process.is_alive():
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def _rank(rank: int, ranks: int, port: int, tasks: tuple[Callable[[], object], ...]) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()} | {"MASTER_ADDR": "127.0.0.1"})
    for task in tasks:
        task()
