"""Classes of unequal size: what each picture weighs in the loss, and how often each class is drawn.

Pure functions of the training pictures of each class. Sources: Cui et al., CVPR 2019 (effective number of
samples); Mahajan et al., ECCV 2018 (square-root sampling).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from alexnet.problem import UsageProblem

__all__ = ["balanced_order", "class_weights", "effective_numbers", "named_weights", "sampling_shares"]

Reals = NDArray[np.float64]


def class_weights(counts: NDArray[np.integer], *, power: float = 1.0) -> Reals:
    """Weights [classes] of the loss, as `counts` ** -power, so scaled that the mean over all pictures is 1.

    1 gives every class the same say, 0 every picture, 0.5 lies between; a class without pictures weighs 0.

    >>> class_weights(np.array([10, 40])).tolist()
    [2.5, 0.625]
    """
    return _scaled(_checked(counts), power)


def effective_numbers(counts: NDArray[np.integer], *, overlap: float = 0.999) -> Reals:
    """Weights [classes] by the effective number (1 - overlap ** n) / (1 - overlap) of pictures.

    The more there are, the more the next one repeats: `overlap` 0 weighs every picture alike, towards 1 it
    becomes `class_weights`. The mean over all pictures is 1.

    >>> effective_numbers(np.array([10, 40]), overlap=0.99).round(3).tolist()
    [2.32, 0.67]
    """
    if not 0 <= overlap < 1:
        raise UsageProblem(f"overlap {overlap}: it may be 0 to below 1")
    counts = _checked(counts)
    effective = (1 - overlap ** counts.astype(np.float64)) / (1 - overlap)
    weights = np.divide(1, effective, out=np.zeros(len(counts)), where=counts > 0)
    scaled: Reals = weights * (counts.sum() / (weights * counts).sum())
    return scaled


def named_weights(name: str, counts: NDArray[np.integer]) -> Reals | None:
    """The weights [classes] that a recipe names: inverse, root, effective, or None for none.

    >>> named_weights("inverse", np.array([10, 40])).tolist()
    [2.5, 0.625]
    """
    if name == "none":
        return None
    if name not in _WEIGHTS:
        raise UsageProblem(f"no class weights named {name!r}; there are none, {', '.join(_WEIGHTS)}")
    return _WEIGHTS[name](counts)


def sampling_shares(counts: NDArray[np.integer], *, power: float = 0.0) -> Reals:
    """The share [classes] of an epoch that each class has when it is drawn as `counts` ** power.

    1 draws them as they come, 0 evenly, 0.5 by square roots.

    >>> sampling_shares(np.array([10, 40]), power=0.5).round(3).tolist()
    [0.333, 0.667]
    """
    counts = _checked(counts)
    drawn = np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** power, 0)
    shares: Reals = drawn / drawn.sum()
    return shares


def balanced_order(labels: NDArray[np.integer], shares: Reals, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """One epoch of pictures [N] by number, classes drawn by `shares`; a function of (seed, epoch).

    Each class has its share of N to the picture. Its own pictures come round and round, each round in another
    order: none comes twice more often than another of its class.

    >>> labels = np.array([0, 0, 0, 1])
    >>> np.bincount(labels[balanced_order(labels, np.array([0.5, 0.5]), seed=0, epoch=0)]).tolist()
    [2, 2]
    """
    counts = np.bincount(labels, minlength=len(shares))
    if len(counts) > len(shares) or ((shares > 0) & (counts == 0)).any():
        raise UsageProblem("every class that is drawn must have pictures, and every label a share")
    wanted = _apportioned(np.asarray(shares, np.float64), len(labels))
    # sixteen bits are sorted by their digits: millions of pictures in a tenth of the time
    sortable = labels.astype(np.uint16) if len(counts) <= 1 << 16 else labels
    by_class = np.split(np.argsort(sortable, kind="stable"), np.cumsum(counts)[:-1])
    random = np.random.default_rng((seed, epoch))
    order, start = np.empty(int(wanted.sum()), np.int64), 0
    for of_class, want in zip(by_class, wanted.tolist(), strict=True):
        for first in range(0, want, max(1, len(of_class))):
            take = min(len(of_class), want - first)
            order[start : start + take] = random.permutation(of_class)[:take]
            start += take
    random.shuffle(order)
    return order


def _checked(counts: NDArray[np.integer]) -> NDArray[np.integer]:
    counts = np.asarray(counts)
    if not len(counts) or counts.min() < 0 or not counts.sum():
        raise UsageProblem("weights need the number of training pictures of each class, one at least")
    return counts


def _scaled(counts: NDArray[np.integer], power: float) -> Reals:
    weights = np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** -power, 0)
    scaled: Reals = weights * (counts.sum() / (weights * counts).sum())
    return scaled


def _apportioned(shares: Reals, pictures: int) -> NDArray[np.int64]:
    """Whole numbers [classes] that add up to `pictures`: the largest remainders are rounded up."""
    exact = shares / shares.sum() * pictures
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    missing = pictures - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return whole


_WEIGHTS: dict[str, Callable[[NDArray[np.integer]], Reals]] = {
    "inverse": class_weights,
    "root": partial(class_weights, power=0.5),
    "effective": effective_numbers,
}
"""What a recipe may name."""
