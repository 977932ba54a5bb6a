"""A server in a process of its own against what it must stand: damaged pictures, slow clients, signals."""

import io
import json
import random
import re
import socket
import struct
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import Running, serving, trained_run

from alexnet import cli
from alexnet.serving.classifier import Classifier, open_classifier

GIGABYTE = 10**9
RAW = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(digits, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Running]:
    with serving(run) as running:
        yield running


@pytest.fixture
def asking(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


# -- pictures -----------------------------------------------------------------------------------------------


def encoded(pixels: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **options)
    return file.getvalue()


def noise(chance: random.Random, mode: str = "RGB") -> Image.Image:
    seed = chance.randrange(2**32)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int, rows: int) -> bytes:
    """A PNG whose header states a size that its few bytes, unpacked, come near to."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = zlib.compress(bytes((3 * width + 1) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def stated(content: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame header states another size."""
    at = content.index(b"\xff\xc0")
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def whole(chance: random.Random) -> bytes:
    return encoded(noise(chance), chance.choice(KINDS))


def truncated(chance: random.Random) -> bytes:
    content = whole(chance)
    return content[: chance.randrange(len(content))]


def flipped(chance: random.Random) -> bytes:
    content = bytearray(whole(chance))
    for _ in range(chance.randrange(1, 20)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content)


def inserted(chance: random.Random) -> bytes:
    content, at = whole(chance), chance.randrange(200)
    return content[:at] + chance.randbytes(chance.randrange(1, 50)) + content[at:]


def of_mode(chance: random.Random) -> bytes:
    mode, kind = chance.choice((
        ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("P", "PNG"), ("P", "GIF"), ("RGBA", "PNG"), ("RGBA", "WEBP"),
        ("LA", "PNG"), ("L", "JPEG"), ("1", "PNG"), ("1", "TIFF"), ("YCbCr", "TIFF"), ("I", "TIFF"),
        ("F", "TIFF"),
    ))  # fmt: skip
    return encoded(noise(chance, "RGBA" if mode == "LA" else "RGB").convert(mode), kind)


def sixteen_bits(chance: random.Random) -> bytes:
    pixels = np.random.default_rng(chance.randrange(2**32)).integers(0, 65536, (24, 32), np.uint16)
    return encoded(pixels, chance.choice(("PNG", "TIFF")))


def animated(chance: random.Random) -> bytes:
    frames = [noise(chance) for _ in range(3)]
    return encoded(frames[0], chance.choice(("GIF", "WEBP", "PNG")), save_all=True, append_images=frames[1:])


def turned(chance: random.Random) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = chance.randrange(0, 12)
    return encoded(noise(chance), chance.choice(("JPEG", "PNG", "WEBP")), exif=exif)


def huge(chance: random.Random) -> bytes:
    """Headers that state far more than there is."""
    image = noise(chance)
    width, wider = struct.pack("<HHII", 256, 4, 1, 32), struct.pack("<HHII", 256, 4, 1, 10**6)
    bitmap = struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6)
    return chance.choice((
        stated(encoded(image, "JPEG"), 60_000, 60_000),
        bomb(60_000, 60_000, 10),
        b"BM" + bitmap + b"\0" * 16,
        b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + encoded(image, "GIF")[13:],
        encoded(image, "TIFF").replace(width, wider),
    ))  # fmt: skip


def unpacking(chance: random.Random) -> bytes:
    """Bombs within the limit of pixels: they may be answered, in bounded memory."""
    side = chance.choice((500, 1000, 2000))
    return bomb(side, side, side)


def polyglot(chance: random.Random) -> bytes:
    other = chance.choice((b"PK\x03\x04", b"%PDF-1.7\n", b"<html><script>", b"#!/bin/sh\n", b"\x7fELF"))
    return chance.choice((other + whole(chance), whole(chance) + other + chance.randbytes(100)))


def strange(chance: random.Random) -> bytes:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    return chance.choice((
        b"", b"\0" * chance.randrange(1, 1000), svg, b"<?xml version='1.0'?>" + svg, b"\xff\xd8\xff",
        b"\xff\xd8" + b"\xff" * 100_000, b"II*\0" + b"\xff" * 64, chance.randbytes(500), b"GIF8",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"\0\0\0\x1cftypavif" + b"\0" * 40,
    ))  # fmt: skip


