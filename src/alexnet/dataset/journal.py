"""The half-finished pack: pixels appended first, then a line for each picture, so that a kill loses little.

`SPLIT.npy` and `journal.jsonl` only grow. What the journal says is in the pixel files; what lies beyond it
there is cut off when the same command goes on.
"""

import json
import os
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from alexnet.dataset.writing import explained

NPY_HEADER = 128
"""Bytes before the pixels: NumPy leaves room in its header for the number of images to grow."""


class Record(NamedTuple):
    """What became of one picture; a skipped one has a reason and no size."""

    split: str
    label: int
    source: str
    sha256: str | None
    width: int | None = None
    height: int | None = None
    done: str | None = None
    reason: str | None = None


def npy_header(images: int, size: int) -> bytes:
    """The header of a .npy file of uint8 [images, size, size, 3], `NPY_HEADER` bytes for any number."""
    file = BytesIO()
    shape = (images, size, size, 3)
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


class Journal:
    """The files of a preparation under way, opened where the last one stopped.

    `done` counts the pictures that are settled, `packed` those of each split whose pixels are written,
    `skipped` has source and reason of the rest.
    """

    def __init__(self, folder: Path, size: int, splits: Sequence[str]) -> None:
        self._path = folder / "journal.jsonl"
        self._pixels = {split: folder / f"{split}.npy" for split in splits}
        self._image_bytes = size * size * 3
        self._header = npy_header(0, size)
        self.done = 0
        self.packed = dict.fromkeys(splits, 0)
        self.skipped: list[tuple[str, str]] = []
        self._recover()

    def _recover(self) -> None:
        """Read the journal as far as it is whole and its pixels are there; cut off what lies beyond."""
        room = {split: self._room(path) for split, path in self._pixels.items()}
        whole = 0
        for record, line in self._lines():
            if record.reason is None and self.packed[record.split] >= room[record.split]:
                break
            self._count(record)
            whole += len(line)
        with explained(self._path):
            self._path.touch()
            os.truncate(self._path, whole)
            for split, path in self._pixels.items():
                if not path.exists():
                    path.write_bytes(self._header)
                os.truncate(path, NPY_HEADER + self.packed[split] * self._image_bytes)

    def _room(self, path: Path) -> int:
        return (path.stat().st_size - NPY_HEADER) // self._image_bytes if path.exists() else 0

    def _lines(self) -> Iterator[tuple[Record, bytes]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                try:
                    record = Record(*json.loads(line))
                except (ValueError, TypeError):
                    return  # the line that a kill tore
                if not line.endswith(b"\n"):
                    return
                yield record, line

    def _count(self, record: Record) -> None:
        self.done += 1
        if record.reason is None:
            self.packed[record.split] += 1
        else:
            self.skipped.append((record.source, record.reason))

    def records(self) -> Iterator[Record]:
        """All that is settled, in the source's order."""
        return (record for record, _ in self._lines())

    def append(self, records: Sequence[Record], pixels: NDArray[np.uint8]) -> None:
        """Add pictures in the source's order, and the pixels [N, size, size, 3] of those not skipped."""
        of_split = np.array([record.split for record in records if record.reason is None])
        for split, path in self._pixels.items():
            mine = of_split == split
            if mine.any():
                _append(path, np.ascontiguousarray(pixels if mine.all() else pixels[mine]).data)
        _append(self._path, "".join(json.dumps(record) + "\n" for record in records).encode())
        for record in records:
            self._count(record)


def _append(path: Path, data: Any) -> None:
    """Write all of it, unbuffered: a full disk shows here, and nothing stays behind in memory."""
    left = memoryview(data).cast("B")
    with explained(path), path.open("ab", buffering=0) as file:
        while left:
            left = left[file.write(left) :]
