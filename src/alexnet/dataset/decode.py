"""From the bytes of a picture to RGB pixels: the only decoder in the project, for one policy everywhere.

EXIF orientation is applied, transparency lies over white, sixteen bits are scaled to eight, grey becomes
three equal channels, CMYK becomes RGB, an animation gives its first frame. What is damaged is refused.
Sources: ITU-T T.81 (JPEG markers), the PNG specification (IHDR, tRNS), ISO/IEC 14496-12 (ftyp boxes).
"""

import re
import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from alexnet.problem import Problem

Pixels = NDArray[np.uint8]

MAX_PIXELS = 89_478_485
"""A quarter of a gibibyte of RGB: Pillow's own limit, held here before anything is decoded."""

DECODE_POLICY = (
    "torchcodec (JPEG, PNG, WebP, AVIF) and Pillow (GIF, BMP, TIFF, animations); EXIF orientation applied; "
    "alpha over white; 16 bits scaled; first frame; grey to three equal channels"
)


def decode(content: bytes) -> Pixels:
    """Bytes of a JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF -> RGB uint8 [H, W, 3].

    A Problem gives the reason alone: the caller knows the picture's name.
    """
    return _DECODERS[_kind(content)](content)


def stated_size(content: bytes) -> tuple[int, int]:
    """Width and height as the header states them, before anything is decoded and before EXIF turns it.

    A Problem gives the reason alone.
    """
    kind = _kind(content)
    if kind == "jpeg":
        return _jpeg_size(content)
    if kind == "png":
        return _png_size(content)
    with _opened(content) as picture:
        return picture.size


def _kind(content: bytes) -> str:
    for kind, start in _SIGNATURES:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[4:8] == b"ftyp":
        brands = content[8 : min(64, int.from_bytes(content[:4], "big"))]
        if b"avif" in brands or b"avis" in brands:
            return "avif"
        raise Problem("HEIC or another kind that is not read: convert it to JPEG or PNG")
    if not content:
        raise Problem("empty file")
    raise Problem("not a JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF picture")


_SIGNATURES = (
    ("jpeg", b"\xff\xd8\xff"),
    ("png", b"\x89PNG\r\n\x1a\n"),
    ("gif", b"GIF8"),
    ("bmp", b"BM"),
    ("tiff", b"II*\0"),
    ("tiff", b"MM\0*"),
    ("tiff", b"II+\0"),
    ("tiff", b"MM\0+"),
)


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise Problem(f"{width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise Problem(f"{width} x {height} pixels, more than the limit of {MAX_PIXELS:,} in all")


def _native(kind: str, content: bytes, mode: str) -> Pixels:
    # here, not at the top: they bring torch, which takes seconds, and packs of pixels are read without it
    import torch
    from torchcodec import decoders

    # A writable copy: torch.frombuffer warns over bytes, and silencing a warning is not safe in threads.
    data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    try:
        picture = getattr(decoders, f"decode_{kind}")(data, mode=mode)
    except (RuntimeError, ValueError) as error:
        raise Problem(_reason(error)) from error
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _reason(error: Exception) -> str:
    """What a library says, in one line without its own source file's name in front."""
    said = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"^.*\.(cpp|h):\d+,\s*", "", said)[:200]


