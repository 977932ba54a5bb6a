"""`Preprocessing` on a processor: written where the batch lies, equal to the bit to `Preprocessing.__call__`.

Where nothing is compiled (inner_loops.py), image by image: the passes over one image (cast, mean, noise,
divisor) find it in the processor's cache, where over a whole batch each of them would go through memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.inner_loops import Rows, convert_compiled
from alexnet.batches.normalisation import LUMA, Normalising
from alexnet.batches.order import shares

CACHED = 2**20
"""Bytes of float32 pixels under work at a time: with as much of the mean they stay in the second cache."""


@dataclass(frozen=True)
class Conversion:
    """What is done to rows of pixels, channels last; a divisor is None where it would change nothing."""

    mean: Rows  # [crop or 1, crop · channels]
    divisor: Rows | None  # [1, crop · channels]
    noisy_divisor: Rows | None  # the same where there is noise

    def __call__(self, views: NDArray[np.uint8], out: Rows, noise: Rows | None = None) -> None:
        """Views uint8 [N, crop, crop, 3] -> `out` float32 [N, crop, crop, channels].

        `noise` [N, channels] is added after the mean is subtracted.
        """
        divisor = self.divisor if noise is None else self.noisy_divisor
        # a row of noise an image: loops of three are slow
        rows = None if noise is None else np.tile(noise, (1, out.shape[2]))
        if convert_compiled(views, out, mean=self.mean, noise=rows, divisor=divisor):
            return
        for share in shares(len(views), max(1, CACHED // out[0].nbytes)):
            some = None if rows is None else rows[share]
            _in_passes(views[share], out[share], mean=self.mean, noise=some, divisor=divisor)


def conversion_of(preprocessing: Normalising, shrink: float = 1.0) -> Conversion:
    """`preprocessing` in rows; images with noise are divided by `shrink` as well."""
    crop, divisor = preprocessing.crop, np.asarray(preprocessing.divisor)
    return Conversion(
        _rows(np.asarray(preprocessing.mean), crop),
        _unless_one(_rows(divisor, crop)),
        _unless_one(_rows(divisor * np.float32(shrink), crop)),
    )


def _in_passes(
    views: NDArray[np.uint8], out: Rows, *, mean: Rows, noise: Rows | None, divisor: Rows | None
) -> None:
    if out.shape[3] == 1:
        _grey(views, out)
    else:
        np.copyto(out, views)
    count, height, width, channels = out.shape
    rows = out.reshape(count, height, width * channels)
    np.subtract(rows, mean, out=rows)
    if noise is not None:
        np.add(rows, noise[:, None], out=rows)
    if divisor is not None:
        np.divide(rows, divisor, out=rows)


def _rows(values: NDArray[np.float32], crop: int) -> Rows:
    """[channels, crop or 1, crop or 1] -> [crop or 1, crop · channels]."""
    channels, height, _ = values.shape
    wide = np.broadcast_to(values.transpose(1, 2, 0), (height, crop, channels))
    return np.ascontiguousarray(wide.reshape(height, -1))


def _unless_one(divisor: Rows) -> Rows | None:
    return None if (divisor == 1).all() else divisor


def _grey(views: NDArray[np.uint8], out: Rows) -> None:
    """Add the weighted channels from left to right, as the plain form's sum does."""
    red, green, blue = (np.float32(share) for share in LUMA)
    np.multiply(views[..., :1], red, out=out)
    out += views[..., 1:2] * green
    out += views[..., 2:] * blue
