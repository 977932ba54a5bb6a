"""Pictures of a split that lies elsewhere: each is fetched when it is first asked for, and proved.

The manifest has the place and the SHA-256 of every picture; what was fetched lies at the same place in a
sparse file of this machine. A picture is taken from there where its hash is right, and fetched where it is
not: a file cut short, damaged or never written needs no other mark.
"""

import hashlib
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alexnet.dataset.decode import Pixels, decode
from alexnet.dataset.remote import Elsewhere
from alexnet.dataset.writing import explained
from alexnet.problem import Problem

__all__ = ["RemoteImages"]

_GAP = 1 << 15
"""Bytes between two pictures that are rather fetched than asked for twice."""

_MOST = 1 << 22
"""Bytes that are fetched at once."""


class RemoteImages:
    """The JPEG files of a split by number, as `EncodedImages` has them; several threads may read."""

    def __init__(self, folder: Path, name: str, origin: str) -> None:
        self._elsewhere, self._name = Elsewhere(origin), f"{name}.arrow"
        self.starts, lengths, self._digests = _places(folder / f"{name}.parquet")
        self.ends = self.starts + lengths
        self._expected: Iterable[NDArray[np.int64]] = ()
        self._path = folder / f"{name}.pictures"
        with explained(self._path):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            os.truncate(self._file, int(self.ends.max(initial=0)))

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.starts)

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            os.close(self._file)

    def bytes_at(self, index: int) -> memoryview:
        """The JPEG file of one picture."""
        (content,) = self.fetch([index])
        return memoryview(content)

    def pixels(self, indices: Sequence[int] | NDArray[np.int64]) -> Pixels:
        """Pictures by number: uint8 [B, size, size, 3]."""
        return np.stack([decode(content) for content in self.fetch(indices)])

    def expect(self, batches: Iterable[NDArray[np.int64]]) -> None:
        """Fetch pictures in this order beside whatever else is done, until others are expected.

        Where that fails the thread ends: who asks for the pictures is told why.
        """
        self._expected = batches

        def ahead() -> None:
            with suppress(Problem):
                for batch in batches:
                    if self._expected is not batches:
                        return
                    self.fetch(batch)

        threading.Thread(target=ahead, name="ahead", daemon=True).start()

    def fetch(self, indices: Sequence[int] | NDArray[np.int64]) -> list[bytes]:
        """Pictures by number, those that are not here fetched together."""
        numbers = [int(index) for index in indices]
        found = {number: self._kept(number) for number in numbers}
        missing = sorted(number for number, content in found.items() if content is None)
        if missing:
            found |= self._fetched(missing)
        return [content for number in numbers if (content := found[number]) is not None]

    def _kept(self, number: int) -> bytes | None:
        start, end = int(self.starts[number]), int(self.ends[number])
        content = os.pread(self._file, end - start, start)
        return content if self._proved(number, content) else None

    def _proved(self, number: int, content: bytes) -> bool:
        return hashlib.sha256(content).digest() == bytes(self._digests[number])

    def _fetched(self, missing: Sequence[int]) -> dict[int, bytes | None]:
        groups = _together(missing, self.starts, self.ends)
        ranges = [(int(self.starts[group[0]]), int(self.ends[group[-1]])) for group in groups]
        parts = self._elsewhere.read_all(self._name, ranges)
        found: dict[int, bytes | None] = {}
        for group, part, (first, _) in zip(groups, parts, ranges, strict=True):
            for number in group:
                start, end = int(self.starts[number]), int(self.ends[number])
                content = part[start - first : end - first]
                if not self._proved(number, content):
                    raise Problem(
                        f"{self._elsewhere.address}/{self._name}: picture {number} is not the one that was "
                        "packed, its SHA-256 is another; copy the pack anew"
                    )
                with explained(self._path):
                    os.pwrite(self._file, content, start)
                found[number] = content
        return found


def _together(numbers: Sequence[int], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[list[int]]:
    """Pictures in ascending order, those that lie close to each other in one list.

    >>> _together([0, 1, 7], np.arange(8) * 20_000, np.arange(8) * 20_000 + 19_000)
    [[0, 1], [7]]
    """
    groups: list[list[int]] = []
    for number in numbers:
        near = groups and starts[number] - ends[groups[-1][-1]] <= _GAP
        if near and ends[number] - starts[groups[-1][0]] <= _MOST:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _places(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Starts [N], lengths [N] and hashes [N, 32] of the pictures that are packed."""
    starts, lengths, digests = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty((0, 32), np.uint8)]
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=["offset", "length", "packed_sha256"])
                table = table.filter(table["packed_sha256"].is_valid())
                starts.append(table["offset"].to_numpy())
                lengths.append(table["length"].to_numpy())
                hexadecimal = "".join(table["packed_sha256"].to_pylist())
                digests.append(np.frombuffer(bytes.fromhex(hexadecimal), np.uint8).reshape(-1, 32))
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise Problem(f"{path} is damaged or missing: remove its folder, and it is fetched again") from error
    return np.concatenate(starts), np.concatenate(lengths), np.concatenate(digests)
