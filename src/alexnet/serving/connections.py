"""Connections that ask nothing do not stay: half-open and idle ones are closed, the longest waiting first.

uvicorn closes a connection that idles after an answer, but waits without end for the head of a first request
and for the rest of a head that was begun.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from alexnet.serving.limits import Limits


class Connections:
    """Makes the protocol of each connection, and knows which of them wait for the head of a request."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.open = 0
        self._waiting: dict[Watched, None] = {}  # the longest waiting first

    def __call__(self, **given: Any) -> "Watched":
        """The protocol of a new connection, as uvicorn asks for it."""
        return Watched(H11Protocol(**given), self)

    def wait(self, one: "Watched") -> None:
        """A connection waits for a head from now on."""
        self._waiting.setdefault(one)

    def wait_no_more(self, one: "Watched") -> None:
        """It has one, or is gone."""
        self._waiting.pop(one, None)

    def make_room(self) -> None:
        """Close the one that waits longest, where there are too many."""
        if self.open > self.limits.connections and self._waiting:
            longest = next(iter(self._waiting))
            self.wait_no_more(longest)
            longest.abort()


class Watched:
    """uvicorn's protocol with a limit on the time that a head may take."""

    def __init__(self, inner: H11Protocol, among: Connections) -> None:
        self._inner, self._among = inner, among
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first head."""
        self._inner.connection_made(transport)
        self._among.open += 1
        self._among.wait(self)
        self._wait()
        self._among.make_room()

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self._among.open -= 1
        self._among.wait_no_more(self)
        self._wait_no_more()
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Stop waiting when the head is whole."""
        self._inner.data_received(data)
        if self._busy():
            self._wait_no_more()
            self._among.wait_no_more(self)
        else:
            self._wait()

    def eof_received(self) -> None:
        """The client sends no more."""
        self._inner.eof_received()

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It has read."""
        self._inner.resume_writing()

    def abort(self) -> None:
        """Close without a word: nobody asked anything."""
        if not self._busy():
            self._inner.transport.abort()

    def _busy(self) -> bool:
        cycle = self._inner.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        if self._patience is None:
            seconds = self._among.limits.head_seconds
            self._patience = asyncio.get_running_loop().call_later(seconds, self._give_up)
        self._among.wait(self)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        self.abort()
