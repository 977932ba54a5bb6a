"""The figures of a preprocessing without torch: a training's first batch is made while torch is imported."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.views import crop_of
from alexnet.dataset.resize import Fit
from alexnet.dataset.statistics import Statistics
from alexnet.recipe import Recipe

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, Pillow's grey; three equal channels stay what they are
SMALLEST = np.float32(1e-6)  # a deviation that is divided by


class Normalising(Protocol):
    """What a batch is made by: (pixels − mean) / divisor, arrays or tensors."""

    @property
    def size(self) -> int:
        """Side of the packed images."""

    @property
    def crop(self) -> int:
        """Side of a view."""

    @property
    def channels(self) -> int:
        """1 or 3."""

    @property
    def mean(self) -> Any:
        """[channels, crop, crop] or [channels, 1, 1]."""

    @property
    def divisor(self) -> Any:
        """[channels, 1, 1]."""


@dataclass(frozen=True)
class Normalisation:
    """As of `Preprocessing`, in arrays."""

    size: int
    fit: Fit
    crop: int
    channels: int
    mean: NDArray[np.float32]  # [channels, crop, crop] or [channels, 1, 1], pixels 0..255
    divisor: NDArray[np.float32]  # [channels, 1, 1]


def normalisation_of(recipe: Recipe, statistics: Statistics, size: int, fit: Fit) -> Normalisation:
    """What `recipe` does on a data set: the mean is that of its training split.

    The centre window of the mean image is subtracted wherever the crop was ([C] convdata.py).
    """
    crop = crop_of(recipe, size)
    if recipe.mean == "image":
        start = (size - crop) // 2
        mean = statistics.mean_image.transpose(2, 0, 1)[:, start : start + crop, start : start + crop]
    elif recipe.mean == "channel":
        mean = _a_channel(statistics.channel_means)
    else:
        mean = np.zeros((3, 1, 1), np.float32)
    if recipe.divide_by == "deviation":
        divisor = np.maximum(_a_channel(statistics.channel_deviations), SMALLEST)
    else:
        divisor = np.full((3, 1, 1), recipe.divide_by, np.float32)
    if recipe.channels == 1:
        mean, divisor = _grey(mean), _grey(divisor)
    return Normalisation(
        size, fit, crop, recipe.channels, np.ascontiguousarray(mean), np.ascontiguousarray(divisor)
    )


def _a_channel(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)[:, None, None]


def _grey(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """[3, H, W] -> [1, H, W]; the channels are added from left to right, as of tensors."""
    red, green, blue = (np.float32(share) * channel for share, channel in zip(LUMA, values, strict=True))
    return np.asarray(red + green + blue, np.float32)[None]
