import io
import struct
import tarfile
import time
import zlib
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from alexnet.dataset.decode import MAX_PIXELS, decode, stated_size
from alexnet.problem import Problem

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


def gradient(height: int = 23, width: int = 31) -> np.ndarray:
    """Smooth RGB, so that a lossy format stays near it."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(
        np.uint8
    )


def picture(mode: str, pixels: np.ndarray) -> Image.Image:
    if mode in ("LA", "RGBA"):
        alpha = np.tile(np.linspace(0, 255, pixels.shape[1]).astype(np.uint8), (len(pixels), 1))
        return Image.fromarray(np.dstack([pixels, alpha])).convert(mode)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_pillow(content: bytes) -> np.ndarray:
    """Pillow's own answer under the same policy."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def equal(one: np.ndarray, other: np.ndarray, kind: str) -> bool:
    """To the bit; builds of the libraries of lossy formats may round apart by one."""
    most = int(np.abs(one.astype(int) - other).max()) if one.shape == other.shape else 256
    return most <= (1 if kind in ("JPEG", "WEBP", "AVIF") else 0)


def writable() -> list[tuple[str, str]]:
    """The formats and modes that Pillow can write."""
    found = []
    for kind, mode in product(FORMATS, MODES):
        with suppress(OSError, ValueError):
            encoded(picture(mode, gradient()), kind)
            found.append((kind, mode))
    return found