def _over_white(picture: Pixels) -> Pixels:
    """RGBA uint8 [H, W, 4] -> RGB over white, rounded as Pillow's alpha_composite rounds."""
    if (picture[..., 3] == 255).all():
        return np.ascontiguousarray(picture[..., :3])
    white = np.empty((*picture.shape[:2], 3), np.uint8)
    for start in range(0, len(picture), _ROWS):  # a few rows at a time: the sums take four times the picture
        rows = picture[start : start + _ROWS]
        alpha = rows[..., 3:].astype(np.uint16)
        white[start : start + _ROWS] = (rows[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return white


_ROWS = 16


def _jpeg(content: bytes) -> Pixels:
    _check_size(*_jpeg_size(content))
    picture = _native("jpeg", content, "RGB")
    # Where a picture was turned by EXIF its end is in another corner.
    corners = {picture[y, x].tobytes() for y in (0, -1) for x in (0, -1)}
    if not corners.isdisjoint(_UNWRITTEN) and _ends_early(content):
        raise Problem("Image is incomplete or truncated.")
    return picture


# libjpeg fills what a file does not hold with mid grey: 128 in RGB, about 64 where CMYK is mixed to RGB.
_UNWRITTEN = {bytes([grey] * 3) for grey in (63, 64, 127, 128)}


def _ends_early(content: bytes) -> bool:
    """Whether the end marker stands before the last block: then bytes put before it change the picture.

    Where every block was written, the decoder passes over such bytes; Pillow does so without a word.
    """
    end = content.rfind(b"\xff\xd9")
    longer = content[:end] + bytes(range(1, 128)) * 4 + content[end:]
    try:
        first, second = (
            np.asarray(Image.open(BytesIO(data), formats=["JPEG"])) for data in (content, longer)
        )
    except Exception:  # as for every reader of Pillow
        return True
    return not np.array_equal(first, second)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height from the frame header, found by walking the segments before it ([T.81] B.1.1.3)."""
    at = 2
    for _ in range(_SEGMENTS):
        found = _MARKER.search(content, at)
        if found is None or found.end() + 7 > len(content):
            break
        marker, at = found[1][0], found.end()
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 3)
            return width, height
        if marker > 0x01 and not 0xD0 <= marker <= 0xD8:
            at += int.from_bytes(content[at : at + 2], "big")
    raise Problem("Image is incomplete or truncated.")


_MARKER = re.compile(rb"\xff([^\xff])", re.DOTALL)  # not \xff+, which takes quadratic time
_SEGMENTS = 10_000  # before the frame header: files have a dozen


def _png_size(content: bytes) -> tuple[int, int]:
    if len(content) < 33 or content[12:16] != b"IHDR":
        raise Problem("Image is incomplete or truncated.")
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _png(content: bytes) -> Pixels:
    _check_size(*_png_size(content))
    colour_type = content[25]
    if colour_type in (4, 6) or b"tRNS" in content[: content.find(b"IDAT")]:
        return _over_white(_native("png", content, "RGB_ALPHA"))
    return _native("png", content, "RGB")


def _still(kind: str, content: bytes) -> Pixels:
    """WebP or AVIF: torchcodec would decode every frame of an animation, Pillow decodes the first alone."""
    with _opened(content) as picture:
        animated, transparent = getattr(picture, "is_animated", False), picture.has_transparency_data
    if animated:
        return _pillow(content)
    if transparent:
        return _over_white(_native(kind, content, "RGB_ALPHA"))
    return _native(kind, content, "RGB")


def _opened(content: bytes) -> Image.Image:
    try:
        picture = Image.open(BytesIO(content), formats=("WEBP", "AVIF", "GIF", "BMP", "TIFF"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Problem(f"more than the limit of {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # Pillow's readers raise anything on a damaged file
        raise Problem("damaged, or not the kind of picture that its first bytes say") from error
    _check_size(*picture.size)
    return picture


def _pillow(content: bytes) -> Pixels:
    with _opened(content) as opened:
        try:
            opened.seek(0)
            ImageOps.exif_transpose(opened, in_place=True)
            return _rgb(opened)
        except Problem:
            raise
        except Exception as error:  # as above
            raise Problem(_reason(error)) from error


def _rgb(picture: Image.Image) -> Pixels:
    if picture.mode in ("I", "F"):
        raise Problem("32 bits a pixel, whose range no file states: convert it to 8 or 16 bits")
    if picture.mode.startswith("I;16"):
        grey = np.round(np.asarray(picture).astype(np.float32) / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        return _over_white(np.asarray(picture if picture.mode == "RGBA" else picture.convert("RGBA")))
    return np.array(picture.convert("RGB"))


_DECODERS: dict[str, Callable[[bytes], Pixels]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": lambda content: _still("webp", content),
    "avif": lambda content: _still("avif", content),
    "gif": _pillow,
    "bmp": _pillow,
    "tiff": _pillow,
}
