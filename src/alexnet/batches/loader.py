"""Batches ahead of the network: threads cut views from the memory map while it computes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.batches.order import shares, steps_in_epoch, training_order
from alexnet.batches.preprocessing import Preprocessing
from alexnet.batches.resized_crops import gather_resized, resized_windows
from alexnet.batches.views import View, Windows, colour_noise, gather, padded, training_windows
from alexnet.dataset.packed import Split
from alexnet.dataset.statistics import Statistics
from alexnet.recipe import Recipe

T = TypeVar("T")
R = TypeVar("R")


class Batch(NamedTuple):
    """What one step of training reads."""

    images: Tensor  # float32 [N, channels, crop, crop]
    labels: Tensor  # int64 [N]


class Cut(NamedTuple):
    """One batch as the threads hand it over: still pixels."""

    views: Tensor  # uint8 [N, crop, crop, 3]
    labels: Tensor  # int64 [N]
    noise: Tensor | None  # float32 [N, 3]


class TrainingLoader:
    """Batches of a training split, epoch by epoch: `for images, labels in loader(epoch, start=step)`.

    What a batch holds is a function of (recipe, split, epoch, step): not of `workers`, of threads, or of
    where a run was interrupted. Whole views are cut ahead by `workers` threads (0: when asked);
    normalisation runs batched on `device`.
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
        self.size = preprocessing.size
        self.device = torch.device(device)
        self.preprocessing = preprocessing.to(self.device)
        self.workers = workers
        self.batch = min(recipe.batch, len(split))
        self.steps = steps_in_epoch(len(split), recipe.batch)
        self.margin = np.rint(statistics.channel_means).astype(np.uint8)

    def __call__(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch` from step `start` on."""
        order = training_order(len(self.split), seed=self.recipe.seed, epoch=epoch)

        def cut(step: int) -> Cut:
            return self._cut(order, epoch, step)

        for views, labels, noise in ahead(cut, range(start, self.steps), self.workers):
            yield self._finished(views, labels, noise)

    def _cut(self, order: NDArray[np.int64], epoch: int, step: int) -> Cut:
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        indices = order[positions]
        views = self._views(epoch, indices, positions)
        noise = self._noise(indices, epoch + step / self.steps)
        labels = torch.from_numpy(self.split.labels[indices])
        return Cut(torch.from_numpy(views), labels, noise)

    def _views(
        self, epoch: int, indices: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        recipe, crop, pad = self.recipe, self.preprocessing.crop, self.recipe.pad
        if recipe.resizes:
            sized = resized_windows(recipe, self.size, epoch=epoch, images=indices, positions=positions)
            return gather_resized(self.split.images, indices, sized, crop)
        windows = training_windows(recipe, self.size, epoch=epoch, images=indices, positions=positions)
        if not pad:
            return gather(self.split.images, indices, windows, crop)
        framed = padded(self.split.images[indices], pad, self.margin)
        return gather(framed, np.arange(len(indices)), windows, crop)

    def _noise(self, indices: NDArray[np.int64], epoch: float) -> Tensor | None:
        noise = self.recipe.colour_noise
        if noise is None or (noise.until is not None and epoch >= noise.until):
            return None
        drawn = colour_noise(noise, self.statistics, seed=self.recipe.seed, epoch=int(epoch), images=indices)
        return torch.from_numpy(drawn).float()

    def _finished(self, views: Tensor, labels: Tensor, noise: Tensor | None) -> Batch:
        if self.device.type == "cuda":
            views, labels = views.pin_memory(), labels.pin_memory()
        views = views.to(self.device, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        if noise is None or self.recipe.colour_noise is None:
            return Batch(self.preprocessing(views), labels)
        shrink = self.recipe.colour_noise.shrink
        return Batch(self.preprocessing(views, noise.to(self.device), shrink), labels)


def evaluation_batches(
    split: Split, preprocessing: Preprocessing, view: View, *, batch: int = 256, workers: int = 1
) -> Iterator[Tensor]:
    """Every image of `split` once, in order, through one view: float32 [N, channels, crop, crop]."""

    def cut(share: slice) -> Tensor:
        count = share.stop - share.start
        windows = Windows(np.full(count, view.row), np.full(count, view.column), np.full(count, view.flip))
        indices = np.arange(share.start, share.stop)
        return torch.from_numpy(gather(split.images, indices, windows, preprocessing.crop))

    device = preprocessing.mean.device
    for views in ahead(cut, shares(len(split), batch), workers):
        yield preprocessing(views.to(device))


def ahead(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`map(work, items)` in order, by `workers` threads with at most two items each ahead of the reader."""
    if not workers:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="loader") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
