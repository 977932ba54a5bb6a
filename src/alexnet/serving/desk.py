"""From a request to the engine's answers: read, checked, decoded, gathered; the way of every picture."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from fastapi import Request
from numpy.typing import NDArray

from alexnet.dataset.pool import default_workers
from alexnet.memory import give_back_memory
from alexnet.problem import Problem
from alexnet.serving.gather import Gatherer, Places, Work
from alexnet.serving.limits import (
    Bodies,
    Limits,
    PixelGate,
    Refused,
    check_length,
    check_picture,
    checked_soon,
)
from alexnet.serving.metrics import Metrics
from alexnet.serving.uploads import Upload, uploads

PIXELS = NDArray[np.uint8]
Result = TypeVar("Result")
MOST_NEIGHBOURS = 50
LARGE = 2**21  # pixels
TIDIED = 60.0  # seconds between times that free memory is given back
BEHIND = 5  # by which threads that compute are nicer than the one that reads requests and answers


@dataclass(frozen=True)
class Abilities:
    """What can be asked, as functions: a server knows neither runs nor data sets.

    Prepared pictures are uint8 [size, size, 3]; `similar` gives numbers of training pictures and their
    distances, [N, k] each.
    """

    prepare: Callable[[bytes], PIXELS]
    scores: Callable[[PIXELS], NDArray[np.float32]]
    similar: Callable[[PIXELS, int], tuple[NDArray[np.int64], NDArray[np.float64]]] | None = None
    look: Callable[[PIXELS], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Pace:
    """How questions are gathered."""

    most: int = 32  # pictures in a batch
    wait: float = 0.005  # seconds that a batch waits for pictures that are on their way
    places: int = 64  # pictures that are being read, wait or are answered: two batches


class Gone(Exception):  # noqa: N818  (the client's right)
    """The client has left: nobody waits for an answer."""


class Desk:
    """Where requests come in; it holds the engine's thread and the threads that decode."""

    def __init__(self, abilities: Abilities, limits: Limits, pace: Pace, metrics: Metrics) -> None:
        self.limits = replace(limits, request_pictures=min(limits.request_pictures, pace.places))
        self.metrics, self._prepare = metrics, abilities.prepare
        self._bodies, self._gate = Bodies(self.limits), PixelGate(self.limits.picture_pixels)
        self._threads = torch.get_num_threads()  # of the engine, and that decode
        # each thread computes alone: torch's own threads beside them would only fight for the cores
        self._workers = min(default_workers(), self._threads)
        self._pool = ThreadPoolExecutor(self._workers, "decode", _compute_with, (1,))
        self.gatherer = Gatherer(
            _works(abilities, pace.most),
            most_wait=pace.wait,
            places=pace.places,
            answered=metrics.batch,
            rest=Tidied(give_back_memory, every=TIDIED),
        )
        metrics.watch(
            "places_taken", "Pictures being read, waiting, or answered.", lambda: self.gatherer.taken
        )
        metrics.watch("places", "Pictures there is room for.", lambda: self.gatherer.capacity)
        metrics.watch("held_bytes", "Bytes of all bodies.", lambda: self._bodies.held)

    def start(self) -> None:
        """Begin to answer: all threads that decode, and after them the engine's."""
        begun = threading.Barrier(self._workers)
        wait([self._pool.submit(begun.wait) for _ in range(self._workers)])
        self.gatherer.start(partial(_compute_with, self._threads))

    def close(self) -> None:
        """Finish what waits, then stop."""
        self.gatherer.close()
        self._pool.shutdown()

    async def answers(self, request: Request, kind: str, *, most: int | None = None) -> "list[Outcome]":
        """The engine's answer to each picture of a request, in order; text where one could not be read."""
        if self.gatherer.full:
            raise self.gatherer.overloaded()
        check_length(request.headers.get("content-length"), self.limits)
        body, number = await self._bodies.read(request.stream())
        try:
            given = uploads(request.headers.get("content-type"), body, self.limits)
            del body
            if most is not None and len(given) > most:
                raise Refused(413, f"{len(given)} pictures; this is for {most} at a time")
            with self.gatherer.places(len(given)) as places:
                return await self._answered(request, places, kind, given)
        finally:
            self._bodies.release(number)

    async def _answered(
        self, request: Request, places: Places, kind: str, given: Sequence[Upload]
    ) -> "list[Outcome]":
        ways = (self._one(places, kind, upload) for upload in given)
        # so that all have ended when the places are given back
        work = asyncio.gather(*ways, return_exceptions=True)
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                found = await _unless_gone(request, work)
        except TimeoutError:
            raise self.gatherer.overloaded() from None
        for outcome in found:
            if isinstance(outcome, BaseException):
                raise outcome
            self.metrics.pictures.labels(
                "unreadable" if isinstance(outcome.answer, str) else "answered"
            ).inc()
        return [outcome for outcome in found if isinstance(outcome, Outcome)]

    async def _one(self, places: Places, kind: str, upload: Upload) -> "Outcome":
        try:
            pixels = await self._prepared(upload.content)
        except Problem as problem:
            places.leave_out()
            return Outcome(upload.name, str(problem))
        try:
            return Outcome(upload.name, await places.ask(kind, pixels))
        except Problem as problem:
            return Outcome(upload.name, str(problem))

    async def _prepared(self, content: bytes) -> PIXELS:
        loop = asyncio.get_running_loop()
        if checked_soon(content):  # here: a thread's turn comes behind pictures that are being decoded
            pixels = check_picture(content, self.limits)
        else:
            pixels = await loop.run_in_executor(self._pool, check_picture, content, self.limits)
        room = await self._gate.enter(pixels)
        # the room is free when the thread has ended, also where nobody waits for it any more
        decoding = self._pool.submit(self._decoded, content, pixels)
        decoding.add_done_callback(lambda _: loop.call_soon_threadsafe(self._gate.leave, room))
        return await asyncio.wrap_future(decoding)

    def _decoded(self, content: bytes, pixels: int) -> PIXELS:
        try:
            return self._prepare(content)
        finally:
            if pixels > LARGE:  # else every thread would keep what its largest picture took
                give_back_memory()


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: the engine's answer, or in words why it could not be read."""

    image: str
    answer: Any


