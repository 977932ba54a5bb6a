"""The manifest of a pack's split as arrays: no row of it stays an object."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alexnet.dataset.examination.findings import EXAMPLES
from alexnet.dataset.manifest import PACKED
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["PackManifest", "read_pack_manifest"]

_COLUMNS = ["source", "label", "class", "sha256", "width", "height", "done", "status", "reason"]
_KEPT = "packed_sha256"  # packs of early versions lack it
_ROWS = 1 << 13


@dataclass
class PackManifest:
    """Of the N pictures that are packed, and of those that were skipped."""

    digests: NDArray[np.uint64]  # [N, 2]
    labels: NDArray[np.int64]  # [N]
    sizes: NDArray[np.uint32]  # [N, 2]: width and height of the originals
    unchanged: NDArray[np.bool_]  # [N]: of the right size as they came
    kept: NDArray[np.uint64]  # [N, 2]: hashes of what the pack keeps; [0, 2] where it has none
    digest: str  # of hashes and labels in order
    kept_digest: str | None = None  # of the hashes of what is kept
    names: set[tuple[int, str]] = field(default_factory=set)  # which labels stand beside which classes
    counts: Counter[str] = field(default_factory=Counter)  # by class
    skips: int = 0
    skipped: list[str] = field(default_factory=list)  # the first few, with reasons


def read_pack_manifest(path: Path, progress: Progress = silent) -> PackManifest:
    """Read a split's manifest; a damaged one is a Problem."""
    found, parts = _nothing(), list[tuple[NDArray[Any], ...]]()
    digest, kept = hashlib.sha256(), hashlib.sha256()
    hashed = False
    try:
        with pq.ParquetFile(path) as file, progress("reading", total=file.metadata.num_rows) as advance:
            hashed = _KEPT in file.schema_arrow.names
            for batch in file.iter_batches(_ROWS, columns=[*_COLUMNS, *([_KEPT] if hashed else [])]):
                parts.append(_take(found, digest, kept, batch.to_pydict()))
                advance(batch.num_rows)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise Problem(f"{path} is damaged or missing: prepare the data set again") from error
    found.digest = digest.hexdigest()
    found.kept_digest = kept.hexdigest() if hashed else None
    if parts:
        joined = (np.concatenate(column) for column in zip(*parts, strict=True))
        found.digests, found.labels, found.sizes, found.unchanged, found.kept = joined
    return found


def _nothing() -> PackManifest:
    return PackManifest(
        np.empty((0, 2), np.uint64),
        np.empty(0, np.int64),
        np.empty((0, 2), np.uint32),
        np.empty(0, np.bool_),
        np.empty((0, 2), np.uint64),
        digest="",
    )


def _take(
    found: PackManifest, digest: Any, kept: Any, rows: dict[str, list[Any]]
) -> tuple[NDArray[Any], ...]:
    """Count a batch of rows, and give the arrays of those that are packed."""
    packed = [place for place, status in enumerate(rows["status"]) if status == PACKED]
    found.skips += len(rows["status"]) - len(packed)
    for place, status in enumerate(rows["status"]):
        if status != PACKED and len(found.skipped) < EXAMPLES:
            found.skipped.append(f"{rows['source'][place]}: {rows['reason'][place]}")
    labels, classes, hashes = ([rows[key][place] for place in packed] for key in ("label", "class", "sha256"))
    for label, sha256 in zip(labels, hashes, strict=True):
        digest.update(f"{sha256} {label}\n".encode())
    found.names.update(zip(labels, classes, strict=True))
    found.counts.update(classes)
    packed_hashes = [rows[_KEPT][place] for place in packed] if _KEPT in rows else []
    kept.update("".join(f"{sha256}\n" for sha256 in packed_hashes).encode())
    sizes = [(rows["width"][place], rows["height"][place]) for place in packed]
    return (
        first_bits(hashes),
        np.array(labels, np.int64),
        np.array(sizes, np.uint32).reshape(-1, 2),
        np.array([rows["done"][place] == "unchanged" for place in packed], np.bool_),
        first_bits(packed_hashes),
    )


def first_bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """The first 128 bits of hashes [N] in hexadecimal, [N, 2]."""
    whole = b"".join(bytes.fromhex(sha256) for sha256 in hashes)
    return np.frombuffer(whole, "<u8").reshape(-1, 4)[:, :2].copy()
