"""The manifest of a split: a Parquet file with one row an image, which any reader of Parquet understands.

Row i is image i of `SPLIT.npy` or `SPLIT.arrow`; after those come the pictures that were skipped, each with
its reason.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alexnet.dataset.journal import Record
from alexnet.dataset.parquet import streamed
from alexnet.dataset.writing import explained
from alexnet.files import written_whole
from alexnet.problem import Problem

PACKED, SKIPPED = "packed", "skipped"

Numbers: TypeAlias = NDArray[np.int64]

_ROWS = 1 << 16  # in a row group
TOGETHER = 16
"""Row groups whose labels are read at once, in 8 MB: each read waits for an interpreter busy importing."""

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("label", pa.int64()),
        ("class", pa.string()),
        ("sha256", pa.string()),  # of the content as read
        ("width", pa.int32()),  # of the picture as decoded
        ("height", pa.int32()),
        ("done", pa.string()),  # unchanged, crop, letterbox or stretch
        ("status", pa.string()),  # packed or skipped
        ("reason", pa.string()),
        ("offset", pa.int64()),  # where its bytes begin in the split's file
        ("length", pa.int64()),
        ("packed_sha256", pa.string()),  # of those bytes
    ]
)


class Digests(NamedTuple):
    """What dataset.json says of a split: SHA-256 of the lines below, one a picture in order."""

    contents: str  # its SHA-256 and its label: the same pictures, whichever way they are kept
    packed: str  # its `packed_sha256`: the bytes that are kept


class _Writer:
    """One manifest being written, a row group at a time."""

    def __init__(self, file: BinaryIO, path: Path, classes: Sequence[str], starts: Numbers) -> None:
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._path, self._classes, self._starts = path, classes, starts
        self._rows: list[Record] = []
        self._written = 0
        self._contents, self._packed = hashlib.sha256(), hashlib.sha256()

    def add(self, record: Record) -> None:
        if record.reason is None:
            self._contents.update(f"{record.sha256} {record.label}\n".encode())
            self._packed.update(f"{record.packed}\n".encode())
        self._rows.append(record)
        if len(self._rows) == _ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        rows = self._rows
        offsets = self._starts[self._written : self._written + len(rows)].tolist()
        columns = {
            "source": [record.source for record in rows],
            "label": [record.label for record in rows],
            "class": [self._classes[record.label] if record.label >= 0 else "" for record in rows],
            "sha256": [record.sha256 for record in rows],
            "width": [record.width for record in rows],
            "height": [record.height for record in rows],
            "done": [record.done for record in rows],
            "status": [PACKED if record.reason is None else SKIPPED for record in rows],
            "reason": [record.reason for record in rows],
            "offset": [*offsets, *[None] * (len(rows) - len(offsets))],
            "length": [record.length for record in rows],
            "packed_sha256": [record.packed for record in rows],
        }
        with explained(self._path):
            self._writer.write_table(pa.Table.from_pydict(columns, schema=SCHEMA))
        self._written += len(rows)
        self._rows = []

    def close(self) -> None:
        self._flush()
        with explained(self._path):
            self._writer.close()

    def digests(self) -> Digests:
        return Digests(self._contents.hexdigest(), self._packed.hexdigest())

    def forget(self) -> None:
        """After an error the writer would go on writing when it is collected."""
        self._writer.is_open = False


@contextmanager
def _manifest(path: Path, classes: Sequence[str], starts: Numbers) -> Iterator[_Writer]:
    with explained(path), written_whole(path) as partial, partial.open("wb") as file:
        writer = _Writer(file, path, classes, starts)
        try:
            yield writer
            writer.close()
        finally:
            writer.forget()


def write_manifests(
    records: Callable[[], Iterator[Record]],
    folder: Path,
    *,
    starts: Mapping[str, Numbers],
    classes: Sequence[str],
) -> dict[str, Digests]:
    """Write `SPLIT.parquet` of every split of `starts`, which has the places [N] of its pictures.

    `records` gives all of them anew: once for those that are packed, once for those that were skipped.
    """
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(_manifest(folder / f"{split}.parquet", classes, places))
            for split, places in starts.items()
        }
        skips = 0
        for record in records():
            skips += record.reason is not None
            if record.split in writers and record.reason is None:
                writers[record.split].add(record)
        for record in records() if skips else ():
            if record.split in writers and record.reason is not None:
                writers[record.split].add(record)
    return {split: writer.digests() for split, writer in writers.items()}


def read_labels(path: Path, images: int) -> NDArray[np.integer]:
    """The labels [images] of a split in as few bytes as hold them, `TOGETHER` row groups at a time.

    No other memory grows with their number.
    """
    labels: NDArray[np.integer] = np.empty(images, np.uint16)
    start = 0
    with _opened(path) as file:
        if file.metadata.num_rows < images:
            raise _damaged(path)
        groups = range(file.num_row_groups)
        for first in groups[::TOGETHER]:
            if start == images:
                break
            together = list(groups[first : first + TOGETHER])
            column = file.read_row_groups(together, columns=["label"]).column("label")
            # not by `to_numpy`: it would import pandas where there is one
            part = np.concatenate([np.from_dlpack(chunk) for chunk in column.slice(0, images - start).chunks])
            if len(part) and not 0 <= part.min() <= part.max() < 1 << 16:
                labels = labels.astype(np.int32)
            labels[start : start + len(part)] = part
            start += len(part)
    pa.default_memory_pool().release_unused()
    return labels


def read_sources(path: Path, numbers: Sequence[int]) -> list[str]:
    """The source names of images by number; only the row groups that hold them are read."""
    names: dict[int, str] = {}
    wanted = np.unique(np.asarray(numbers, np.int64))
    with _opened(path) as file:
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            here = wanted[(wanted >= start) & (wanted < start + rows)]
            if len(here):
                column = file.read_row_group(group, columns=["source"]).column("source")
                # not by `take`: an array of numbers would have pyarrow import pandas where there is one
                found = [column[number].as_py() for number in (here - start).tolist()]
                names.update(zip(here.tolist(), found, strict=True))
            start += rows
    return [names[int(number)] for number in numbers]


def count_skipped(path: Path, images: int) -> int:
    """How many pictures were skipped, of a split of so many images."""
    with _opened(path) as file:
        return int(file.metadata.num_rows) - images


def read_skipped(path: Path, images: int) -> Iterator[tuple[str, str]]:
    """Source and reason of the pictures that were skipped: the rows after the split's images."""
    with _opened(path) as file:
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if start + rows > images:
                table = file.read_row_group(group, columns=["source", "reason"]).slice(max(0, images - start))
                for row in table.to_pylist():
                    yield row["source"], row["reason"]
            start += rows


def _opened(path: Path) -> Any:
    try:
        return streamed(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> Problem:
    return Problem(f"{path} is damaged or missing: prepare the data set again")
