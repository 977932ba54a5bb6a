"""Threads that work ahead of a reader: what they hand over, and in what order, is the same for any number."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

from alexnet.dataset.pool import threads

T = TypeVar("T")
Task = Callable[[], object]


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
    with threads(workers) as pool:
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
