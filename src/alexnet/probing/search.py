"""Exact search: the nearest rows by Euclidean distance, ties by number, as brute force in float64 finds them.

A quick matrix product estimates all distances with a known error. A few of the best by estimate are measured
in float64; then every row that the error does not exclude from being as near is measured too. So the answer
does not depend on the estimate, only the time does.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.probing.coarse import F64, Coarse, blocks, rounded, row_squares, unrounded
from alexnet.probing.features import FEATURES
from alexnet.problem import UsageProblem

TOGETHER = 2**23  # estimates at a time: 32 MB
ROWS = 4096  # of one product
MEASURED = 2**16  # values at a time, that they stay in the processor's cache
MOST = 1e37  # of a square that float32 can still add

I64 = NDArray[np.int64]


class Neighbours(NamedTuple):
    """The nearest rows of each query, nearest first: numbers [B, k] and Euclidean distances [B, k]."""

    numbers: I64
    distances: F64


def brute_force(features: FEATURES, queries: FEATURES, k: int) -> Neighbours:
    """The plain form: every distance between `features` [N, F] and `queries` [B, F], in float64.

    >>> brute_force(np.float32([[0, 0], [3, 4], [0, 0]]), np.float32([[0, 0]]), 3)
    Neighbours(numbers=array([[0, 2, 1]]), distances=array([[0., 0., 5.]]))
    """
    numbers, distances = [], []
    for query in queries.astype(np.float64):
        squares = np.concatenate([row_squares(features[block] - query) for block in blocks(features)])
        nearest_first = np.argsort(squares, kind="stable")[:k]
        numbers.append(nearest_first)
        distances.append(np.sqrt(squares[nearest_first]))
    return Neighbours(np.stack(numbers), np.stack(distances))


def nearest(features: FEATURES, queries: FEATURES, k: int, coarse: Coarse | None = None) -> Neighbours:
    """What `brute_force` finds, by `coarse`: the same features rounded (default: as they are)."""
    _require(features, queries, k)
    coarse = coarse or unrounded(features)
    together = max(1, TOGETHER // len(features))
    shares = [queries[start : start + together] for start in range(0, len(queries), together)]
    found = [_nearest(features, share, min(k, len(features)), coarse) for share in shares]
    return Neighbours(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _nearest(features: FEATURES, queries: FEATURES, k: int, coarse: Coarse) -> Neighbours:
    estimates = estimated(coarse, queries, rows=min(len(features), max(ROWS, k)))
    wide = queries.astype(np.float64)
    guessed = measured(features, wide, list(estimates.guesses(k)))
    reached = [float(np.sqrt(squares.max())) for squares in guessed]
    left = [estimates.within(query, distance) for query, distance in enumerate(reached)]
    squares = measured(features, wide, left)
    best = [np.argsort(each, kind="stable")[:k] for each in squares]
    numbers = [each[places] for each, places in zip(left, best, strict=True)]
    distances = [np.sqrt(each[places]) for each, places in zip(squares, best, strict=True)]
    return Neighbours(np.stack(numbers), np.stack(distances))


class Estimates(NamedTuple):
    """What is known of the distances between N rounded rows and B rounded queries.

    The distance is no less than √(value + square) − moved[row] − moved[query]; `values` are the least that
    they can be.
    """

    values: Tensor  # float32 [blocks, B, rows], filled up with infinities
    moved: NDArray[np.float32]  # [blocks, rows]
    query_squares: F64  # [B]
    query_moved: F64  # [B]
    error: float  # as a share of a square
    sound: NDArray[np.bool_]  # [B]: float32 held it all
    tiny: float  # what underflow can take away
    length: int  # N

    def guesses(self, k: int) -> I64:
        """Numbers of `k` rows of each query, [B, k]: the best of each of the best columns of its values."""
        columns = self.values.amin(dim=0).topk(k, largest=False, sorted=False).indices  # [B, k]
        block = self.values.gather(2, columns.expand(len(self.values), -1, -1)).argmin(dim=0)
        numbers = block * self.values.size(2) + columns
        return np.asarray(numbers.clamp_max(self.length - 1).numpy())  # of infinities it may be any

    def within(self, query: int, distance: float) -> I64:
        """Numbers of all rows that may be as near to a query as `distance`, ascending."""
        values = self.values[:, query].numpy()
        if not self.sound[query]:
            return np.arange(self.length)
        reach = (distance + self.query_moved[query]) * (1 + 1e-6)
        limit = reach * reach * (1 + 1e-6) - (1 - self.error) * self.query_squares[query] + self.tiny
        return np.flatnonzero(values - np.float32(2 * reach) * self.moved <= np.float32(limit))


def estimated(coarse: Coarse, queries: FEATURES, *, rows: int = ROWS) -> Estimates:
    """Estimates for queries [B, F]; products of integers are exact, those of float32 off by Higham's γ."""
    width, error = queries.shape[1], 2.0**-19
    if coarse.codes.dtype == np.float32:
        asked = unrounded(queries)
        products = _products(coarse, queries, rows)
    else:
        asked = rounded(queries, coarse.centre)
        asked, codes, scales = _finer(asked, queries) if coarse.fine else (asked, asked.codes, asked.scales)
        products = _products(coarse, codes, rows)
        products *= _column(scales)
        products = products.unflatten(1, (-1, len(queries))).sum(dim=1) if coarse.fine else products
        products *= _blocks(coarse.scales, rows)[:, None]
    if not _by_integers(coarse):
        # the user may allow torch to make such products in bfloat16
        error += width * 2.0**-23 + (0 if torch.get_float32_matmul_precision() == "highest" else 2.0**-6)
    with np.errstate(over="ignore"):
        least = _blocks((1 - error) * coarse.squares - coarse.moved**2, rows, filling=np.inf)
    values = torch.add(least[:, None], products, alpha=-2, out=products)
    sound = asked.squares + coarse.squares.max() < MOST
    moved, tiny = _blocks(coarse.moved, rows).numpy(), 1e-36 * (width + 16)
    return Estimates(values, moved, asked.squares, asked.moved, error, sound, tiny, len(coarse))


