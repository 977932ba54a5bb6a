"""Connections that ask nothing, or stop while they ask, do not stay: where all are taken those give way.

uvicorn closes a connection that idles after an answer, but waits without end for the head of a first request
and for the rest of a head that was begun. Those end here after a time. Where there are as many connections as
may be, a new one takes the place of one on which nothing is asked; where there is none, of the one whose body
is longest on its way, then of the one whose answer waits longest for its client to read.
"""

import asyncio
from enum import IntEnum
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from alexnet.serving.limits import Limits


class Waits(IntEnum):
    """What a connection waits for; the first give way first."""

    HEAD = 0
    BODY = 1
    READER = 2
    ANSWER = 3  # of ours: it stays


class Connections:
    """Makes the protocol of each connection, and knows all that are open."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.open: dict[Watched, None] = {}
        self.silent: dict[Watched, None] = {}  # that have begun a head, or nothing; the longest waiting first

    def __call__(self, **given: Any) -> "Watched":
        """The protocol of a new connection, as uvicorn asks for it."""
        return Watched(H11Protocol(**given), self)

    def make_room(self, newest: "Watched") -> None:
        """Close one where there are too many: the newest only if all others are being answered."""
        if len(self.open) <= self.limits.connections:
            return
        silent = next(iter(self.silent))
        if silent is not newest:
            silent.abort()
            return
        first = min((one for one in self.open if one is not newest), key=Watched.waits)
        (newest if first.waits()[0] == Waits.ANSWER else first).abort()


class Watched:
    """uvicorn's protocol with a limit on the time that a head may take."""

    def __init__(self, inner: H11Protocol, among: Connections) -> None:
        self._inner, self._among = inner, among
        self._answered = inner.on_response_complete
        inner.on_response_complete = self._look_on  # type: ignore[method-assign]
        self._patience: asyncio.TimerHandle | None = None
        self._request: object = None
        self._since = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first head."""
        self._inner.connection_made(transport)
        self._among.open[self] = None
        self._wait_for_head()
        self._among.make_room(self)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self._among.open.pop(self, None)
        self._wait_no_more()
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Stop waiting when the head is whole."""
        self._inner.data_received(data)
        self._look()

    def eof_received(self) -> None:
        """The client sends no more."""
        self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It has read."""
        self._inner.resume_writing()

    def waits(self) -> tuple[Waits, float]:
        """What it waits for, and since when: its request, or the connection, began."""
        request = self._inner.cycle
        if request is not self._request:
            self._request, self._since = request, asyncio.get_running_loop().time()
        if request is None or request.response_complete:
            return Waits.HEAD, self._since
        if request.more_body:
            return Waits.BODY, self._since
        return Waits.READER if self._inner.flow.write_paused else Waits.ANSWER, self._since

    def abort(self) -> None:
        """Close without a word."""
        self._among.open.pop(self, None)
        self._wait_no_more()
        self._inner.transport.abort()

    def _look_on(self) -> None:
        """An answer is complete: a request behind it may have begun, or none."""
        self._answered()
        self._look()

    def _look(self) -> None:
        if self.waits()[0] == Waits.HEAD:
            self._wait_for_head()
        else:
            self._wait_no_more()

    def _wait_for_head(self) -> None:
        if self._patience is None:
            seconds = self._among.limits.head_seconds
            self._patience = asyncio.get_running_loop().call_later(seconds, self._give_up)
        self._among.silent.setdefault(self)

    def _wait_no_more(self) -> None:
        self._among.silent.pop(self, None)
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self.waits()[0] == Waits.HEAD:
            self.abort()