MUTATIONS: tuple[Callable[[random.Random], bytes], ...] = (
    whole, truncated, flipped, inserted, of_mode, sixteen_bits, animated, turned, huge, unpacking,
    polyglot, strange,
)  # fmt: skip


def rightly(classifier: Classifier, content: bytes) -> list[tuple[str, float]]:
    """What the classifier answers without a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damaged EXIF data
        return classifier.top(classifier.prepare(content)[None], 10)[0]


def attack(asking: httpx.Client, server: Running, run: Path, *, count: int) -> dict[int, int]:
    """Send mutated pictures, several at a time; each is answered rightly or refused with a reason."""
    chance, classifier, statuses = random.Random(count), open_classifier(run), {200: 0, 422: 0}
    made = [MUTATIONS[number % len(MUTATIONS)](chance) for number in range(count)]
    together = 4
    for start in range(0, count, together):
        share = made[start : start + together]
        files = [("images", (str(number), each)) for number, each in enumerate(share)]
        found = asking.post("/v1/classify?top=10", files=files)
        assert found.status_code in (200, 422), found.text
        answers = found.json()["answers"]
        assert len(answers) == len(share)
        for content, answer in zip(share, answers, strict=True):
            statuses[200 if answer["top"] else 422] += 1
            if answer["top"] is None:
                assert answer["error"]
                assert not re.search(r"(?<!\w)/\w+/", answer["error"]), answer["error"]
            else:
                right = rightly(classifier, content)
                shares = dict(right)
                assert answer["top"][0]["class"] == right[0][0]
                for one in answer["top"]:
                    assert one["probability"] == pytest.approx(shares[one["class"]], abs=1e-4)
    assert server.process.poll() is None
    return statuses


def test_two_hundred_mutated_pictures(asking: httpx.Client, server: Running, run: Path):
    statuses = attack(asking, server, run, count=204)
    assert statuses[200] > 60
    assert statuses[422] > 60
    assert server.memory("VmHWM") < GIGABYTE
    foreign = [one for one in server.lines if "time" not in one]  # not a line of the server's log
    assert foreign == []


@pytest.mark.slow
def test_two_thousand_mutated_pictures(asking: httpx.Client, server: Running, run: Path):
    attack(asking, server, run, count=1000)
    before = server.memory()
    attack(asking, server, run, count=2004)
    assert server.memory() < before + 100 * 2**20
    assert server.memory("VmHWM") < GIGABYTE


def test_the_largest_pictures_at_once_stay_within_a_gigabyte(asking: httpx.Client, server: Running):
    pixels = np.zeros((3500, 3500, 4), np.uint8)
    pixels[::2] = (200, 100, 50, 128)
    content = encoded(pixels, "PNG", compress_level=1)
    found = asking.post("/v1/classify", files=[("images", (str(number), content)) for number in range(3)])
    assert found.status_code == 200, found.text
    assert all(one["top"] for one in found.json()["answers"])
    assert server.memory("VmHWM") < GIGABYTE


# -- the described interface --------------------------------------------------------------------------------

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


def fuzz(server: Running, examples: int) -> int:
    """Ask what schemathesis thinks of by the described interface; how often."""
    schema, asked = schemathesis.openapi.from_url(f"{server.url}/openapi.json"), 0
    for result in schema.get_all_operations():

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=result.ok().as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(checks=CHECKS)

        ask()
    return asked


def test_what_schemathesis_thinks_of(server: Running):
    assert fuzz(server, 5) >= 20


@pytest.mark.slow
def test_what_schemathesis_thinks_of_at_length(server: Running):
    assert fuzz(server, 200) >= 400


# -- slow clients -------------------------------------------------------------------------------------------


HEAD = b"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n"
SLOW = {
    "half open": [b"", b"GET / HT", HEAD % 10**6, (HEAD % 10**6) + b"\r\n"],
    "slow bodies": [(HEAD % 10**6) + b"\r\n" + b"x" * 10_000],
    "half a body behind an answer": [
        b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" + HEAD % 9 + b"\r\nx"
    ],
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_more_slow_clients_than_connections_do_not_starve_others(server: Running, sent: list[bytes]):
    """Six hundred of them, while 512 connections are held at most: a request on a new one is answered."""
    picture = encoded(noise(random.Random(1)), "JPEG")
    with ExitStack() as sockets:

        def slow(number: int) -> None:
            one = sockets.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            one.sendall(sent[number % len(sent)])
            if sent[number % len(sent)].startswith(b"GET /healthz "):  # while it is answered it may stay
                assert one.recv(4096).startswith(b"HTTP/1.1 200")

        for number in range(600):
            slow(number)
        began = time.monotonic()
        for number in range(10):
            found = httpx.post(f"{server.url}/v1/classify", content=picture, headers=RAW, timeout=20)
            assert found.status_code == 200
            slow(number)  # they keep coming
        assert time.monotonic() - began < 10
    assert server.process.poll() is None


def test_bodies_that_fill_all_room_do_not_starve_others(server: Running):
    """Twelve times nine megabytes that never end, of 40 MiB that bodies may hold."""
    picture = encoded(noise(random.Random(1)), "JPEG")
    with ExitStack() as sockets:
        for _ in range(12):
            one = sockets.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            one.sendall(HEAD % 30_000_000 + b"\r\n")
            one.settimeout(5)
            with suppress(OSError):  # it was given up meanwhile
                one.sendall(b"x" * 9_000_000)
        for _ in range(5):
            found = httpx.post(f"{server.url}/v1/classify", content=picture, headers=RAW, timeout=20)
            assert found.status_code == 200
    assert server.memory("VmHWM") < GIGABYTE


def closed_after(port: int, sent: bytes) -> float:
    """Seconds until the server closes a connection on which this was sent."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        one.sendall(sent)
        while one.recv(65536):
            pass
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET /heal"],
    ids=["silent", "half a head", "half a second head"],
)
def test_a_connection_that_asks_nothing_is_closed(server: Running, sent: bytes):
    assert closed_after(server.port, sent) < 20


