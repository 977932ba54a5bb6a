"""Pictures of a split kept as JPEG: an Arrow IPC file, memory-mapped, read by position.

The file has one column `image` of binary in as many record batches as it takes. Of each picture its place
in the file is held, two int64 in an array; nothing is a Python object a picture. Source: Apache Arrow, IPC.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alexnet.dataset.decode import Pixels, decode
from alexnet.problem import Problem

COLUMN = "image"
SCHEMA = pa.schema([pa.field(COLUMN, pa.binary(), nullable=False)])


class EncodedImages:
    """The JPEG files of a split's pictures, in order; safe to read from several threads.

    `starts` and `ends` [N] are their places in the memory-mapped file, in bytes.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._map = pa.memory_map(str(path))
            reader = pa.ipc.open_file(self._map)
            columns = [reader.get_batch(number).column(COLUMN) for number in range(reader.num_record_batches)]
        except (OSError, pa.ArrowException, KeyError) as error:
            raise _damaged(path) from error
        whole = self._map.read_buffer(self._map.size())
        self._path, self._bytes = path, memoryview(whole)
        self.starts, self.ends = _places(columns, whole.address)
        if len(self.starts) and not 0 <= self.starts.min() <= self.ends.max() <= len(self._bytes):
            raise _damaged(path)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.starts)

    def bytes_at(self, index: int) -> memoryview:
        """The JPEG file of one picture, not copied; its pages are read from the disk when they are used."""
        return self._bytes[self.starts[index] : self.ends[index]]

    def pixels(self, indices: Sequence[int] | NDArray[np.int64]) -> Pixels:
        """Pictures by number, decoded in turn: uint8 [B, size, size, 3]."""
        try:
            return np.stack([decode(bytes(self.bytes_at(int(index)))) for index in indices])
        except Problem as error:
            raise _damaged(self._path) from error


def _places(columns: list[pa.Array], base: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends [N] in the file, where the file lies in memory at `base`."""
    starts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    ends = list(starts)
    for column in columns:
        _, offsets, data = column.buffers()
        width = np.int64 if pa.types.is_large_binary(column.type) else np.int32
        inside = np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1]
        edges = np.asarray(inside, np.int64) + (data.address - base if data is not None and data.size else 0)
        starts.append(edges[:-1])
        ends.append(edges[1:])
    return np.concatenate(starts), np.concatenate(ends)


def _damaged(path: Path) -> Problem:
    return Problem(f"{path} is damaged or missing: prepare the data set again")
