"""What is kept of each picture while a source is read: columns in files, so that memory stays flat.

A picture of a source costs 236 bytes of the temporary folder; of the memory only what the columns asked for
take, and of those the pages are the system's, which gives them back when others need them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from alexnet.dataset.examination.rendering import SIDE
from alexnet.dataset.writing import explained

__all__ = ["BLOCK", "ROW", "Rows", "first_places", "temporary_rows", "where"]

BLOCK = 1 << 18
"""Rows that are looked at together."""

ROW = np.dtype(
    [
        ("digest", "<u8", (2,)),  # 128 bits of SHA-256: among 2**40 contents two agree in one case of 2**48
        ("rendering", "u1", (SIDE, SIDE, 3)),
        ("bytes", "<u8"),
        ("width", "<u4"),
        ("height", "<u4"),
        ("traits", "<u4"),  # traits.Trait
        ("label", "<i4"),  # classes by first sight
        ("split", "<i2"),  # of SPLITS, train where there is none
        ("reason", "<i2"),  # why it cannot be read, by number; -1 where it can
    ]
)  # fmt: skip


class Rows:
    """Columns of a dtype, appended to block by block and then read as arrays that the disk backs."""

    def __init__(self, folder: Path, stack: ExitStack, dtype: np.dtype[np.void]) -> None:
        self._folder, self._dtype, self._made = folder, dtype, count()
        self._files: dict[str, BinaryIO] = {
            name: stack.enter_context((folder / name).open("wb")) for name in dtype.names or ()
        }
        self.count = 0

    def append(self, rows: NDArray[np.void]) -> None:
        """Add a block of rows; a full disk is a Problem that names the folder."""
        with explained(self._folder):
            for name, file in self._files.items():
                file.write(np.ascontiguousarray(rows[name]).tobytes())
        self.count += len(rows)

    def column(self, name: str) -> NDArray[Any]:
        """One column [N, ...], memory-mapped, read-only."""
        with explained(self._folder):
            self._files[name].flush()
        dtype = self._dtype[name]
        if not self.count:
            return np.empty((0, *dtype.shape), dtype.base)
        shape = (self.count, *dtype.shape)
        return np.memmap(self._folder / name, dtype.base, "r", shape=shape)

    def made(self, length: int, dtype: DTypeLike) -> NDArray[Any]:
        """A new array [length] beside the columns, for what is worked out from them."""
        if not length:
            return np.empty(0, dtype)
        with explained(self._folder):
            path = self._folder / f"made-{next(self._made)}"
            with path.open("wb") as file:  # a full disk shows here, and not as a bus error later
                block = bytes(BLOCK)
                left = length * np.dtype(dtype).itemsize
                while left:
                    left -= file.write(block[:left])
            return np.memmap(path, dtype, "r+", shape=(length,))


@contextmanager
def temporary_rows(dtype: np.dtype[np.void] = ROW) -> Iterator[Rows]:
    """No rows yet, in a temporary folder (`TMPDIR` says where) that goes when they are done with."""
    with TemporaryDirectory(prefix="alexnet-doctor-") as folder, ExitStack() as stack:
        yield Rows(Path(folder), stack, dtype)


def where(holds: Callable[..., NDArray[np.bool_]], *columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows [N] of some columns a condition holds for: a byte each, and nothing else that is as long.

    >>> where(lambda width, height: width > height, np.array([3, 5]), np.array([4, 4])).tolist()
    [False, True]
    """
    found = np.empty(len(columns[0]), np.bool_)
    for start in range(0, len(found), BLOCK):
        some = slice(start, start + BLOCK)
        found[some] = holds(*(column[some] for column in columns))
    return found


def first_places(mask: NDArray[np.bool_], most: int) -> list[int]:
    """The places of the first that hold, at most so many.

    >>> first_places(np.array([False, True, True, True]), 2)
    [1, 2]
    """
    found: list[int] = []
    at = 0
    while len(found) < most and at < len(mask):
        at += int(mask[at:].argmax())
        if not mask[at]:
            break
        found.append(at)
        at += 1
    return found
