import asyncio
import io
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from PIL import Image
from served import picture

from alexnet.problem import Problem
from alexnet.serving.gather import Overloaded
from alexnet.serving.limits import (
    SOON,
    Bodies,
    Limits,
    PixelGate,
    Refused,
    check_length,
    check_picture,
    checked_soon,
)
from alexnet.serving.uploads import uploads

QUICK = Limits(request_bytes=100, held_bytes=150, pause_seconds=5, body_seconds=5)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class Slow:
    """A body whose pieces come when they are sent."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self.sent.get()) is not None:
            yield piece


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_body_is_held_until_it_is_released():
    async def story() -> None:
        bodies = Bodies(QUICK)
        body, number = await bodies.read(pieces(b"a" * 60, b"b" * 40))
        assert (body, bodies.held) == (b"a" * 60 + b"b" * 40, 100)
        bodies.release(number)
        assert bodies.held == 0

    run(story())


def test_a_body_that_is_too_long_is_refused_while_it_comes():
    async def story() -> None:
        bodies = Bodies(QUICK)
        with pytest.raises(Refused) as told:
            await bodies.read(pieces(b"a" * 60, b"b" * 41, b"c" * 10**9))
        assert told.value.status == 413
        assert told.value.close
        assert bodies.held == 0

    run(story())


@pytest.mark.parametrize("limits", [Limits(pause_seconds=0.01), Limits(body_seconds=0.01)])
def test_a_body_that_stops_coming_is_given_up(limits: Limits):
    async def story() -> None:
        bodies, slow = Bodies(limits), Slow()
        slow.sent.put_nowait(b"a")
        with pytest.raises(Refused) as told:
            await bodies.read(aiter(slow))
        assert told.value.status == 408
        assert bodies.held == 0

    run(story())


def test_where_all_room_is_taken_the_body_longest_on_its_way_is_given_up():
    async def story() -> None:
        bodies, oldest, newer = Bodies(QUICK), Slow(), Slow()
        readings = [asyncio.create_task(bodies.read(aiter(slow))) for slow in (oldest, newer)]
        await settled()
        oldest.sent.put_nowait(b"a" * 70)
        newer.sent.put_nowait(b"b" * 70)
        await settled()
        assert bodies.held == 140
        body, _ = await bodies.read(pieces(b"c" * 80))
        assert body == b"c" * 80
        with pytest.raises(Refused) as told:
            await readings[0]
        assert told.value.status == 408
        newer.sent.put_nowait(None)
        assert (await readings[1])[0] == b"b" * 70
        assert bodies.held == 150

    run(story())


def test_where_whole_bodies_take_all_room_there_is_overload():
    async def story() -> None:
        bodies = Bodies(QUICK)
        _, number = await bodies.read(pieces(b"a" * 100))
        with pytest.raises(Overloaded):
            await bodies.read(pieces(b"b" * 60))
        assert bodies.held == 100
        bodies.release(number)
        assert bodies.held == 0

    run(story())


def test_small_pictures_pass_together_and_a_large_one_alone_in_its_turn():
    async def story() -> None:
        gate, order = PixelGate(100), []

        async def passing(name: str, pixels: int) -> None:
            room = await gate.enter(pixels)
            order.append(name)
            await asyncio.sleep(0.01)
            gate.leave(room)
            order.append(f"{name} left")

        await asyncio.gather(passing("a", 50), passing("b", 50), passing("large", 500), passing("c", 10))
        assert order == ["a", "b", "a left", "b left", "large", "large left", "c", "c left"]

    run(story())


def test_one_that_stops_waiting_at_the_gate_takes_no_room():
    async def story() -> None:
        gate = PixelGate(100)
        room = await gate.enter(100)
        waiting = asyncio.create_task(gate.enter(100))
        await settled()
        waiting.cancel()
        await settled()
        gate.leave(room)
        assert await gate.enter(100) == 100

    run(story())


def test_a_declared_length_is_checked_before_a_byte_is_read():
    check_length("100", QUICK)
    check_length(None, QUICK)
    with pytest.raises(Refused):
        check_length("101", QUICK)


def test_pixels_are_read_from_the_header():
    assert check_picture(picture("red", size=(30, 20)), Limits()) == 600
    with pytest.raises(Problem, match="30 × 20 pixels"):
        check_picture(picture("red", size=(30, 20)), Limits(picture_pixels=599))
    with pytest.raises(Problem, match="bytes, more than the limit"):
        check_picture(picture("red"), Limits(picture_bytes=10))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_every_kind_states_its_size(kind: str):
    assert check_picture(picture("red", kind, (24, 16)), Limits()) == 24 * 16


def test_a_jpeg_of_very_many_scans_is_refused():
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "JPEG", progressive=True)
    content = file.getvalue()
    assert check_picture(content, Limits()) == 64 * 64
    scan = content[content.rfind(b"\xff\xda") : -2]
    with pytest.raises(Problem, match="scans"):
        check_picture(content[:-2] + scan * 100 + b"\xff\xd9", Limits())


DISPOSITION = "content-disposition: form-data"


def form(*parts: tuple[str, str, bytes], boundary: str = "x") -> bytes:
    return (
        b"".join(
            f'--{boundary}\r\n{DISPOSITION}; name="{name}"; filename="{file}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, file, content in parts
        )
        + f"--{boundary}--\r\n".encode()
    )


FORM = "multipart/form-data; boundary=x"


def test_raw_bytes_are_one_picture():
    for kind in (None, "image/jpeg", "application/octet-stream"):
        assert [one.content for one in uploads(kind, b"abc", Limits())] == [b"abc"]


def test_a_form_gives_its_pictures_in_order_without_their_folders():
    body = form(
        ("images", "a/b.png", b"1\r\n--y\r\n2"), ("image", "", b""), ("images", r"C:\shots\c.png", b"3")
    )
    found = [(one.name, one.content) for one in uploads(FORM, body, Limits())]
    assert found == [("b.png", b"1\r\n--y\r\n2"), ("picture 2", b""), ("c.png", b"3")]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/html", b"<p>", 415),
        ("application/json", b"{}", 415),
        ("image/png", b"", 422),
        (FORM, b"", 400),
        (FORM, b"nothing of the kind", 400),
        (FORM, form(("images", "a.png", b"1"))[:-10], 400),
        (FORM, form(("other", "a.png", b"1")), 422),
        (FORM, b"--x--\r\n", 422),
        (FORM, form(*[("images", "a.png", b"1")] * 33), 413),
        ("multipart/form-data", form(("images", "a.png", b"1")), 400),
        ("multipart/form-data; boundary=" + "x" * 500, b"--", 400),
    ],
)  # fmt: skip
def test_what_is_no_form_and_no_picture_is_refused(kind: str, body: bytes, status: int):
    with pytest.raises(Refused) as told:
        uploads(kind, body, Limits())
    assert told.value.status == status
    assert told.value.reason


def test_only_short_headers_of_small_files_are_read_at_once() -> None:
    assert checked_soon(picture("red", "JPEG"))
    assert checked_soon(picture("red", "PNG"))
    assert not checked_soon(picture("red", "GIF"))
    assert not checked_soon(picture("red", "TIFF"))
    assert not checked_soon(picture("red", "PNG") + bytes(SOON))
