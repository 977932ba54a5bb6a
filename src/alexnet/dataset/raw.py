"""Pictures kept as pixels: one .npy file a split, NumPy's own format, memory-mapped."""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from alexnet.dataset.decode import Pixels
from alexnet.dataset.writing import explained

NPY_HEADER = 128
"""Bytes before the pixels: NumPy leaves room in its header for the number of images to grow."""


def npy_header(images: int, size: int) -> bytes:
    """The header of a .npy file of uint8 [images, size, size, 3], `NPY_HEADER` bytes for any number."""
    file = BytesIO()
    shape = (images, size, size, 3)
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


class Kept(NamedTuple):
    """A picture as it stands in a split's file, and as a reader of the pack will see it."""

    content: bytes | memoryview
    seen: Pixels  # [size, size, 3]


@dataclass(frozen=True)
class RawStore:
    """Appends pixels; in the end the number of pictures is written into the header."""

    size: int
    working: ClassVar[str] = ".npy"
    final: ClassVar[str] = ".npy"
    method: ClassVar[dict[str, str]] = {}

    @property
    def start(self) -> bytes:
        """The header of no pictures."""
        return npy_header(0, self.size)

    def room(self, pictures: int) -> int:
        """All that the pixels take."""
        return pictures * self.size**2 * 3

    def keep(self, fitted: Pixels, content: bytes | None) -> Kept:
        """The pixels themselves."""
        return Kept(fitted.reshape(-1).data, fitted)

    def chunks(self, path: Path, edges: NDArray[np.int64]) -> Callable[[int, int], Pixels]:
        """Read from the file, not mapped: mapped pages would count as this process's memory."""
        shape, start = (self.size, self.size, 3), len(self.start)

        def chunk(first: int, last: int) -> Pixels:
            offset, count = start + int(edges[first]), int(edges[last] - edges[first])
            return np.fromfile(path, np.uint8, count, offset=offset).reshape(-1, *shape)

        return chunk

    def finish(self, folder: Path, split: str, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Write the header that counts the pictures -> where each begins, [N]."""
        path = folder / f"{split}{self.final}"
        with explained(path), path.open("r+b") as file:
            file.write(npy_header(len(edges) - 1, self.size))
        return edges[:-1] + NPY_HEADER


@dataclass(frozen=True)
class Advised:
    """A map that the memory cannot hold, by number of picture: each is read from the disk at once and alone.

    Without advice the system reads around every page that is missing, megabytes for a picture of some
    hundred kilobytes; told that places are random it reads page by page. Source: madvise(2).
    """

    images: NDArray[np.uint8]  # memory-mapped, [N, size, size, 3]
    pages: mmap.mmap

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One picture, uint8 [size, size, 3], still mapped; its pages are on their way."""
        picture: NDArray[np.uint8] = self.images[index]
        start = NPY_HEADER + int(index) * picture.size
        first = start - start % mmap.PAGESIZE
        self.pages.madvise(mmap.MADV_WILLNEED, first, start + picture.size - first)
        return picture


def advised(images: NDArray[np.uint8], memory: int | None = None) -> NDArray[np.uint8] | Advised:
    """A mapped split for reading at random: itself, unless it is longer than half of the machine's memory."""
    memory = memory or _memory()
    pages = images.base
    if not isinstance(pages, mmap.mmap) or not hasattr(mmap, "MADV_WILLNEED") or images.nbytes <= memory // 2:
        return np.asarray(images)
    pages.madvise(mmap.MADV_RANDOM)
    return Advised(images, pages)


def _memory() -> int:
    """Bytes that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 34
