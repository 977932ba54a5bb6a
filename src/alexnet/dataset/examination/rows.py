"""What is kept of each picture while a source is read: columns in files, so that memory stays flat.

A picture costs 236 bytes of the temporary folder; of the memory only what the columns asked for take.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.writing import explained

__all__ = ["ROW", "SIDE", "Rows", "temporary_rows"]

SIDE = 8
"""Of a rendering: a picture as [8, 8, 3]."""

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
    """Columns of `ROW`, appended to block by block and then read as arrays that the disk backs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {
            name: stack.enter_context((folder / name).open("wb")) for name in ROW.names or ()
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
        dtype = ROW[name]
        if not self.count:
            return np.empty((0, *dtype.shape), dtype.base)
        shape = (self.count, *dtype.shape)
        return np.memmap(self._folder / name, dtype.base, "r", shape=shape)


@contextmanager
def temporary_rows() -> Iterator[Rows]:
    """No rows yet, in a temporary folder (`TMPDIR` says where) that goes when they are done with."""
    with TemporaryDirectory(prefix="alexnet-doctor-") as folder, ExitStack() as stack:
        yield Rows(Path(folder), stack)
