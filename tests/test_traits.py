"""A zoo of bad pictures: every one is named rightly, and nothing crashes anything."""

import io
import struct
import zlib
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from alexnet.dataset.decode import decode
from alexnet.dataset.examination.sight import look
from alexnet.dataset.examination.traits import Trait, cut_short, header_traits
from alexnet.dataset.sources import Entry
from alexnet.problem import Problem

NAMES = {
    "JPEG": "x.jpg",
    "PNG": "x.png",
    "WEBP": "x.webp",
    "GIF": "x.gif",
    "AVIF": "x.avif",
    "BMP": "x.bmp",
    "TIFF": "x.tif",
}
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def image(mode: str, height: int = 19, width: int = 23, seed: int = 0) -> Image.Image:
    """A picture of any of Pillow's modes, its colours and alpha drawn at random."""
    random = np.random.default_rng(seed)
    if mode.startswith("I;16"):
        return Image.fromarray(random.integers(0, 65536, (height, width)).astype(np.uint16))
    if mode in ("I", "F"):
        values = random.integers(0, 65536, (height, width))
        return Image.fromarray(values.astype(np.int32 if mode == "I" else np.float32))
    rgba = Image.fromarray(random.integers(0, 256, (height, width, 4), np.uint8))
    if mode in ("P", "1", "L", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
        rgba = rgba.convert("RGB")
    if mode in ("La", "PA"):
        rgba = rgba.convert("LA")
    return rgba.convert(mode)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes | None:
    """None where Pillow does not write that."""
    file = io.BytesIO()
    try:
        picture.save(file, kind, **options)
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return file.getvalue()


LOSSY = ("JPEG", "WEBP", "AVIF")  # builds of their libraries may round apart by one


def by_pillow(content: bytes) -> np.ndarray:
    """Pillow's own answer, upright, over white, sixteen bits scaled to eight."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if picture.mode.startswith("I;16"):
        grey = np.round(np.asarray(picture) / 257)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"), int)


def named(content: bytes, name: str = "x") -> Trait:
    """What `look` says of one picture, a Problem's reason not kept."""
    looked = look([(Entry(name, None, "a", len(content)), lambda: content)])
    return Trait(int(looked.rows[0]["traits"]))


def reasons(content: bytes) -> dict[int, str]:
    return look([(Entry("x", None, "a", len(content)), lambda: content)]).reasons


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(sorted(NAMES)),
    mode=st.sampled_from(MODES + DEEP),
    orientation=st.integers(0, 9),
    sides=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 5),
)
def test_every_mode_size_and_orientation_is_named_as_pillow_reads_it(
    kind: str, mode: str, orientation: int, sides: tuple[int, int], seed: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(image(mode, *sides, seed), kind, exif=exif)
    if content is None:
        return
    found = named(content, NAMES[kind])
    with Image.open(io.BytesIO(content)) as read:
        turned = read.getexif().get(0x0112, 1) in range(2, 9)
        assert bool(found & Trait.TURNED) == turned
        assert bool(found & Trait.CMYK) == (read.mode == "CMYK")
        assert bool(found & Trait.PALETTE) == (read.mode in ("P", "PA"))
        assert bool(found & Trait.ALPHA) == read.has_transparency_data
        deep = read.mode.startswith("I;16") or read.mode in ("I", "F")
    assert bool(found & Trait.SIXTEEN_BITS) == deep
    assert not found & (Trait.WRONG_EXTENSION | Trait.ANIMATED | Trait.TRUNCATED)
    if found & Trait.UNREADABLE:
        assert "32 bits" in reasons(content)[0]
        return
    pixels = decode(content)
    assert bool(found & Trait.GREY) == bool((pixels == pixels[..., :1]).all())
    assert np.abs(pixels.astype(int) - by_pillow(content)).max() <= (1 if kind in LOSSY else 0)


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(sorted(NAMES)),
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=20),
)
def test_whatever_is_done_to_a_file_it_is_read_or_named(
    kind: str, cut: float, flips: list[tuple[float, int]]
) -> None:
    whole = bytearray(encoded(image("RGB", 40, 50), kind) or b"")
    for where, bits in flips:
        whole[int(where * (len(whole) - 1))] ^= bits
    content = bytes(whole[: int(cut * len(whole))])
    header_traits(content, "x.jpg")
    found, why = named(content, NAMES[kind]), reasons(content)
    assert bool(found & (Trait.UNREADABLE | Trait.TRUNCATED)) == bool(why)
    assert not (found & Trait.UNREADABLE and found & Trait.TRUNCATED)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_a_file_that_was_cut_is_called_truncated(kind: str, share: float) -> None:
    content = encoded(image("RGB", 60, 70), kind) or b""
    assert not cut_short(content)
    short = content[: int(share * len(content))]
    assert cut_short(short)
    assert named(short) & Trait.TRUNCATED


