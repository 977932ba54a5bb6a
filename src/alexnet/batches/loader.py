"""Batches ahead of the network: threads cut and convert views while it computes.

The first batch of a training can be begun before torch is imported: it is where one is handed out.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.images import images_of
from alexnet.batches.maker import Plan, maker_of
from alexnet.batches.normalisation import Normalising
from alexnet.batches.order import evaluation_spans, places, steps_in_epoch, training_order
from alexnet.batches.training_views import TrainingViews
from alexnet.batches.views import View, Windows, gather
from alexnet.dataset.balance import balanced_order, sampling_shares
from alexnet.dataset.classes import share_of_each
from alexnet.dataset.packed import Split
from alexnet.dataset.statistics import Statistics
from alexnet.recipe import Recipe
from alexnet.shares import part

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from alexnet.batches.preprocessing import Preprocessing

POWERS = {"shuffled": None, "balanced": 0.0, "root": 0.5}
"""Of a class's number of pictures, which its part of an epoch goes by."""


class Batch(NamedTuple):
    """What one step of training reads."""

    images: "Tensor"  # float32 [N, channels, crop, crop]
    labels: "Tensor"  # int64 [N]


class TrainingLoader:
    """Batches of a training split, epoch by epoch: `for images, labels in loader(epoch, start=step)`.

    What a batch holds is a function of (recipe, split, epoch, step): not of `workers`, of threads, or of
    where a run was interrupted. `workers` threads make one batch ahead (0: when asked). `share` is (which, of
    how many): of each batch only that part is made, as it is in the whole.
    """

    def __init__(
        self,
        split: Split,
        recipe: Recipe,
        preprocessing: Normalising,
        statistics: Statistics,
        *,
        workers: int = 1,
        device: "torch.device | str" = "cpu",
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.split, self.recipe = split, recipe
        self.views = TrainingViews(split, recipe, statistics, preprocessing.size, preprocessing.crop)
        self.device = device
        self.workers = workers
        self.numbers = _numbers(split, recipe)
        count = len(split) if self.numbers is None else len(self.numbers)
        self.batch = min(recipe.batch, count)
        self.mine = places(self.batch, *share, paired=recipe.mix is not None)  # in each batch
        self.steps = steps_in_epoch(count, recipe.batch)
        shrink = recipe.colour_noise.shrink if recipe.colour_noise else 1.0
        if str(device) != "cpu":
            preprocessing = cast("Preprocessing", preprocessing).to(cast("torch.device", device))
        self.maker = maker_of(preprocessing, len(self.mine), shrink)
        self._begun: tuple[tuple[int, int], Iterator[Any]] | None = None

    def begin(self, epoch: int, start: int = 0) -> None:
        """Make the first batch that `loader(epoch, start)` will hand out, now and without torch."""
        with ThreadPoolExecutor(1) as beside:
            # the labels of millions take as long to read as their order to draw
            labels = beside.submit(self.split.labels_of, np.zeros(0, np.int64))
            made = self._made(epoch, start)
            first = next(made)
            labels.result()
        self._begun = (epoch, start), chain([first], made)

    def __call__(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of `epoch` from step `start` on."""
        import torch

        begun, self._begun = self._begun, None
        made = begun[1] if begun and begun[0] == (epoch, start) else self._made(epoch, start)
        for images, numbers in made:
            labels = torch.from_numpy(self.split.labels_of(numbers))
            yield Batch(self.maker.handed_out(images), labels.to(self.device, non_blocking=True))

    def _made(self, epoch: int, start: int) -> Iterator[tuple[Any, NDArray[np.int64]]]:
        """What the maker makes of each step's images, with their numbers."""
        order = self._order(epoch)
        rest = order[start * self.batch : self.steps * self.batch].reshape(-1, self.batch)
        self.split.expect(self._mine(row) for row in rest)
        plans = (self._plan(epoch, step, self._mine(row)) for step, row in enumerate(rest, start))
        return zip(self.maker.made(plans, self.workers), map(self._mine, rest), strict=True)

    def _mine(self, batch: NDArray[np.integer]) -> NDArray[np.int64]:
        return batch[self.mine].astype(np.int64)

    def _order(self, epoch: int) -> NDArray[np.integer]:
        numbers, seed, power = self.numbers, self.recipe.seed, POWERS[self.recipe.sampling]
        if power is None:
            order = training_order(len(self.split if numbers is None else numbers), seed=seed, epoch=epoch)
        else:
            labels = self.split.labels if numbers is None else self.split.labels[numbers]
            order = balanced_order(
                labels, sampling_shares(np.bincount(labels), power=power), seed=seed, epoch=epoch
            )
        return order if numbers is None else numbers[order]

    def _plan(self, epoch: int, step: int, indices: NDArray[np.int64]) -> Plan:
        positions = np.arange(step * self.batch, (step + 1) * self.batch)[self.mine]
        noise = self.views.noise(indices, epoch + step / self.steps)
        return Plan(len(indices), self.views.cut(epoch, indices, positions), noise)


def _numbers(split: Split, recipe: Recipe) -> NDArray[np.int64] | None:
    """The pictures that are trained on, by number; None where all are."""
    if recipe.train_share == 1.0:
        return None
    return share_of_each(split.labels, recipe.train_share, seed=recipe.seed)


def evaluation_passes(
    split: Split,
    preprocessing: Normalising,
    views: Iterable[View],
    *,
    batch: int = 128,
    workers: int = 1,
    share: tuple[int, int] = (0, 1),
) -> "Iterator[Iterator[Tensor]]":
    """For one of `views` after another, every image of `split` once, in order, in batches through that view.

    A batch is float32 [N, channels, crop, crop]. `share` is (which, of how many): that part only.
    """
    images, crop, mine = images_of(split), preprocessing.crop, part(len(split), *share)
    spans = evaluation_spans(len(split), batch, *share)
    maker = maker_of(preprocessing, max([1, *(span.stop - span.start for span in spans)]))

    def plan(view: View, span: slice) -> Plan:
        indices = np.arange(mine.start + span.start, mine.start + span.stop)
        windows = Windows(*(np.full(len(indices), value) for value in view))
        return Plan(
            len(indices),
            lambda share, pixels: gather(images, indices[share], windows.at(share), crop, out=pixels),
        )

    for view in views:
        yield maker(map(partial(plan, view), spans), workers)


def evaluation_batches(
    split: Split,
    preprocessing: Normalising,
    view: View,
    *,
    batch: int = 128,
    workers: int = 1,
    share: tuple[int, int] = (0, 1),
) -> "Iterator[Tensor]":
    """Every image of `split`, or of one share of it, once, in order, through one view."""
    (batches,) = evaluation_passes(split, preprocessing, [view], batch=batch, workers=workers, share=share)
    return batches
