"""The order of classes, and which pictures are held out: pure functions of names, labels and seed."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in the order of their labels: as text, but as numbers where every name is one.

    >>> class_order({"10", "9", "1"}), class_order({"b", "a10", "a9"})
    (('1', '9', '10'), ('a10', 'a9', 'b'))
    """
    unique = set(names)
    if all(name.isascii() and name.isdigit() for name in unique):
        return tuple(sorted(unique, key=lambda name: (int(name), name)))
    return tuple(sorted(unique))


def held_out(labels: NDArray[np.integer], fraction: float, *, seed: int) -> NDArray[np.bool_]:
    """Which of the pictures with labels [N] go to validation: of each class that fraction, drawn by the seed.

    A label below zero marks a picture that is not to be drawn; each class keeps at least one picture.

    >>> held_out(np.array([0, 0, 0, 0, 1, 1, -1]), 0.5, seed=0).sum()
    np.int64(3)
    """
    drawn = np.zeros(len(labels), bool)
    if not len(labels):
        return drawn
    order = np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    for label, of_class in zip(classes.tolist(), np.split(order, starts[1:]), strict=True):
        if label >= 0:
            take = min(len(of_class) - 1, int(len(of_class) * fraction + 0.5))
            shuffled = np.random.default_rng((seed, label)).permutation(of_class)
            drawn[shuffled[:take]] = True
    return drawn


def share_of_each(labels: NDArray[np.integer], share: float, *, seed: int) -> NDArray[np.int64]:
    """Numbers, ascending, of the pictures with labels [N] that make up `share` of each class, one at least.

    Drawn by the seed, so that a smaller share is part of a larger one.

    >>> share_of_each(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0).tolist()
    [0, 2, 4]
    """
    order = np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    taken = [
        np.random.default_rng((seed, label)).permutation(of_class)[: max(1, round(share * len(of_class)))]
        for label, of_class in zip(classes.tolist(), np.split(order, starts[1:]), strict=True)
    ]
    return np.sort(np.concatenate(taken)) if taken else np.empty(0, np.int64)
