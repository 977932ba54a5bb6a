"""Which image comes when: a function of (seed, epoch) and of nothing else."""

import numpy as np
from numpy.typing import NDArray


def training_order(images: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """All `images` of one epoch, shuffled.

    >>> training_order(5, seed=0, epoch=0).tolist() == training_order(5, seed=0, epoch=0).tolist()
    True
    """
    return np.random.default_rng((seed, epoch)).permutation(images)


def steps_in_epoch(images: int, batch: int) -> int:
    """Whole batches only; the few images left over sit out, others each epoch. At least one batch.

    >>> steps_in_epoch(50_000, 128), steps_in_epoch(5, 128)
    (390, 1)
    """
    return max(images // batch, 1)


def shares(images: int, batch: int) -> list[slice]:
    """Slices that cover every image exactly once, for evaluation.

    >>> shares(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + batch, images)) for start in range(0, images, batch)]
