"""The manifests of a pack as columns in files: no row of them stays in memory."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alexnet.dataset.examination.findings import EXAMPLES
from alexnet.dataset.examination.rows import Rows, temporary_rows
from alexnet.dataset.manifest import PACKED
from alexnet.dataset.parquet import streamed
from alexnet.dataset.sources import SPLITS
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["Manifests", "PackManifest", "read_pack_manifests"]

MANIFEST_ROW = np.dtype(
    [
        ("digest", "<u8", (2,)),  # 128 bits of the SHA-256 of what was read
        ("kept", "<u8", (2,)),  # of what the pack keeps, if the manifest says so
        ("label", "<i8"),
        ("width", "<u4"),  # of the original
        ("height", "<u4"),
        ("unchanged", "?"),  # of the right size as it came
        ("split", "<i2"),  # of SPLITS
    ]
)  # fmt: skip

_COLUMNS = ["source", "label", "class", "sha256", "width", "height", "done", "status", "reason"]
_KEPT = "packed_sha256"  # packs of early versions lack it
_BATCH = 1 << 13


@dataclass
class PackManifest:
    """Of the N pictures of a split that are packed, and of those that were skipped."""

    digest: str = ""  # of hashes and labels in order
    kept_digest: str | None = None  # of the hashes of what is kept
    names: set[tuple[int, str]] = field(default_factory=set)  # which labels stand beside which classes
    counts: Counter[str] = field(default_factory=Counter)  # by class
    skips: int = 0
    skipped: list[str] = field(default_factory=list)  # the first few, with reasons
    rows: slice = field(default_factory=lambda: slice(0, 0))  # of all splits' rows

    def __len__(self) -> int:
        """Pictures that are packed."""
        return int(self.rows.stop - self.rows.start)


@dataclass(frozen=True)
class Manifests:
    """All splits' manifests, their rows one after the other in `rows`."""

    splits: dict[str, PackManifest]
    rows: Rows

    def column(self, name: str, split: str | None = None) -> NDArray[Any]:
        """A column of one split [N, ...], or of all."""
        return self.rows.column(name)[self.splits[split].rows if split else slice(None)]


@contextmanager
def read_pack_manifests(
    folder: Path, splits: Iterable[str], progress: Progress = silent
) -> Iterator[Manifests]:
    """Read the manifests of some splits; a damaged one is a Problem. They are gone on leaving."""
    with temporary_rows(MANIFEST_ROW) as rows:
        yield Manifests(
            {
                split: _read(folder / f"{split}.parquet", SPLITS.index(split), rows, progress)
                for split in splits
            },
            rows,
        )


def _read(path: Path, split: int, rows: Rows, progress: Progress) -> PackManifest:
    found, start, hashed = PackManifest(), rows.count, False
    digest, kept = hashlib.sha256(), hashlib.sha256()
    try:
        with streamed(path) as file, progress("reading", total=file.metadata.num_rows) as advance:
            hashed = _KEPT in file.schema_arrow.names
            for batch in file.iter_batches(_BATCH, columns=[*_COLUMNS, *([_KEPT] if hashed else [])]):
                packed = _count_skipped(found, batch)
                digest.update(_lines(packed["sha256"], packed["label"]))
                if hashed:
                    kept.update(_lines(packed[_KEPT]))
                rows.append(_taken(packed, split))
                advance(batch.num_rows)
                found.names.update(zip(packed["label"], packed["class"], strict=True))
                found.counts.update(packed["class"])
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise Problem(f"{path} is damaged or missing: prepare the data set again") from error
    found.digest = digest.hexdigest()
    found.kept_digest = kept.hexdigest() if hashed else None
    found.rows = slice(start, rows.count)
    return found


def _count_skipped(found: PackManifest, batch: pa.RecordBatch) -> dict[str, list[Any]]:
    """Count the pictures of a batch that were skipped, and give the columns of the others."""
    columns: dict[str, list[Any]] = batch.to_pydict()
    skipped = [place for place, status in enumerate(columns["status"]) if status != PACKED]
    if not skipped:
        return columns
    found.skips += len(skipped)
    for place in skipped[: EXAMPLES - len(found.skipped)]:
        found.skipped.append(f"{columns['source'][place]}: {columns['reason'][place]}")
    out = set(skipped)
    return {
        name: [value for place, value in enumerate(values) if place not in out]
        for name, values in columns.items()
    }


def _lines(*columns: Sequence[Any]) -> bytes:
    """The rows of some columns, a line each."""
    return "".join(f"{' '.join(map(str, row))}\n" for row in zip(*columns, strict=True)).encode()


def _taken(columns: dict[str, list[Any]], split: int) -> NDArray[np.void]:
    """What is kept of a batch's rows."""
    rows = np.zeros(len(columns["label"]), MANIFEST_ROW)
    rows["digest"] = first_bits(columns["sha256"])
    if _KEPT in columns:
        rows["kept"] = first_bits(columns[_KEPT])
    for name in ("label", "width", "height"):
        rows[name] = columns[name]
    rows["unchanged"] = [done == "unchanged" for done in columns["done"]]
    rows["split"] = split
    return rows


def first_bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """The first 128 bits of hashes [N] in hexadecimal, [N, 2]."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), "<u8").reshape(-1, 4)[:, :2]
