"""Pictures that look the same though their bytes differ: encoded anew, of another size, a little brighter.

A perceptual hash finds the candidates, the renderings of 8 x 8 pixels from which it is made confirm them. The
hash is the signs of the frequencies of a cosine transform of the luma, much as in pHash (Zauner 2010);
pictures are compared where one of sixteen choices of its bits agrees (Gionis, Indyk, Motwani 1999), so the
work grows with the number of pictures and not with its square.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from alexnet.dataset.examination.duplicates import Groups, Numbers

__all__ = ["Near", "find_near", "how_alike", "perceptual_hashes", "similar"]

LEVELS = {0.93: 16, 0.96: 12, 0.98: 8, 0.99: 6, 0.995: 5, 0.998: 4}
"""How alike two renderings must be, and how many of the 63 bits may differ. A copy of a CIFAR picture in JPEG
quality 75 is above 0.985 in 98 of 100 cases, one of quality 50 above 0.934 (docs/doctor.md)."""

BY_CHANCE = 0.1
"""So many alike others a picture may have in the sample: handwritten figures are alike by nature."""

NOISE = 1.0
"""Detail that deviates by less, in pixels 0..255, is no evidence."""

_SAMPLE = 4000
_TABLES = 16
_BITS = 63  # the mean of the picture is none of them
_RUN = 64  # candidates of one picture in one table
_BLOCK = 1 << 14  # of renderings at a time
_ROWS = 500  # of the sample, compared with all of it at a time
_PART = 1 << 18  # hashes that are sorted together
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

Reals = NDArray[np.float32]
Made = Callable[[int, Any], NDArray[Any]]


@dataclass(frozen=True)
class Near:
    """Groups of pictures that look the same, and how alike they had to be."""

    groups: Groups
    alike: float


def find_near(renderings: NDArray[np.uint8], places: NDArray[np.integer], *, made: Made = np.empty) -> Near:
    """The pictures at `places` [M] of renderings uint8 [N, 8, 8, 3] that look the same.

    `made` makes the one array that is as long as there are pictures, of their hashes.
    """
    alike = how_alike(renderings, places)
    hashes = made(len(places), np.uint64)
    for start in range(0, len(places), _BLOCK):
        hashes[start : start + _BLOCK] = perceptual_hashes(renderings[places[start : start + _BLOCK]])
    return Near(_groups(_confirmed(renderings, places, hashes, alike), places), alike)


def how_alike(renderings: NDArray[np.uint8], places: NDArray[np.integer]) -> float:
    """The lowest level at which next to no pictures are alike by chance, judged by all pairs of a sample.

    Where pairs are alike by chance there are as many and more that are a little less so; copies leave a gap.
    """
    drawn = np.arange(len(places), dtype=np.int32 if len(places) < 1 << 31 else np.int64)
    np.random.default_rng(0).shuffle(drawn)
    sample = renderings[places[np.sort(drawn[:_SAMPLE])]]
    del drawn
    allowed = BY_CHANCE * len(sample) ** 2 / max(1, len(places))
    above, below = _alike_others(sample)
    return next((level for level in LEVELS if min(above[level], below[level]) <= allowed), max(LEVELS))


def _alike_others(sample: NDArray[np.uint8]) -> tuple[dict[float, int], dict[float, int]]:
    """How many of a sample are like another at each level, and how many nearly so, a little below it."""
    above, below = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
    whole, detail = _units(sample)
    for start in range(0, len(sample), _ROWS):
        some = slice(start, start + _ROWS)
        wholes, details = whole[some] @ whole.T, detail[some] @ detail.T
        rows = np.arange(len(details))
        details[rows, start + rows] = 0  # each is like itself
        for level in LEVELS:
            here = (wholes > _whole(level)) & (details > level)
            lower = 2 * level - 1
            nearly = (wholes > _whole(lower)) & (details > lower) & ~here
            above[level] += int(here.any(axis=1).sum())
            below[level] += int(nearly.any(axis=1).sum())
    return above, below


def perceptual_hashes(renderings: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Signs of the 63 frequencies of each rendering [N, 8, 8, 3], as 64-bit numbers [N]."""
    luma = renderings.astype(np.float32) @ _LUMA
    frequencies = dctn(luma, axes=(1, 2)).reshape(len(luma), -1)[:, 1:]
    signs = (frequencies > 0).astype(np.uint64)
    hashes: NDArray[np.uint64] = signs @ (np.uint64(1) << np.arange(_BITS, dtype=np.uint64))
    return hashes


def similar(one: NDArray[np.uint8], other: NDArray[np.uint8], alike: float = 0.93) -> NDArray[np.bool_]:
    """Whether pairs of renderings [P, 8, 8, 3] show the same picture; a plain one is like none.

    Both the whole and what the mean of each row and column leaves of it must correlate: an horizon alone
    makes half the pictures of ships alike.

    >>> one = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    >>> similar(one, one ^ 7).item(), similar(one, one[:, ::-1]).item(), similar(one * 0, one * 0).item()
    (True, False, False)
    """
    (whole, detail), (other_whole, other_detail) = _units(one), _units(other)
    wholes = np.einsum("pv,pv->p", whole, other_whole)
    details = np.einsum("pv,pv->p", detail, other_detail)
    found: NDArray[np.bool_] = (wholes > _whole(alike)) & (details > alike)
    return found


