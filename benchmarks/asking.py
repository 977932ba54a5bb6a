"""Asks a server over loopback, as fast as it answers or at a given pace; requests are made beforehand."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

HEAD = "POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n"


@dataclass(frozen=True)
class Told:
    """One answer: when it was asked for, after how many seconds it came, and its status."""

    asked: float
    seconds: float
    status: int


def request(pictures: Sequence[bytes]) -> bytes:
    """One request with these pictures, head and body."""
    if len(pictures) == 1:
        return HEAD.format("image/jpeg", len(pictures[0])).encode() + pictures[0]
    part = b'--part\r\ncontent-disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    body = b"".join(part + picture + b"\r\n" for picture in pictures) + b"--part--\r\n"
    return HEAD.format("multipart/form-data; boundary=part", len(body)).encode() + body


class Client:
    """Connections to one server, kept open and used again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, content: bytes) -> Told:
        """Send one request and read its answer."""
        asked = time.perf_counter()
        reader, writer = self._free.pop() if self._free else await self._connect()
        try:
            writer.write(content)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length[15:]))
        except (ConnectionError, asyncio.IncompleteReadError):  # an idle connection was closed meanwhile
            writer.close()
            return await self.ask(content)
        self._free.append((reader, writer))
        return Told(asked, time.perf_counter() - asked, int(head[9:12]))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        """Close what is open."""
        for _, writer in self._free:
            writer.close()


def flat_out(port: int, contents: Sequence[bytes], *, together: int) -> list[Told]:
    """Each request once, so many at a time."""

    async def story() -> list[Told]:
        client, waiting, told = Client(port), iter(contents), []

        async def one_after_another() -> None:
            for content in waiting:
                told.append(await client.ask(content))

        await asyncio.gather(*(one_after_another() for _ in range(together)))
        client.close()
        return told

    return asyncio.run(story())


def at_pace(port: int, contents: Sequence[bytes], *, a_second: float, seconds: float) -> list[Told]:
    """Requests at random times (a Poisson process, drawn once), whether or not earlier ones are answered.

    Seconds are counted from the time a request was due, so a client that comes late hides nothing.
    """

    async def story() -> list[Told]:
        client, gaps, due = Client(port), random.Random(0), time.perf_counter()
        until, told, running = due + seconds, [], set()

        async def one(content: bytes, due: float) -> None:
            found = await client.ask(content)
            told.append(replace(found, asked=due, seconds=found.asked + found.seconds - due))

        for content in itertools.cycle(contents):
            due += gaps.expovariate(a_second)
            if due > until:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.ensure_future(one(content, due))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        client.close()
        return told

    return asyncio.run(story())
