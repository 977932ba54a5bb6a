"""From pixels 0..255 to what a network reads; kept with the run so that nobody has to guess it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from alexnet.batches.normalisation import LUMA, normalisation_of
from alexnet.dataset.resize import Fit
from alexnet.dataset.statistics import Statistics
from alexnet.problem import Problem
from alexnet.recipe import Recipe


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is fitted (`size`, `fit`), viewed (`crop`) and normalised: (pixels − mean) / divisor."""

    size: int
    fit: Fit
    crop: int
    channels: int
    mean: Tensor  # float32 [channels, crop, crop] or [channels, 1, 1], pixels 0..255
    divisor: Tensor  # float32 [channels, 1, 1]

    def to(self, device: torch.device) -> "Preprocessing":
        """Return the same with its tensors on `device`."""
        return Preprocessing(
            self.size, self.fit, self.crop, self.channels, self.mean.to(device), self.divisor.to(device)
        )

    def __call__(self, views: Tensor, noise: Tensor | None = None, shrink: float = 1.0) -> Tensor:
        """Views uint8 [N, crop, crop, 3] -> float32 [N, channels, crop, crop], on the views' device.

        `noise` [N, channels] is added after the mean is subtracted; then all is divided by `shrink`.
        """
        pixels = views.permute(0, 3, 1, 2).to(torch.float32)  # [N, 3, crop, crop]
        if self.channels == 1:
            pixels = grey(pixels)
        # in the pixels' own order of memory: else a mean image costs more than all the rest
        pixels = pixels - self.mean[None].contiguous(memory_format=torch.channels_last)
        if noise is not None:
            pixels = pixels + noise[:, :, None, None]
        return pixels / (self.divisor * shrink)


def whole(preprocessing: Preprocessing) -> Preprocessing:
    """The same for the whole picture in place of a crop; a Problem where a mean image fits the crop alone.

    Networks trained on crops that enlarge what they show often do better on larger pictures (Touvron et al.,
    "Fixing the train-test resolution discrepancy", 2019).
    """
    if preprocessing.mean.size(-1) not in (1, preprocessing.size):
        raise Problem(
            f"--views whole needs a mean of the channels: this network was trained with a mean image of "
            f"{preprocessing.crop} pixels"
        )
    return replace(preprocessing, crop=preprocessing.size)


def mean_apart(preprocessing: Preprocessing) -> tuple[Preprocessing, Tensor | None]:
    """The same for whole pictures with a mean of the channels, and what of the mean image that leaves.

    That is float32 [channels, crop, crop], divided already, still to be subtracted from each view; None where
    the mean is of the channels anyway.
    """
    channels = preprocessing.mean.mean((1, 2), keepdim=True)
    pictures = replace(preprocessing, crop=preprocessing.size, mean=channels)
    if preprocessing.mean.size(-1) == 1:
        return pictures, None
    return pictures, (preprocessing.mean - channels) / preprocessing.divisor


def preprocessing_of(recipe: Recipe, statistics: Statistics, size: int, fit: Fit) -> Preprocessing:
    """Preprocessing for `recipe` on a data set, as of `normalisation_of`."""
    done = normalisation_of(recipe, statistics, size, fit)
    mean, divisor = torch.from_numpy(done.mean), torch.from_numpy(done.divisor)
    return Preprocessing(size, fit, done.crop, done.channels, mean, divisor)


def grey(pixels: Tensor) -> Tensor:
    """[N, 3, H, W] -> [N, 1, H, W]."""
    luma = torch.tensor(LUMA, dtype=pixels.dtype, device=pixels.device)
    return (pixels * luma[:, None, None]).sum(1, keepdim=True)
