"""One look at a picture: what its content, its header and its pixels say, as a row of figures."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.decode import decode
from alexnet.dataset.examination.rendering import rendering
from alexnet.dataset.examination.rows import ROW
from alexnet.dataset.examination.traits import Trait, cut_short, header_traits
from alexnet.dataset.sources import Entry, Read
from alexnet.problem import Problem

__all__ = ["Looked", "look"]

_PLAIN = 2.0
"""A picture whose values deviate less from their mean, in pixels 0..255, shows nothing."""


@dataclass(frozen=True)
class Looked:
    """A block of pictures: their entries, their rows (split, class and reason left open), why some failed."""

    entries: tuple[Entry, ...]
    rows: NDArray[np.void]  # ROW
    reasons: dict[int, str]  # by place in the block


def look(items: Sequence[tuple[Entry, Read]]) -> Looked:
    """Read and decode a block of pictures; it may be called in any thread."""
    rows = np.zeros(len(items), ROW)
    reasons: dict[int, str] = {}
    for place, (entry, read) in enumerate(items):
        content = b""
        try:
            found = read()
            content = found if isinstance(found, bytes) else found.tobytes()
            rows[place]["digest"] = np.frombuffer(hashlib.sha256(content).digest(), "<u8", 2)
            rows[place]["bytes"] = len(content)
            encoded = isinstance(found, bytes)
            rows[place]["traits"] = header_traits(content, entry.name) if encoded else 0
            _see(rows[place], decode(content) if isinstance(found, bytes) else found)
        except (Problem, OSError) as error:
            reasons[place] = (error.strerror if isinstance(error, OSError) else None) or str(error)
            rows[place]["traits"] |= Trait.TRUNCATED if cut_short(content) else Trait.UNREADABLE
    return Looked(tuple(entry for entry, _ in items), rows, reasons)


def _see(row: np.void, pixels: NDArray[np.uint8]) -> None:
    row["height"], row["width"] = pixels.shape[:2]
    small = rendering(pixels)
    row["rendering"] = small
    if _grey(small) and _grey(pixels):
        row["traits"] |= Trait.GREY
    if _plain(small) and _plain(pixels):
        row["traits"] |= Trait.BLANK


def _grey(pixels: NDArray[np.uint8]) -> bool:
    red, green, blue = np.moveaxis(pixels, 2, 0)
    return bool((red == green).all() and (green == blue).all())


def _plain(pixels: NDArray[np.uint8]) -> bool:
    step = 1 + max(pixels.shape[:2]) // 1000  # a million of them will do
    return bool(pixels[::step, ::step].std(axis=(0, 1)).max() < _PLAIN)
