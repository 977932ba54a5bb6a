"""Random numbers that belong to an image: functions of (seed, epoch, key), whoever asks, in any order.

SplitMix64 (Steele, Lea, Flood 2014) is run as a counter: a draw costs a few integer operations on whole
arrays and keeps no state, so neither workers nor ranks nor an interruption can change it.
"""

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
CROPS, COLOURS, RESIZED_CROPS, CUTOUTS, DISTORTIONS, AFFINES = range(1, 7)  # one stream for each use


def uniforms(
    seed: int, epoch: int, keys: NDArray[np.int64], *, stream: int, count: int
) -> NDArray[np.float64]:
    """`count` numbers in [0, 1) for each key: [N, count].

    >>> first = uniforms(0, 3, np.array([7, 8]), stream=CROPS, count=2)
    >>> again = uniforms(0, 3, np.array([8]), stream=CROPS, count=2)
    >>> bool((first[1] == again[0]).all())
    True
    """
    state = np.zeros((), np.uint64)
    for part in (seed, stream, epoch):
        state = _mixed(state ^ np.uint64(part))
    each = _mixed(state ^ keys.astype(np.uint64))  # [N]
    with np.errstate(over="ignore"):
        counters = each[:, None] + GOLDEN * np.arange(1, count + 1, dtype=np.uint64)  # [N, count]
    return np.asarray((_mixed(counters) >> np.uint64(11)) * 2.0**-53, np.float64)


def normals(
    seed: int, epoch: int, keys: NDArray[np.int64], *, stream: int, count: int
) -> NDArray[np.float64]:
    """`count` standard normal numbers for each key: [N, count], by Box and Muller."""
    pairs = uniforms(seed, epoch, keys, stream=stream, count=2 * count)
    radius = np.sqrt(-2.0 * np.log1p(-pairs[:, :count]))
    return np.asarray(radius * np.cos(2.0 * np.pi * pairs[:, count:]))


def _mixed(bits: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        bits = bits + GOLDEN
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(bits ^ (bits >> np.uint64(31)))
