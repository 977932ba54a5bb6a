"""Which image comes when: a function of (seed, epoch) and of nothing else."""

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.inner_loops import shuffle_compiled
from alexnet.shares import part


def training_order(images: int, *, seed: int, epoch: int) -> NDArray[np.integer]:
    """All `images` of one epoch, shuffled; four bytes each.

    >>> training_order(5, seed=0, epoch=0).tolist() == training_order(5, seed=0, epoch=0).tolist()
    True
    """
    order: NDArray[np.integer] = np.arange(images, dtype=np.int32 if images < 1 << 31 else np.int64)
    generator = np.random.default_rng((seed, epoch))
    if not shuffle_compiled(order, generator):
        generator.shuffle(order)  # as `permutation(images)` has it, in half the room
    return order


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


def evaluation_spans(images: int, batch: int, share: int, of: int) -> list[slice]:
    """The batches of one share of `images`, counted from its first: as many in every share.

    >>> evaluation_spans(7, 2, 0, 2), evaluation_spans(7, 2, 1, 2)
    ([slice(0, 1, None), slice(1, 3, None)], [slice(0, 2, None), slice(2, 4, None)])
    """
    if of == 1:
        return shares(images, batch)
    mine, most = part(images, share, of), -(-images // of)
    number = -(-most // batch)
    return [part(mine.stop - mine.start, one, number) for one in range(number)]


def places(batch: int, share: int, shares: int, *, paired: bool = False) -> NDArray[np.int64]:
    """The places of a batch that make up one of its `shares`, neighbours.

    `paired` shares hold each place with its mirror image, in their own order too: what mixes the pictures of
    a batch in such pairs finds the other one in its share.

    >>> places(5, 0, 2).tolist(), places(5, 1, 2).tolist()
    ([0, 1], [2, 3, 4])
    >>> places(5, 0, 2, paired=True).tolist(), places(5, 1, 2, paired=True).tolist()
    ([0, 4], [1, 2, 3])
    """
    if not paired:
        return np.arange(batch)[part(batch, share, shares)]
    first = np.arange(batch // 2)[part(batch // 2, share, shares)]
    middle = [batch // 2] * (batch % 2 and share == shares - 1)
    return np.concatenate([first, np.asarray(middle, np.int64), batch - 1 - first[::-1]])
