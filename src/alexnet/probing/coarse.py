"""Features rounded to eight bits, and how far the rounding can lead a distance astray.

A row becomes centre + scale · code. By the triangle inequality the distance of two rounded points is off by
no more than how far both were moved, so whatever lies further away than that is excluded for certain; and a
matrix product of eight-bit integers is exact and reads a quarter of the memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from alexnet.files import written_whole
from alexnet.probing.features import FEATURES
from alexnet.problem import Problem

F64 = NDArray[np.float64]
LARGEST = 127
MANY = 64
"""Where more than one row in so many is left, queries are rounded finer."""
WIDEST = 2**17
"""Features of a row at most: 127² times as many fit into 32 bits."""
BLOCK = 2**18
"""Values worked on at a time: in float64 they stay in the processor's cache."""


@dataclass(frozen=True)
class Coarse:
    """Rows [N, F] rounded to eight bits; or as they are (float32), where nothing is kept beside them."""

    codes: NDArray[np.int8] | FEATURES  # [N, F]
    centre: F64  # [F]
    scales: F64  # [N]
    moved: F64  # [N]: the distance of each row to what it is rounded to
    squares: F64  # [N]: of the distances of the rounded rows to the centre
    fine: bool = False  # queries are to be rounded to sixteen bits, or too many rows are left

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.codes)


def rounded(rows: NDArray[np.floating], centre: F64) -> Coarse:
    """Round a few rows [N, F], each by its own scale: its largest distance from the centre becomes 127.

    >>> coarse = rounded(np.array([[2.0, -1.0, 0.0]]), np.zeros(3))
    >>> coarse.codes.tolist(), coarse.squares.round(2).tolist()
    ([[127, -64, 0]], [5.02])
    """
    away = rows.astype(np.float64) - centre
    scales = np.abs(away).max(axis=1, initial=0.0) / LARGEST
    scales[scales == 0] = 1.0
    codes = np.rint(away / scales[:, None])
    squares = scales**2 * row_squares(codes)
    away -= scales[:, None] * codes
    # the factor is more than float64 rounds away
    moved = np.sqrt(row_squares(away)) * (1 + 1e-9) + 1e-12 * np.sqrt(squares)
    return Coarse(codes.astype(np.int8), centre, scales, moved, squares)


def unrounded(rows: FEATURES) -> Coarse:
    """The rows [N, F] as they are, and their squares."""
    count, width = rows.shape
    squares = [row_squares(rows[block].astype(np.float64)) for block in blocks(rows)]
    return Coarse(rows, np.zeros(width), np.ones(count), np.zeros(count), np.concatenate(squares))


def row_squares(rows: F64) -> F64:
    """The square of each row [N, F]."""
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def blocks(features: FEATURES) -> Iterator[slice]:
    """Rows [N, F] in blocks of about `BLOCK` values."""
    rows = max(1, BLOCK // max(1, features.shape[1]))
    for start in range(0, len(features), rows):
        yield slice(start, min(start + rows, len(features)))


def centre_of(features: FEATURES) -> F64:
    """The mean of at most a thousand rows, evenly chosen: any point would do, a middle one rounds finer."""
    chosen = features[:: max(1, len(features) // 1000)]
    # what is subtracted from float32 must be one too, or the difference would be rounded
    return np.asarray(chosen.mean(axis=0, dtype=np.float64).astype(np.float32), dtype=np.float64)


def coarse_of(features: FEATURES) -> Coarse:
    """Round all of `features` [N, F] in memory; rows too long for sums in 32 bits stay as they are."""
    if features.shape[1] > WIDEST:
        return unrounded(features)
    codes = np.empty(features.shape, dtype=np.int8)
    return Coarse(codes, *_round_all(features, codes.__setitem__))


def _round_all(
    features: FEATURES, keep: Callable[[slice, NDArray[np.int8]], object]
) -> tuple[F64, F64, F64, F64, bool]:
    """Round block by block and hand the codes to `keep`; returns what else a `Coarse` holds."""
    centre, beside = centre_of(features), np.empty((3, len(features)))
    for block in blocks(features):
        one = rounded(features[block], centre)
        keep(block, one.codes.astype(np.int8, copy=False))
        beside[:, block] = one.scales, one.moved, one.squares
    scales, moved, squares = beside
    return centre, scales, moved, squares, _leaves_many(features, moved)


def _leaves_many(features: FEATURES, moved: F64) -> bool:
    """Whether rounding of rows and queries hides the nearest row among many, tried on a thousand rows."""
    chosen = np.arange(0, len(features), max(1, len(features) // 1000))
    rows, room = features[chosen].astype(np.float64), moved[chosen]
    left = 0
    for query in range(0, len(rows), max(1, len(rows) // 8)):
        away = np.sqrt(row_squares(rows - rows[query]))
        nearest_other = np.partition(away, min(1, len(away) - 1))[min(1, len(away) - 1)]
        left += int(np.count_nonzero(away - room - room[query] <= nearest_other))
    return bool(left > 8 * len(rows) / MANY)


def save_coarse(features: FEATURES, path: Path) -> None:
    """Round `features` [N, F] into a file of codes (.npy); what belongs to them goes beside it (.npz)."""
    with written_whole(path) as partial, partial.open("wb") as file:
        header = {"descr": "|i1", "fortran_order": False, "shape": features.shape}
        write_array_header_1_0(file, header)
        centre, scales, moved, squares, fine = _round_all(features, lambda _, codes: file.write(codes.data))
    with written_whole(path.with_suffix(".npz")) as partial, partial.open("wb") as file:
        np.savez(file, centre=centre, scales=scales, moved=moved, squares=squares, fine=np.bool_(fine))


def open_coarse(path: Path) -> Coarse:
    """What `save_coarse` wrote; the codes are memory-mapped."""
    try:
        # copy on write, never written: torch warns of arrays that are read-only
        codes: NDArray[np.int8] = np.load(path, mmap_mode="c", allow_pickle=False)
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as beside:
            centre, scales, moved, squares, fine = (
                beside[name] for name in ("centre", "scales", "moved", "squares", "fine")
            )
            return Coarse(codes, centre, scales, moved, squares, bool(fine))
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise Problem(f"cannot read {path}: {error}; remove it, and it is made again") from None
