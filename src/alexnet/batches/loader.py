"""Batches ahead of the network: threads cut and convert views while it computes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.batches.maker import Plan, maker_of
from alexnet.batches.order import shares, steps_in_epoch, training_order
from alexnet.batches.preprocessing import Preprocessing
from alexnet.batches.resized_crops import gather_resized, resized_windows
from alexnet.batches.views import Images, View, Windows, colour_noise, gather, padded, training_windows
from alexnet.dataset.encoded import EncodedImages
from alexnet.dataset.packed import Split
from alexnet.dataset.statistics import Statistics
from alexnet.recipe import Recipe


class Batch(NamedTuple):
    """What one step of training reads."""

    images: Tensor  # float32 [N, channels, crop, crop]
    labels: Tensor  # int64 [N]


class TrainingLoader:
    """Batches of a training split, epoch by epoch: `for images, labels in loader(epoch, start=step)`.

    What a batch holds is a function of (recipe, split, epoch, step): not of `workers`, of threads, or of
    where a run was interrupted. `workers` threads make one batch ahead (0: when asked).
    """

    def __init__(
        self,
        split: Split,
        recipe: Recipe,
        preprocessing: Preprocessing,
        statistics: Statistics,
        *,
        workers: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self.split, self.recipe, self.statistics = split, recipe, statistics
        self.size, self.crop = preprocessing.size, preprocessing.crop
        self.device = torch.device(device)
        self.workers = workers
        self.batch = min(recipe.batch, len(split))
        self.steps = steps_in_epoch(len(split), recipe.batch)
        self.images = images_of(split)
        self.margin = np.rint(statistics.channel_means).astype(np.uint8)
        shrink = recipe.colour_noise.shrink if recipe.colour_noise else 1.0
        self.maker = maker_of(preprocessing.to(self.device), self.batch, shrink)

    def __call__(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch` from step `start` on."""
        order = training_order(len(self.split), seed=self.recipe.seed, epoch=epoch)
        rest = order[start * self.batch : self.steps * self.batch].reshape(-1, self.batch)
        plans = (self._plan(epoch, step, indices) for step, indices in enumerate(rest, start))
        for images, indices in zip(self.maker(plans, self.workers), rest, strict=True):
            labels = torch.from_numpy(self.split.labels[indices])
            yield Batch(images, labels.to(self.device, non_blocking=True))

    def _plan(self, epoch: int, step: int, indices: NDArray[np.int64]) -> Plan:
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        noise = self._noise(indices, epoch + step / self.steps)
        return Plan(len(indices), self._cut(epoch, indices, positions), noise)

    def _cut(
        self, epoch: int, indices: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> Callable[[slice, NDArray[np.uint8]], object]:
        """Draw the windows of a batch; return what cuts a share of them."""
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
        framed = padded(self.split.pixels(indices[share]), self.recipe.pad, self.margin)
        gather(framed, np.arange(len(framed)), windows.at(share), self.crop, out=views)

    def _noise(self, indices: NDArray[np.int64], epoch: float) -> NDArray[np.float32] | None:
        noise = self.recipe.colour_noise
        if noise is None or (noise.until is not None and epoch >= noise.until):
            return None
        drawn = colour_noise(noise, self.statistics, seed=self.recipe.seed, epoch=int(epoch), images=indices)
        return drawn.astype(np.float32)


def evaluation_passes(
    split: Split, preprocessing: Preprocessing, views: Iterable[View], *, batch: int = 128, workers: int = 1
) -> Iterator[Iterator[Tensor]]:
    """For one of `views` after another, every image of `split` once, in order, in batches through that view.

    A batch is float32 [N, channels, crop, crop].
    """
    images, crop, count = images_of(split), preprocessing.crop, len(split)
    maker = maker_of(preprocessing, min(batch, count))

    def plan(view: View, part: slice) -> Plan:
        indices = np.arange(part.start, part.stop)
        windows = Windows(*(np.full(len(indices), value) for value in view))
        return Plan(
            len(indices),
            lambda share, pixels: gather(images, indices[share], windows.at(share), crop, out=pixels),
        )

    for view in views:
        yield maker(map(partial(plan, view), shares(count, batch)), workers)


def evaluation_batches(
    split: Split, preprocessing: Preprocessing, view: View, *, batch: int = 128, workers: int = 1
) -> Iterator[Tensor]:
    """Every image of `split` once, in order, through one view."""
    (batches,) = evaluation_passes(split, preprocessing, [view], batch=batch, workers=workers)
    return batches


def images_of(split: Split) -> Images:
    """The images of a split by number, decoded when asked for where they are kept as JPEG."""
    return np.asarray(split.images) if split.encoding == "raw" else Decoded(split.encoded)


@dataclass(frozen=True)
class Decoded:
    """Pictures kept as JPEG, as if they were an array."""

    encoded: EncodedImages

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One picture, uint8 [size, size, 3]."""
        (picture,) = self.encoded.pixels([index])
        return np.asarray(picture)
