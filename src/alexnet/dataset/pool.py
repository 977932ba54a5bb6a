"""Work on pictures by threads: decoding, resizing and hashing all let go of Python's lock."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

BATCH_BYTES = 4 << 20
"""Of pictures that one task holds."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def default_workers() -> int:
    """The processors that this process may use: those of the machine, shared among its ranks."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, processors // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None
) -> Generator[Result]:
    """Yield `work(item)` for each item in their order, each thread of ours with one of torch's.

    >>> list(in_order(len, ["a", "bc"], workers=2))
    [1, 2]
    """
    with _one_torch_thread():
        yield from ahead(work, items, workers or default_workers())


def ahead(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result]:
    """`map(work, items)` in order, by `workers` threads with at most two items each ahead of the reader."""
    if not workers:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with threads(workers) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads; a reader that leaves early waits for no more than what runs."""
    pool = ThreadPoolExecutor(workers, "pictures")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def batches(items: Iterable[Item], *, most: int, size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Items in lists of at most `most`, ended early where their sizes in bytes add up to a few millions.

    >>> list(batches([5, 6, 7], most=2, size=int))
    [[5, 6], [7]]
    """
    batch: list[Item] = []
    held = 0
    for item in items:
        batch.append(item)
        held += size(item)
        if len(batch) >= most or held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Each thread of ours computes alone: torch's own threads beside them would only fight for the cores."""
    import torch  # not at the top: a training's first batch needs threads before there is torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