def _finer(asked: Coarse, queries: FEATURES) -> tuple[Coarse, NDArray[np.int8], F64]:
    """Queries rounded to sixteen bits: what is known of them, codes [2 B, F] and scales of both halves."""
    upper = asked.scales[:, None] * asked.codes
    rest = rounded((queries - asked.centre) - upper, np.zeros_like(asked.centre))
    squares = row_squares(upper + rest.scales[:, None] * rest.codes)
    whole = replace(asked, moved=rest.moved + 1e-12 * np.sqrt(squares), squares=squares)
    return whole, np.concatenate([asked.codes, rest.codes]), np.concatenate([asked.scales, rest.scales])


def _products(coarse: Coarse, queries: NDArray[Any], rows: int) -> Tensor:
    """Products of codes with queries [B, F] of their kind: float32 [blocks, B, rows]."""
    exact, codes = _by_integers(coarse), torch.from_numpy(coarse.codes)
    # copied: of .T a side of one has a stride that _int_mm stumbles over (pytorch issue 195066)
    columns = torch.empty(queries.shape[::-1], dtype=torch.int8 if exact else torch.float32)
    columns.copy_(torch.from_numpy(queries).T)
    products = torch.zeros(-(-len(coarse) // rows), len(queries), rows)
    for block, into in zip(codes.split(rows), products, strict=True):
        product = torch._int_mm(block, columns) if exact else block.float() @ columns
        into[:, : len(block)] = product.float().T
    return products


def _by_integers(coarse: Coarse) -> bool:
    return coarse.codes.dtype == np.int8 and integers_keep_all_bits()


@cache
def integers_keep_all_bits() -> bool:
    """Whether products of eight-bit integers are exact here.

    Processors without VNNI add pairs of them in sixteen bits and cut off what is more (pytorch issue 136746).
    """
    draw = torch.Generator().manual_seed(0)
    for queries in (1, 2, 100):
        rows = torch.randint(0, 2, (64, 515), generator=draw) * 254 - 127
        columns = torch.randint(0, 2, (515, queries), generator=draw) * 254 - 127
        rows[:8], columns[:, :1] = 127, 127
        if not torch.equal(torch._int_mm(rows.to(torch.int8), columns.to(torch.int8)).long(), rows @ columns):
            return False
    return True


def _blocks(values: F64, rows: int, *, filling: float = 0.0) -> Tensor:
    """One value a row [N] as float32 [blocks, rows]."""
    filled = np.full(-(-len(values) // rows) * rows, filling, dtype=np.float32)
    filled[: len(values)] = values
    return torch.from_numpy(filled.reshape(-1, rows))


def _column(scales: F64) -> Tensor:
    return torch.from_numpy(scales.astype(np.float32))[:, None]


def measured(features: FEATURES, queries: F64, numbers: Sequence[I64]) -> list[F64]:
    """Squared distances in float64 of each query [B, F] to the rows with its numbers."""
    threads = min(torch.get_num_threads(), len(queries))
    if threads == 1:
        return _measured(features, queries, numbers)
    bounds = [len(queries) * share // threads for share in range(threads + 1)]

    def share(start: int, stop: int) -> list[F64]:
        return _measured(features, queries[start:stop], numbers[start:stop])

    with ThreadPoolExecutor(threads) as pool:
        return [squares for found in pool.map(share, bounds, bounds[1:]) for squares in found]


def _measured(features: FEATURES, queries: F64, numbers: Sequence[I64]) -> list[F64]:
    room = np.empty((max(1, MEASURED // features.shape[1]), features.shape[1]))
    taken = np.empty(room.shape, dtype=np.float32)  # kept: fresh memory would cost more than the sums
    found = []
    for query, wanted in zip(queries, numbers, strict=True):
        squares = np.empty(len(wanted))
        for start in range(0, len(wanted), len(room)):
            part = slice(start, start + len(room))
            count = len(wanted[part])
            features.take(wanted[part], axis=0, out=taken[:count], mode="clip")
            away = np.subtract(taken[:count], query, out=room[:count])
            squares[part] = row_squares(away)
        found.append(squares)
    return found


def _require(features: FEATURES, queries: FEATURES, k: int) -> None:
    if k < 1 or not len(features) or not len(queries):
        raise UsageProblem("a search needs at least one row, one query and one neighbour to look for")
    if queries.shape[1] != features.shape[1]:
        raise UsageProblem(
            f"queries of {queries.shape[1]} features cannot be near rows of {features.shape[1]}"
        )
    if not np.isfinite(queries).all():
        raise UsageProblem("a query is not finite: nothing is near it")