@pytest.mark.parametrize(("kind", "mode"), writable())
def test_every_mode_of_every_format_is_as_pillow_answers(kind: str, mode: str) -> None:
    content = encoded(picture(mode, gradient()), kind)
    found = decode(content)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert equal(found, by_pillow(content), kind)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(("JPEG", "PNG", "WEBP", "AVIF", "TIFF")),
    mode=st.sampled_from(("L", "RGB", "RGBA")),
    orientation=st.integers(1, 8),
    sides=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 9),
)
def test_any_picture_and_orientation_is_as_pillow_answers(
    kind: str, mode: str, orientation: int, sides: tuple[int, int], seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*sides, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    mode = "RGB" if kind == "JPEG" and mode == "RGBA" else mode
    content = encoded(picture(mode, pixels), kind, exif=exif)
    found = decode(content)
    assert found.shape[:2] == (sides if orientation < 5 else sides[::-1])
    assert equal(found, by_pillow(content), kind)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_colour_lies_over_white(kind: str) -> None:
    content = encoded(Image.fromarray(gradient()).quantize(8), kind, transparency=3)
    found = decode(content)
    assert equal(found, by_pillow(content), kind)
    assert (found == 255).all(axis=2).any()


def png(pixels: np.ndarray) -> bytes:
    """A 16-bit PNG, grey or RGB, which Pillow cannot write in colour."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def test_sixteen_bits_are_scaled_to_eight() -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.repeat(np.round(ramp / 257).astype(np.uint8)[..., None], 3, axis=2)
    assert (decode(png(ramp)) == expected).all()
    assert (decode(png(np.repeat(ramp[..., None], 3, axis=2))) == expected).all()
    for byte_order in ("<u2", ">u2"):
        tiff = Image.frombytes(
            "I;16" if byte_order == "<u2" else "I;16B", (256, 256), ramp.astype(byte_order).tobytes()
        )
        assert (decode(encoded(tiff, "TIFF")) == expected).all()


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bits_are_refused(mode: str) -> None:
    with pytest.raises(Problem, match="32 bits"):
        decode(encoded(Image.fromarray(gradient()[..., 0]).convert(mode), "TIFF"))


def test_cmyk_is_converted_whatever_its_adobe_marker_says() -> None:
    content = encoded(Image.fromarray(gradient()).convert("CMYK"), "JPEG", quality=95)
    start = content.find(b"\xff\xee")
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    as_ycck = content[: end - 1] + b"\x02" + content[end:]
    for variant in (content, content[:start] + content[end:], as_ycck):
        assert equal(decode(variant), by_pillow(variant), "JPEG")
    assert np.abs(decode(content).astype(int) - gradient()).mean() < 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF", "PNG"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.fromarray(np.roll(gradient(), 9 * number, axis=1)) for number in range(4)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert decode(content).shape == gradient().shape
    assert equal(decode(content), by_pillow(content), kind)
    assert np.abs(decode(content).astype(int) - gradient()).mean() < 12


def answer(content: bytes) -> np.ndarray | str:
    """The pixels, or the reason why there are none."""
    try:
        return decode(content)
    except Problem as problem:
        return str(problem)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_anywhere_is_refused_or_whole(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 48, 3), np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    whole, cuts = decode(content), np.unique(np.linspace(0, len(content) - 1, 60).astype(int))
    answers = [answer(content[:cut]) for cut in cuts]
    reasons = [each for each in answers if isinstance(each, str)]
    assert len(reasons) >= 55
    assert not any("\n" in reason or "/" in reason for reason in reasons)
    assert all((each == whole).all() for each in answers if not isinstance(each, str))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}], ids=["plain", "restarts"])
def test_a_cut_jpeg_that_ends_properly_is_never_half_grey(
    mode: str, orientation: int, options: dict[str, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise = np.random.default_rng(2).integers(0, 256, (64, 80, 3), np.uint8)
    content = encoded(Image.fromarray(noise).convert(mode), "JPEG", exif=exif, **options)
    decode(content)
    start = content.find(b"\xff\xda") + 40
    for cut in np.linspace(start, len(content) * 0.9, 8).astype(int):
        with pytest.raises(Problem, match="truncated"):
            decode(content[:cut] + b"\xff\xd9")


def test_a_whole_jpeg_with_grey_corners_is_read() -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    pixels[20:40, 20:40] = gradient(20, 20)
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        content = encoded(Image.fromarray(pixels), "JPEG", quality=95, **options)
        assert equal(decode(content), by_pillow(content), "JPEG")
        assert equal(decode(content[:-2] + b"junk" + content[-2:] + b"after"), by_pillow(content), "JPEG")


def oversized(kind: str) -> bytes:
    """A small file whose header promises far more pixels than the limit."""
    content = bytearray(encoded(Image.fromarray(gradient()), kind))
    side = struct.pack("<I", 60_000)
    if kind == "JPEG":
        frame = content.find(b"\xff\xc0") + 5
        content[frame : frame + 4] = struct.pack(">HH", 60_000, 60_000)
    elif kind == "PNG":
        return png(np.zeros((1, 1), np.uint16)).replace(
            struct.pack(">II", 1, 1), struct.pack(">II", 60_000, 60_000), 1
        )
    elif kind == "GIF":
        content[6:10] = struct.pack("<HH", 60_000, 60_000)
    elif kind == "BMP":
        content[18:26] = side + side
    return bytes(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded(kind: str) -> None:
    assert MAX_PIXELS < 60_000**2
    with pytest.raises(Problem, match="limit"):
        decode(oversized(kind))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"no picture", "not a JPEG"),
        (b"<svg></svg>", "not a JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Problem, match=reason):
        decode(content)


SIGNATURES = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"RIFF\0\0\0\0WEBP",
    b"\0\0\0\x18ftypavif",
]


@settings(max_examples=200, deadline=None)
@given(signature=st.sampled_from(SIGNATURES), rest=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_problem(signature: bytes, rest: bytes) -> None:
    assert len(answer(signature + rest)) > 0


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(FORMATS), place=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_a_problem(kind: str, place: float, byte: int) -> None:
    content = bytearray(encoded(Image.fromarray(gradient()), kind))
    content[int(place * (len(content) - 1))] = byte
    found = answer(bytes(content))
    assert found if isinstance(found, str) else found.shape[2] == 3


def test_photographs_are_as_pillow_answers(data: Path) -> None:
    with tarfile.open(data / "imagenet-samples-400.tar") as tar:
        for member in tar.getmembers()[::40]:
            file = tar.extractfile(member)
            assert file is not None
            content = file.read()
            assert equal(decode(content), by_pillow(content), "JPEG")


def test_fill_bytes_without_end_are_refused_at_once():
    began = time.perf_counter()
    with pytest.raises(Problem):
        stated_size(b"\xff\xd8" + b"\xff" * 3_000_000)
    assert time.perf_counter() - began < 2