def _whole(alike: float) -> float:
    """The whole of two copies is more alike than its details: measured as 0.95 to 0.93."""
    return 1 - (1 - alike) * 5 / 7


def _units(renderings: NDArray[np.uint8]) -> tuple[Reals, Reals]:
    """Renderings without their channels' means, and without those of rows and columns; length 1 [P, 192]."""
    real = renderings.astype(np.float32)
    whole = real - real.mean((1, 2), keepdims=True)
    detail = whole - whole.mean(1, keepdims=True) - whole.mean(2, keepdims=True)
    return _unit(whole), _unit(detail)


def _unit(values: Reals) -> Reals:
    flat = values.reshape(len(values), values[0].size if len(values) else 0)
    unit: Reals = flat / np.sqrt((flat**2).sum(axis=1, keepdims=True) + NOISE**2 * flat.shape[1])
    return unit


def _confirmed(
    renderings: NDArray[np.uint8],
    places: NDArray[np.integer],
    hashes: NDArray[np.uint64],
    alike: float,
) -> Numbers:
    """Pairs [P, 2] of positions in `places` that look the same."""
    found = [np.empty((0, 2), np.int64)]
    for candidates in _candidates(hashes, LEVELS[alike]):
        for start in range(0, len(candidates), _BLOCK):
            some = candidates[start : start + _BLOCK]
            one, other = (renderings[places[some[:, side]]] for side in (0, 1))
            found.append(some[similar(one, other, alike)])
    return np.unique(np.concatenate(found), axis=0)


def _candidates(hashes: NDArray[np.uint64], far: int) -> Iterator[Numbers]:
    """Pairs [P, 2] whose hashes agree in all bits of a table and differ in less than `far` in all."""
    masks = _masks(len(hashes))
    for table, mask in enumerate(masks):
        for positions in _parts(hashes, mask):
            for pairs in _neighbours(hashes[positions], mask, masks[:table], far):
                yield positions[pairs]


def _parts(hashes: NDArray[np.uint64], mask: np.uint64) -> Iterator[Numbers]:
    """Positions of hashes that agree in the first bits of a mask, in as many parts as memory asks for."""
    chosen = [bit for bit in range(_BITS) if int(mask) >> bit & 1][
        : min(8, (len(hashes) // _PART).bit_length())
    ]
    part = np.empty(len(hashes), np.uint8)
    for start in range(0, len(hashes), _PART):
        some = hashes[start : start + _PART]
        numbers = sum(
            (some >> np.uint64(bit) & np.uint64(1)) << np.uint64(at) for at, bit in enumerate(chosen)
        )
        part[start : start + _PART] = numbers
    for number in range(1 << len(chosen)):
        yield np.flatnonzero(part == number)


def _neighbours(
    hashes: NDArray[np.uint64], mask: np.uint64, earlier: list[np.uint64], far: int
) -> Iterator[Numbers]:
    """The same pairs of one part, in one table; those that agree in an earlier one were found there."""
    keys = hashes & mask
    order = np.lexsort((hashes, keys))
    keys, ordered = keys[order], hashes[order]
    left = np.arange(len(order))
    for step in range(1, _RUN + 1):
        left = left[left + step < len(order)]
        left = left[keys[left] == keys[left + step]]
        if not len(left):
            break
        differ = ordered[left] ^ ordered[left + step]
        near = np.bitwise_count(differ) < far
        for other in earlier:
            near &= (differ & other) != 0
        yield np.sort(np.stack((order[left[near]], order[left[near] + step]), axis=1), axis=1)


def _masks(count: int) -> list[np.uint64]:
    """The bits that each table compares: more of them where there are more pictures, the same every time."""
    bits = min(32, max(16, count.bit_length()))
    random = np.random.default_rng(0)
    drawn = np.concatenate([random.permutation(_BITS) for _ in range(1 + _TABLES * bits // _BITS)])
    tables = drawn[: _TABLES * bits].reshape(_TABLES, bits)
    return [np.bitwise_or.reduce(np.uint64(1) << table.astype(np.uint64)) for table in tables]


def _groups(pairs: Numbers, places: NDArray[np.integer]) -> Groups:
    """The pictures that pairs [P, 2] join, directly or by way of others."""
    joined, positions = np.unique(pairs, return_inverse=True)
    positions = positions.reshape(-1, 2)
    links = coo_array((np.ones(len(pairs), np.int8), (positions[:, 0], positions[:, 1])), (len(joined),) * 2)
    _, group = connected_components(links, directed=False)
    return Groups(group.astype(np.int64), places[joined].astype(np.int64))
