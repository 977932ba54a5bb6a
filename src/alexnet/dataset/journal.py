"""The half-finished pack: pictures appended first, then a line for each, so that a kill loses little.

The splits' files and `journal.jsonl` only grow. What the journal says is in those files; what lies beyond it
there is cut off when the same command goes on.
"""

import json
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.writing import explained
from alexnet.files import flush

_TOGETHER = 1 << 20
"""Fewer bytes are better copied into one than written one by one."""

_FLUSHED = 1 << 25  # bytes
_NAMED = 10  # skipped pictures that are kept in memory; all of them stand in the file


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
    length: int | None = None  # bytes in the split's file
    packed: str | None = None  # SHA-256 of those bytes


class Journal:
    """The files of a preparation under way, opened where the last one stopped.

    `files` are those of the splits and `start` what stands in each before its first picture. `done` counts
    the pictures that are settled, `lengths` has the bytes of those of each split that are written, `skips`
    counts the rest, and `skipped` has source and reason of the first of them.
    """

    def __init__(self, folder: Path, files: dict[str, Path], start: bytes = b"") -> None:
        self._path = folder / "journal.jsonl"
        self._files, self._start = files, start
        self.done = 0
        self.lengths = {split: array("q") for split in files}
        self.skips = 0
        self.skipped: list[tuple[str, str]] = []
        self._unflushed = dict.fromkeys(files, 0)
        self._recover()

    def _recover(self) -> None:
        """Read the journal as far as it is whole and its pictures are there; cut off what lies beyond."""
        room = {split: _size(path) for split, path in self._files.items()}
        used = dict.fromkeys(self._files, len(self._start))
        whole = 0
        for record, line in self._lines():
            if record.reason is None:
                if record.length is None or used[record.split] + record.length > room[record.split]:
                    break
                used[record.split] += record.length
            self._count(record)
            whole += len(line)
        with explained(self._path):
            self._path.touch()
            os.truncate(self._path, whole)
            for split, path in self._files.items():
                if not path.exists():
                    path.write_bytes(self._start)
                os.truncate(path, used[split])

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
        if record.length is not None:
            self.lengths[record.split].append(record.length)
        elif record.reason is not None:
            self.skips += 1
            if len(self.skipped) < _NAMED:
                self.skipped.append((record.source, record.reason))

    def records(self) -> Iterator[Record]:
        """All that is settled, in the source's order."""
        return (record for record, _ in self._lines())

    def edges(self, split: str) -> NDArray[np.int64]:
        """Where the pictures of a split begin and end in its file, counted after its start: [N + 1]."""
        edges = np.zeros(len(self.lengths[split]) + 1, np.int64)
        if self.lengths[split]:
            np.cumsum(np.frombuffer(self.lengths[split], np.int64), out=edges[1:])
        return edges

    def append(self, records: Sequence[Record], images: Sequence[bytes | memoryview]) -> None:
        """Add pictures in the source's order, and what is kept of those that are not skipped."""
        of_split = [record.split for record in records if record.reason is None]
        for split, path in self._files.items():
            mine = [image for image, its in zip(images, of_split, strict=True) if its == split]
            if mine:
                self._unflushed[split] += _append(path, mine)
                self._flush(split, path)
        _append(self._path, [json.dumps(record).encode() + b"\n" for record in records])
        for record in records:
            self._count(record)

    def flush(self) -> None:
        """Bring all of it to the disk."""
        for path in (*self._files.values(), self._path):
            with explained(path):
                flush(path)

    def _flush(self, split: str, path: Path) -> None:
        """Now and then bring what is written to the disk, beside the threads' work and not after it."""
        if self._unflushed[split] >= _FLUSHED:
            with explained(path):
                flush(path)
            self._unflushed[split] = 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(path: Path, parts: Sequence[bytes | memoryview]) -> int:
    """Write all of it, unbuffered -> bytes: a full disk shows here, and nothing stays behind in memory."""
    size = sum(map(len, parts))
    if size < _TOGETHER:
        parts = [b"".join(parts)]
    with explained(path), path.open("ab", buffering=0) as file:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[file.write(left) :]
    return size
