"""scikit-learn's bundled digits: 1,797 handwritten figures of 8 x 8 pixels, so no download."""

from collections.abc import Iterator

import numpy as np

from alexnet.dataset.sources.arrays import Arrays, Block


def open_digits() -> Arrays:
    """The digits, their values 0..16 scaled to pixels 0..255; they have no splits of their own."""

    def blocks() -> Iterator[Block]:
        from sklearn.datasets import load_digits  # takes a second: only where it is asked for

        bunch = load_digits()
        images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
        yield Block("digits", None, 0, bunch.target.astype(np.int64), images)

    return Arrays("digits", 8, tuple(str(digit) for digit in range(10)), blocks)
