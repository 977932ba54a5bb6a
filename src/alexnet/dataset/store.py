"""The two ways to keep pictures in a pack behind one set of questions: pixels as they are, or JPEG files."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.decode import Pixels
from alexnet.dataset.jpegs import JpegStore
from alexnet.dataset.raw import Kept, RawStore

__all__ = ["Kept", "Store", "store"]

Chunk: TypeAlias = Callable[[int, int], Pixels]
"""Gives pictures number `start` to `end` as a reader of the pack will see them, uint8 [n, size, size, 3]."""


class Store(Protocol):
    """What preparing asks of an encoding; pictures lie one after another in a file that only grows."""

    @property
    def working(self) -> str:
        """How the file's name ends while it grows."""

    @property
    def final(self) -> str:
        """How it ends in the pack."""

    @property
    def start(self) -> bytes:
        """What stands in the growing file before the first picture."""

    @property
    def method(self) -> dict[str, str]:
        """What dataset.json says of it, as keys and values; they decide the fingerprint."""

    def room(self, pictures: int) -> int:
        """Bytes on the disk that so many pictures will take, as far as that is known beforehand."""

    def keep(self, fitted: Pixels, content: bytes | None) -> Kept:
        """A picture as it is to be kept; `content` is its file where that has the right size already."""

    def chunks(self, path: Path, edges: NDArray[np.int64]) -> Chunk:
        """Pictures of a growing file, whose bytes after `start` lie between `edges` [N + 1]."""

    def finish(self, folder: Path, split: str, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Make the final file of a split from the grown one -> where each picture begins, [N]."""


def store(encoding: str, size: int) -> Store:
    """The store of an encoding, for pictures of `size` pixels."""
    return RawStore(size) if encoding == "raw" else JpegStore(size)