class Tidied:
    """Does something now and then, when called often: no sooner than `every` seconds after the last time.

    Batches of every size take memory and leave it in pieces between what stays; what other batches need does
    not always fit, and more is taken. Given back once in a while the pieces do not add up (docs/serving.md).
    """

    def __init__(self, tidy: Callable[[], object], *, every: float) -> None:
        self._tidy, self._every, self._last = tidy, every, time.monotonic()

    def __call__(self) -> None:
        """Tidy, where it is time."""
        if time.monotonic() >= self._last + self._every:
            self._tidy()
            self._last = time.monotonic()


def _compute_with(threads: int) -> None:
    """Let torch compute with so many threads where this thread asks it, behind the one that reads requests.

    A thread that has not asked yet would take the number that any other set last, so this one asks at once.
    """
    torch.set_num_threads(threads)
    torch.get_num_threads()
    if sys.platform == "linux":  # each thread has a priority of its own there; torch's take that of this one
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, nice + BEHIND))


def _works(abilities: Abilities, most: int) -> Mapping[str, Work]:
    """What the engine's thread does, a function of a batch each."""
    similar, look = abilities.similar, abilities.look
    works = {"classify": Work(lambda batch: list(abilities.scores(np.stack(batch))), most)}
    if similar is not None:
        works["similar"] = Work(
            lambda batch: list(zip(*similar(np.stack(batch), MOST_NEIGHBOURS), strict=True)), most
        )
    if look is not None:
        works["look"] = Work(lambda batch: [look(pixels) for pixels in batch], 1)
    return works


async def _unless_gone(request: Request, work: "asyncio.Future[Result]") -> Result:
    """What `work` gives; `Gone`, and the work cancelled, where the client leaves before."""
    leaving = asyncio.ensure_future(_gone(request))
    either: set[asyncio.Future[Any]] = {work, leaving}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Gone
        return work.result()
    finally:
        leaving.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
