"""Single questions gathered into batches in front of one engine, with a bounded number of places.

A request takes its places before its pictures are decoded, so nothing grows when more is asked than can be
answered: then `Overloaded` is raised at once. The engine's thread takes what waits, and waits itself only for
questions that have a place and are still on their way, for a bounded time: a lone one goes straight through.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

Answered = Callable[[str, int, float], None]  # kind of question, how many in the batch, seconds


@dataclass(frozen=True)
class Work:
    """What the engine does with questions of one kind: at most `most` at a time, an answer for each."""

    answer: Callable[[list[Any]], Sequence[Any]]
    most: int


class Overloaded(Exception):  # noqa: N818  (it is no error of the program)
    """Every place is taken: ask again in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"busy: ask again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class _Question:
    kind: str
    item: Any
    future: "asyncio.Future[Any]"
    asked: float


class Gatherer:
    """One engine thread, its places, and the questions that wait for it; it rests after every batch."""

    def __init__(
        self,
        works: Mapping[str, Work],
        *,
        most_wait: float,
        places: int,
        answered: Answered = lambda _kind, _count, _seconds: None,
        rest: Callable[[], object] = lambda: None,
    ) -> None:
        self.capacity = places
        self._works, self._most_wait, self._tell, self._rest = dict(works), most_wait, answered, rest
        self._waiting: deque[_Question] = deque()
        self._changed = threading.Condition()
        self._taken = 0  # places, also of those being answered
        self._coming = 0  # places whose question is not asked yet
        self._rate = 0.0  # questions a second, of the recent ones
        self._closed = False
        self._begin: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self, begin: Callable[[], object] = lambda: None) -> None:
        """Let the engine's thread run, `begin` before its first question."""
        self._begin = begin
        self._thread.start()

    def close(self) -> None:
        """Answer what is waiting, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def taken(self) -> int:
        """Places in use."""
        return self._taken

    @property
    def full(self) -> bool:
        """Whether not a single place is left."""
        return self._taken >= self.capacity

    def overloaded(self) -> Overloaded:
        """What is said when no place is left: when to come again, from the rate of the recent answers."""
        seconds = self._taken / self._rate if self._rate else 1.0
        return Overloaded(min(60, max(1, math.ceil(seconds))))

    def places(self, count: int) -> "Places":
        """Take `count` places, to be used in a `with`; `Overloaded` where there are not as many."""
        with self._changed:
            if self._closed or self._taken + count > self.capacity:
                raise self.overloaded()
            self._taken += count
            self._coming += count
        return Places(self, count)

    def ask(self, kind: str, item: Any) -> "asyncio.Future[Any]":
        """Put one question, for which a place was taken; `Places.ask` is how it is done."""
        future = asyncio.get_running_loop().create_future()
        with self._changed:
            self._coming -= 1
            self._waiting.append(_Question(kind, item, future, time.monotonic()))
            self._changed.notify_all()
        return future

    def give_back(self, count: int, unasked: int) -> None:
        """Free places, or tell of some that their question will not come."""
        with self._changed:
            self._taken -= count
            self._coming -= unasked
            self._changed.notify_all()

    def _run(self) -> None:
        self._begin()
        while batch := self._next():
            began = time.monotonic()
            answers = self._answers(batch)
            seconds = time.monotonic() - began
            rate = len(batch) / max(seconds, 1e-6)
            self._rate = rate if not self._rate else 0.8 * self._rate + 0.2 * rate
            self._tell(batch[0].kind, len(batch), seconds)
            _settle(batch, answers)
            self._rest()

    def _next(self) -> list[_Question]:
        """The next batch; empty when closed and nothing waits."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return []
                self._let_more_come()
                if batch := self._taken_out():
                    return batch

    def _let_more_come(self) -> None:
        first = self._waiting[0]
        most, latest = self._works[first.kind].most, first.asked + self._most_wait
        while self._coming and not self._closed:
            left = latest - time.monotonic()
            if left <= 0 or sum(one.kind == first.kind for one in self._waiting) >= most:
                return
            self._changed.wait(left)

    def _taken_out(self) -> list[_Question]:
        """The oldest question and those of its kind, in order; none that nobody waits for any more."""
        kind = self._waiting[0].kind
        batch: list[_Question] = []
        rest: deque[_Question] = deque()
        for one in self._waiting:
            if one.future.done():
                continue
            wanted = one.kind == kind and len(batch) < self._works[kind].most
            (batch if wanted else rest).append(one)
        self._waiting = rest
        return batch

    def _answers(self, batch: Sequence[_Question]) -> list[Any]:
        """An answer for each, or the exception; where a batch fails, each is asked alone."""
        answer = self._works[batch[0].kind].answer
        try:
            return list(answer([one.item for one in batch]))
        except Exception as error:
            if len(batch) == 1:
                return [error]
            return [found for one in batch for found in self._answers([one])]


class Places:
    """Places taken by one request, given back at the end of the `with`."""

    def __init__(self, gatherer: Gatherer, count: int) -> None:
        self._gatherer, self._count, self._unasked = gatherer, count, count

    async def ask(self, kind: str, item: Any) -> Any:
        """The engine's answer to one question; cancelled, the question is dropped if it still waits."""
        self._unasked -= 1
        return await self._gatherer.ask(kind, item)

    def leave_out(self) -> None:
        """One question will not come: nobody needs to wait for it."""
        self._unasked -= 1
        self._gatherer.give_back(0, 1)

    def __enter__(self) -> "Places":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._gatherer.give_back(self._count, self._unasked)


def _settle(batch: Sequence[_Question], answers: Sequence[Any]) -> None:
    def settle() -> None:
        for one, answer in zip(batch, answers, strict=True):
            if one.future.done():
                continue
            if isinstance(answer, Exception):
                one.future.set_exception(answer)
            else:
                one.future.set_result(answer)

    with suppress(RuntimeError):  # the loop has ended: nobody waits
        batch[0].future.get_loop().call_soon_threadsafe(settle)
