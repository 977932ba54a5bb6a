"""Training's views of a batch: drawn by the recipe, cut, turned and distorted when they are wanted."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.affine import move
from alexnet.batches.distortions import distort
from alexnet.batches.draws import CUTOUTS, uniforms
from alexnet.batches.images import images_of
from alexnet.batches.resized_crops import gather_resized, resized_windows
from alexnet.batches.views import Windows, colour_noise, cut_out, gather, padded, training_windows
from alexnet.dataset.packed import Split
from alexnet.dataset.statistics import Statistics
from alexnet.recipe import Recipe

Cut = Callable[[slice, NDArray[np.uint8]], object]
"""(share of the batch, its views uint8 [n, crop, crop, 3] to be written)."""


class TrainingViews:
    """What a recipe shows of a split's images. Each draw is a function of (seed, epoch, image) alone."""

    def __init__(self, split: Split, recipe: Recipe, statistics: Statistics, size: int, crop: int) -> None:
        self.split, self.recipe, self.statistics = split, recipe, statistics
        self.size, self.crop = size, crop
        self.images = images_of(split)
        self.margin = np.rint(statistics.channel_means).astype(np.uint8)

    def cut(self, epoch: int, indices: NDArray[np.int64], positions: NDArray[np.int64]) -> Cut:
        """Draw the windows of a batch; return what cuts a share of them and distorts it."""
        cut, recipe = self._windows(epoch, indices, positions), self.recipe
        if recipe.augment == "none" and not recipe.cutout and not recipe.affine:
            return cut

        def distorted(share: slice, views: NDArray[np.uint8]) -> None:
            cut(share, views)
            some, seed = indices[share], recipe.seed
            if recipe.affine:
                move(views, recipe.affine, some, self.margin, seed=seed, epoch=epoch)
            if recipe.augment == "trivial":
                distort(views, some, self.margin, seed=seed, epoch=epoch)
            if recipe.cutout:
                draws = uniforms(seed, epoch, some, stream=CUTOUTS, count=2)
                cut_out(views, recipe.cutout, self.margin, draws)

        return distorted

    def noise(self, indices: NDArray[np.int64], epoch: float) -> NDArray[np.float32] | None:
        """What is added to each channel of each image at `epoch`: float32 [N, 3]; None where nothing is."""
        noise = self.recipe.colour_noise
        if noise is None or (noise.until is not None and epoch >= noise.until):
            return None
        drawn = colour_noise(noise, self.statistics, seed=self.recipe.seed, epoch=int(epoch), images=indices)
        return drawn.astype(np.float32)

    def _windows(self, epoch: int, indices: NDArray[np.int64], positions: NDArray[np.int64]) -> Cut:
        recipe, images, crop = self.recipe, self.images, self.crop
        if recipe.resizes:
            sized = resized_windows(recipe, self.size, epoch=epoch, images=indices, positions=positions)
            return lambda share, views: gather_resized(
                images, indices[share], sized.at(share), crop, out=views
            )
        windows = training_windows(recipe, self.size, epoch=epoch, images=indices, positions=positions)
        if recipe.pad:
            return partial(self._cut_padded, indices, windows)
        return lambda share, views: gather(images, indices[share], windows.at(share), crop, out=views)

    def _cut_padded(
        self, indices: NDArray[np.int64], windows: Windows, share: slice, views: NDArray[np.uint8]
    ) -> None:
        colour = self.margin if self.recipe.pad_with == "mean" else None
        framed = padded(self.split.pixels(indices[share]), self.recipe.pad, colour)
        gather(framed, np.arange(len(framed)), windows.at(share), self.crop, out=views)
