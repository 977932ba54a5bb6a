"""Threads that work ahead of a reader: what they hand over, and in what order, is the same for any number."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
Task = Callable[[], object]


def ahead(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`map(work, items)` in order, by `workers` threads with at most two items each ahead of the reader."""
    if not workers:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with _pool(workers) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def completed(plans: Iterable[tuple[T, Sequence[Task]]], workers: int) -> Iterator[T]:
    """The results of `plans` in order, each when its tasks are done; `workers` threads share the tasks.

    One result is made while the reader has the one before: it need not wait where making takes less time.

    >>> squares = [0, 0]
    >>> tasks = [lambda: squares.__setitem__(0, 4), lambda: squares.__setitem__(1, 9)]
    >>> list(completed([(squares, tasks)], workers=2))
    [[4, 9]]
    """
    if not workers:
        for result, tasks in plans:
            for task in tasks:
                task()
            yield result
        return
    waiting: deque[tuple[T, list[Future[object]]]] = deque()
    with _pool(workers) as pool:
        for result, tasks in plans:
            waiting.append((result, [pool.submit(task) for task in tasks]))
            if len(waiting) > 1:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


def _done(result: T, futures: Sequence[Future[object]]) -> T:
    for future in futures:
        future.result()
    return result


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="loader")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)  # a reader that leaves early waits for no more than what runs
