"""The manifest of a split: a Parquet file with one row an image, which any reader of Parquet understands.

Row i is image i of `SPLIT.npy` or `SPLIT.arrow`; after those come the pictures that were skipped, each with
its reason.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alexnet.dataset.journal import Record
from alexnet.dataset.writing import explained
from alexnet.files import written_whole
from alexnet.problem import Problem

PACKED, SKIPPED = "packed", "skipped"
_ROWS = 1 << 16  # in a row group

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
    ]
)


class _Writer:
    """One manifest being written: packed rows as they come, skipped ones at the end."""

    def __init__(self, file: BinaryIO, path: Path, classes: Sequence[str]) -> None:
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._path, self._classes = path, classes
        self._rows: list[Record] = []
        self._skipped: list[Record] = []
        self.digest = hashlib.sha256()

    def add(self, record: Record) -> None:
        if record.reason is not None:
            self._skipped.append(record)
            return
        self.digest.update(f"{record.sha256} {record.label}\n".encode())
        self._rows.append(record)
        if len(self._rows) == _ROWS:
            self._flush(self._rows)
            self._rows = []

    def _flush(self, records: Sequence[Record]) -> None:
        if not records:
            return
        rows = [
            {
                "source": record.source,
                "label": record.label,
                "class": self._classes[record.label],
                "sha256": record.sha256,
                "width": record.width,
                "height": record.height,
                "done": record.done,
                "status": PACKED if record.reason is None else SKIPPED,
                "reason": record.reason,
            }
            for record in records
        ]
        with explained(self._path):
            self._writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))

    def close(self) -> None:
        self._flush(self._rows)
        for start in range(0, len(self._skipped), _ROWS):
            self._flush(self._skipped[start : start + _ROWS])
        with explained(self._path):
            self._writer.close()

    def forget(self) -> None:
        """After an error the writer would go on writing when it is collected."""
        self._writer.is_open = False


@contextmanager
def _manifest(path: Path, classes: Sequence[str]) -> Iterator[_Writer]:
    with explained(path), written_whole(path) as partial, partial.open("wb") as file:
        writer = _Writer(file, path, classes)
        try:
            yield writer
            writer.close()
        finally:
            writer.forget()


def write_manifests(
    records: Iterable[Record], folder: Path, *, splits: Sequence[str], classes: Sequence[str]
) -> dict[str, str]:
    """Write `SPLIT.parquet` of every split in one pass -> the SHA-256 of hashes and labels of each."""
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(_manifest(folder / f"{split}.parquet", classes)) for split in splits
        }
        for record in records:
            writers[record.split].add(record)
    return {split: writer.digest.hexdigest() for split, writer in writers.items()}


def read_labels(path: Path, images: int) -> NDArray[np.int64]:
    """The labels [images] of a split."""
    with _opened(path) as file:
        column = file.read(columns=["label"]).column("label").slice(0, images)
        if len(column) < images:
            raise _damaged(path)
        return np.asarray(column.to_numpy(), np.int64)


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
                found = column.take(pa.array(here - start)).to_pylist()
                names.update(zip(here.tolist(), found, strict=True))
            start += rows
    return [names[int(number)] for number in numbers]


def read_skipped(path: Path, images: int) -> Iterator[tuple[str, str]]:
    """Source and reason of the pictures that were skipped: the rows after the split's images."""
    with _opened(path) as file:
        for batch in file.iter_batches(columns=["source", "status", "reason"]):
            for row in batch.filter(pc.equal(batch.column("status"), SKIPPED)).to_pylist():
                yield row["source"], row["reason"]


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> Problem:
    return Problem(f"{path} is damaged or missing: prepare the data set again")
