"""What a picture's file says of itself, before it is decoded: turned, CMYK, palette, alpha, bits, frames.

None of it spoils a picture here, since the decoder has a rule for each (docs/decoding.md); other programs may
have none. Sources: ITU-T T.81 (JPEG markers), the PNG specification (IHDR, IEND), RIFF and BMP sizes, ISO/IEC
14496-12 (boxes), TIFF 6.0 (BitsPerSample), Exif 2.3 (orientation, tag 0x0112).
"""

from enum import IntFlag, auto
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from PIL import Image

__all__ = ["Trait", "cut_short", "header_traits"]


class Trait(IntFlag):
    """What may be said of one picture; bits, so that a million of them are one array."""

    UNREADABLE = auto()
    TRUNCATED = auto()
    WRONG_EXTENSION = auto()
    TURNED = auto()
    CMYK = auto()
    PALETTE = auto()
    ALPHA = auto()
    SIXTEEN_BITS = auto()
    GREY = auto()
    ANIMATED = auto()
    BLANK = auto()


_EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif"),  # a JPEG with a second one behind it, as telephones write
    "PNG": (".png",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}

_FORMATS = tuple(kind for kind in _EXTENSIONS if kind != "MPO")  # Pillow opens that as a JPEG

_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 258
_OFFSETS, _LENGTHS = (273, 324), (279, 325)  # of strips and of tiles


def header_traits(content: bytes, name: str) -> Trait:
    """The traits that a file's header tells; none where it has no header that Pillow knows.

    >>> header_traits(b"GIF89a", "cat.jpg")
    <Trait: 0>
    """
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            return _of_kind(picture, content, name) | _of_mode(picture) | _of_exif(picture)
    except Exception:  # Pillow's readers raise anything on a damaged file; the decoder gives the reason
        return Trait(0)


def _of_kind(picture: Image.Image, content: bytes, name: str) -> Trait:
    found = Trait(0)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix not in _EXTENSIONS[picture.format or ""]:
        found |= Trait.WRONG_EXTENSION
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        found |= Trait.ANIMATED
    if _bits(picture, content) > 8:
        found |= Trait.SIXTEEN_BITS
    return found


def _bits(picture: Image.Image, content: bytes) -> int:
    """Bits a channel as stored: Pillow's mode does not tell them for colour."""
    if picture.format == "PNG":
        return content[24]
    if picture.format == "TIFF":
        tags: Any = picture.tag_v2  # type: ignore[attr-defined]
        return int(max(tags.get(_BITS_PER_SAMPLE, (8,))))
    return 8


def _of_mode(picture: Image.Image) -> Trait:
    found = Trait(0)
    if picture.mode == "CMYK":
        found |= Trait.CMYK
    if picture.mode in ("P", "PA"):
        found |= Trait.PALETTE
    if picture.has_transparency_data:
        found |= Trait.ALPHA
    return found


def _of_exif(picture: Image.Image) -> Trait:
    return Trait.TURNED if picture.getexif().get(_ORIENTATION, 1) in range(2, 9) else Trait(0)


def cut_short(content: bytes) -> bool:
    """Whether a file that cannot be read ends before its own end: fetched again it may be whole.

    >>> cut_short(b"GIF89a..."), cut_short(b"GIF89a...;")
    (True, False)
    """
    if content.startswith(b"\xff\xd8\xff"):
        return content.find(b"\xff\xd9", _scan(content)) < 0
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content[-64:]
    if content.startswith(b"GIF8"):
        return not content.rstrip(b"\0").endswith(b";")
    return _declared(content) > len(content)


def _scan(content: bytes) -> int:
    """Where a JPEG's first scan begins, past the segments before it: a preview in one has an end too."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        filled = content[at + 1] == 0xFF
        at += 1 if filled else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return at


def _declared(content: bytes) -> int:
    """The length in bytes that a file declares, 0 where it declares none."""
    if content[:4] == b"RIFF":
        return int.from_bytes(content[4:8], "little") + 8
    if content[:2] == b"BM":
        return int.from_bytes(content[2:6], "little")
    if content[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_end(content)
    return _boxes(content) if content[4:8] == b"ftyp" else 0


def _tiff_end(content: bytes) -> int:
    """The end of the last strip or tile, or of the directory that would say where they are."""
    directory = int.from_bytes(content[4:8], "little" if content[:1] == b"I" else "big") + 2
    try:
        with Image.open(BytesIO(content), formats=("TIFF",)) as picture:
            tags: Any = picture.tag_v2  # type: ignore[attr-defined]
            starts, lengths = (
                next((tags[tag] for tag in either if tag in tags), ()) for either in (_OFFSETS, _LENGTHS)
            )
            return max(directory, *map(sum, zip(starts, lengths, strict=False)))
    except Exception:  # as above
        return directory


def _boxes(content: bytes) -> int:
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size < 8:  # 0: to the end of the file; 1: a length of 64 bits
            return len(content)
        at += size
    return at