def test_a_preview_in_the_exif_does_not_hide_that_the_picture_is_cut() -> None:
    preview = encoded(image("RGB", 8, 8), "JPEG") or b""
    content = (
        encoded(image("RGB", 60, 70), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + preview) or b""
    )
    assert not cut_short(content)
    assert cut_short(content[:-200])


@pytest.mark.parametrize(("kind", "name"), list(product(NAMES, NAMES.values())))
def test_an_extension_that_lies_is_named(kind: str, name: str) -> None:
    content = encoded(image("RGB"), kind) or b""
    assert bool(header_traits(content, name) & Trait.WRONG_EXTENSION) == (NAMES[kind] != name)
    assert not header_traits(content, name.rpartition(".")[0]) & Trait.WRONG_EXTENSION


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_animation_is_named(kind: str) -> None:
    frames = [image("RGB", seed=seed) for seed in range(3)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:]) or b""
    found = named(content, NAMES[kind])
    assert found & Trait.ANIMATED
    assert not found & (Trait.UNREADABLE | Trait.TRUNCATED)


def test_a_photograph_with_a_preview_behind_it_is_no_animation() -> None:
    frames = [image("RGB", seed=seed) for seed in range(2)]
    content = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]) or b""
    assert not named(content, "x.jpg") & (Trait.ANIMATED | Trait.WRONG_EXTENSION)


def png16(pixels: np.ndarray) -> bytes:
    """Sixteen bits of colour, which Pillow does not write."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def test_sixteen_bits_of_colour_are_named_though_pillow_opens_them_as_eight() -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 9, 3))
    found = named(png16(pixels), "x.png")
    assert found & Trait.SIXTEEN_BITS
    assert not found & (Trait.GREY | Trait.UNREADABLE)


def test_grey_is_what_has_three_equal_channels_however_it_is_kept() -> None:
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30), np.uint8))
    for picture in (grey, grey.convert("RGB"), grey.convert("P"), grey.convert("RGBA")):
        assert named(encoded(picture, "PNG") or b"") & Trait.GREY
    nearly = np.asarray(grey.convert("RGB")).copy()
    nearly[3, 4, 0] ^= 1
    assert not named(encoded(Image.fromarray(nearly), "PNG") or b"") & Trait.GREY


def test_blank_is_one_colour_with_a_little_noise() -> None:
    random = np.random.default_rng(0)
    plain = np.full((64, 64, 3), (200, 40, 40), np.uint8) + random.integers(0, 3, (64, 64, 3), np.uint8)
    assert named(encoded(Image.fromarray(plain), "PNG") or b"") & Trait.BLANK
    fine = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)  # grey when scaled down
    assert not named(encoded(Image.fromarray(fine), "PNG") or b"") & Trait.BLANK


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"no picture at all", "not a JPEG"),
        (b"<html><body>404</body></html>", "not a JPEG"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 20, "HEIC"),
    ],
)
def test_what_is_no_picture_is_unreadable_with_the_reason(content: bytes, reason: str) -> None:
    assert named(content) & Trait.UNREADABLE
    assert reason in reasons(content)[0]


def test_a_picture_that_would_take_the_memory_is_refused_by_its_header() -> None:
    content = bytearray(encoded(image("RGB"), "PNG") or b"")
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    assert "more than the limit" in reasons(bytes(content))[0]


def test_a_file_that_cannot_be_read_is_named_by_the_systems_reason() -> None:
    def read() -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    def refused() -> bytes:
        raise Problem("too large")

    looked = look([(Entry("x", None, "a"), read), (Entry("y", None, "a"), refused)])
    assert looked.reasons == {0: "No such file or directory", 1: "too large"}
