"""What a server accepts: bytes, pixels, pictures and time, checked before anything is decoded.

A body is read against three limits: its own size, the time it may take, and the bytes that all bodies may
hold together. Where those run out the body that has been on its way longest is given up, so slow clients do
not starve others.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from alexnet.dataset.decode import stated_size
from alexnet.problem import Problem
from alexnet.serving.gather import Overloaded

SOON = 1 << 20  # bytes: made to be slow, so many take 15 ms
JPEG_SCANS = 100
"""Scans of a JPEG: progressive ones have about ten, and every further one costs a pass over all pixels."""


@dataclass(frozen=True)
class Limits:
    """The limits, as `GET /v1/model` tells them."""

    picture_bytes: int = 10_000_000
    picture_pixels: int = 12_500_000  # a telephone's photograph
    request_bytes: int = 32_100_000
    request_pictures: int = 32
    head_seconds: float = 10.0  # from a connection, or the first byte of a request, to the end of its head
    pause_seconds: float = 10.0  # between two pieces of a body
    body_seconds: float = 60.0
    answer_seconds: float = 60.0  # from the end of a body to its answer
    held_bytes: int = 40 << 20  # of all bodies at once
    connections: int = 512


class Refused(Exception):  # noqa: N818  (the request is at fault, not the program)
    """A request that is not answered: the status and why, in words for people."""

    def __init__(self, status: int, reason: str, *, close: bool = False) -> None:
        super().__init__(reason)
        self.status, self.reason, self.close = status, reason, close


def check_length(declared: str | None, limits: Limits) -> None:
    """Refuse a body by the length that its head declares."""
    if declared is not None and declared.isdigit() and int(declared) > limits.request_bytes:
        raise _too_long(limits)


def check_picture(content: bytes, limits: Limits) -> int:
    """The pixels that a picture's header states; a Problem where that, or its bytes, are too much."""
    if len(content) > limits.picture_bytes:
        raise Problem(f"{len(content):,} bytes, more than the limit of {limits.picture_bytes:,}")
    width, height = stated_size(content)
    if width * height > limits.picture_pixels:
        raise Problem(f"{width:,} × {height:,} pixels, more than the limit of {limits.picture_pixels:,}")
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > JPEG_SCANS:
        raise Problem(f"a JPEG of more than {JPEG_SCANS} scans")
    return width * height


def checked_soon(content: bytes) -> bool:
    """Whether `check_picture` needs no more than a walk over a short header; others are for a thread."""
    return len(content) <= SOON and content.startswith((b"\xff\xd8\xff", b"\x89PNG"))


class Bodies:
    """The bodies of all requests that are being read or answered."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.held = limits, 0
        self._read: dict[int, int] = {}  # by the number of a reading: bytes it holds
        self._patience: dict[int, asyncio.Timeout] = {}  # of those still being read, oldest first
        self._number = 0

    async def read(self, pieces: AsyncIterator[bytes]) -> tuple[bytes, int]:
        """A body whole, and the number to `release` it by; `Refused` says 408 or 413."""
        self._number += 1
        number, body = self._number, bytearray()
        self._read[number] = 0
        try:
            async with asyncio.timeout(self.limits.body_seconds) as patience:
                self._patience[number] = patience
                async for piece in _unbroken(pieces, self.limits.pause_seconds):
                    if len(body) + len(piece) > self.limits.request_bytes:
                        raise _too_long(self.limits)
                    self._hold(number, len(piece))
                    body += piece
        except TimeoutError:
            self.release(number)
            raise Refused(408, "the request's body came too slowly; send it again", close=True) from None
        except BaseException:
            self.release(number)
            raise
        finally:
            self._patience.pop(number, None)
        return bytes(body), number

    def release(self, number: int) -> None:
        """A body is needed no longer."""
        self.held -= self._read.pop(number, 0)

    def _hold(self, number: int, count: int) -> None:
        while self.held + count > self.limits.held_bytes:
            oldest = next((each for each in self._patience if each != number), None)
            if oldest is None:
                raise Overloaded(1)
            self._patience.pop(oldest).reschedule(asyncio.get_running_loop().time())
            self.release(oldest)
        if number in self._read:
            self._read[number] += count
            self.held += count


async def _unbroken(pieces: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """The pieces; a TimeoutError where one lets wait."""
    following = aiter(pieces)
    while True:
        async with asyncio.timeout(seconds):
            piece = await anext(following, None)
        if piece is None:
            return
        yield piece


class PixelGate:
    """Lets pictures be decoded beside each other as long as they are not too large together, in their order.

    The largest picture allowed fills it alone: then memory does not depend on how many are sent at once.
    """

    def __init__(self, pixels: int) -> None:
        self._free, self._all = pixels, pixels
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def enter(self, pixels: int) -> int:
        """Wait until there is room; returns what is to be given to `leave`."""
        needed = min(pixels, self._all)
        entered = asyncio.get_running_loop().create_future()
        self._waiting.append((needed, entered))
        self._let_in()
        try:
            await entered
        except asyncio.CancelledError:
            if entered.done() and not entered.cancelled():
                self.leave(needed)
            raise
        return needed

    def leave(self, pixels: int) -> None:
        """Make room for others."""
        self._free += pixels
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= self._free):
            needed, entered = self._waiting.popleft()
            if not entered.done():
                self._free -= needed
                entered.set_result(None)


def _too_long(limits: Limits) -> Refused:
    return Refused(413, f"a request of more than {limits.request_bytes:,} bytes", close=True)