# -- signals ------------------------------------------------------------------------------------------------


def test_sigterm_finishes_what_is_held_and_ends_with_0(run: Path):
    picture = encoded(noise(random.Random(1)), "JPEG")
    with serving(run) as running:
        length = f"content-length: {len(picture)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as one:
            one.sendall(b"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\n" + length)
            one.sendall(picture[:10])
            time.sleep(0.5)
            running.process.terminate()
            time.sleep(0.5)
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", running.port), timeout=5)
            one.sendall(picture[10:])
            answer = one.makefile("rb").read()
        assert running.process.wait(20) == 0
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)["answers"][0]["top"]
    assert running.lines[-1]["event"] == "stopped"


def test_nothing_it_says_names_a_place_of_this_machine(server: Running, asking: httpx.Client, run: Path):
    picture = encoded(noise(random.Random(1)), "JPEG")
    texts = [asking.get(path).text for path in ("/v1/model", "/openapi.json", "/metrics", "/no/thing")]
    texts += [asking.post(path, content=picture, headers=RAW).text for path in ("/v1/similar", "/v1/look")]
    texts += [json.dumps(line) for line in server.lines if line["event"] in ("listening", "request")]
    for text in texts:
        assert str(run.parent) not in text
        assert str(Path(__file__).parents[1]) not in text


def test_a_look_inside_and_neighbours_of_a_real_run(asking: httpx.Client):
    picture = encoded(noise(random.Random(1)), "JPEG")
    seen = asking.post("/v1/look", content=picture, headers=RAW).json()
    for name in ("view", "saliency", "gradcam", "kernels", "maps"):
        assert seen[name].startswith("data:image/png;base64,"), name
    near = asking.post("/v1/similar?k=3&pictures=true", content=picture, headers=RAW).json()["answers"][0]
    assert len(near["neighbours"]) == 3
    distances = [one["distance"] for one in near["neighbours"]]
    assert distances == sorted(distances)
    likely = asking.post("/v1/classify?top=1", content=picture, headers=RAW).json()["answers"][0]["top"][0]
    assert likely["class"] == seen["class"]
    told = asking.get("/v1/model").json()
    assert told["errors"]["images"] == 359
    assert told["trained_on"] == 1438
    assert (told["similar"], told["look"], len(told["samples"])) == (None, None, 6)
    sample = asking.get("/v1/samples/0")
    assert Image.open(io.BytesIO(sample.content)).size == (12, 12)


def test_a_wrong_command_says_why(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("ALEXNET_TOKEN", raising=False)
    for words, told in ((["--host", "0.0.0.0"], "--open"), (["--port", "70000"], "65535"),
                        (["--host", "192.0.2.1", "--open"], "cannot listen")):  # fmt: skip
        monkeypatch.setattr("sys.argv", ["alexnet", "serve", str(run), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 2
        assert told in capsys.readouterr().err
