"""Batches in the making: threads cut their views and convert them, a few images at a time.

Until a batch is handed out no torch is needed, so the first is made while torch is imported.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.buffers import Buffers
from alexnet.batches.conversion import conversion_of
from alexnet.batches.inner_loops import kernels
from alexnet.batches.normalisation import Normalising
from alexnet.batches.order import shares
from alexnet.batches.threads import Task, completed

if TYPE_CHECKING:
    from torch import Tensor

    from alexnet.batches.preprocessing import Preprocessing

PIECE = 2**20
"""Bytes of uint8 views that a thread cuts and converts at a time: they stay in its cache."""


class Plan(NamedTuple):
    """A batch to be made: `cut(share, views)` cuts a share of its images into views [N, crop, crop, 3]."""

    images: int
    cut: Callable[[slice, NDArray[np.uint8]], object]
    noise: NDArray[np.float32] | None = None  # [images, 3]


class Maker:
    """Makes the batches of one `preprocessing`, up to `batch` images each: the threads cut and convert.

    A batch lies in memory that an earlier one has left (buffers.py).
    """

    def __init__(self, preprocessing: Normalising, batch: int, shrink: float = 1.0) -> None:
        crop, self.piece = preprocessing.crop, piece_of(preprocessing, batch)
        self.conversion = conversion_of(preprocessing, shrink)
        self.views = Buffers(self.piece, (crop, crop, 3), np.uint8)
        self.batches = Buffers(batch, (crop, crop, preprocessing.channels), np.float32)

    def __call__(self, plans: Iterable[Plan], workers: int) -> "Iterator[Tensor]":
        """The batches of `plans` in order, float32 [N, channels, crop, crop]; `workers` make one ahead."""
        return map(self.handed_out, self.made(plans, workers))

    def made(self, plans: Iterable[Plan], workers: int) -> Iterator[NDArray[np.float32]]:
        """The same in arrays [N, crop, crop, channels]."""
        return completed(map(self._begun, plans), workers)

    def handed_out(self, pixels: NDArray[np.float32]) -> "Tensor":
        """One of those as the network reads it."""
        import torch

        return torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def _begun(self, plan: Plan) -> tuple[NDArray[np.float32], list[Task]]:
        pixels = self.batches.take(plan.images)
        return pixels, [partial(self._fill, plan, pixels, share) for share in shares(plan.images, self.piece)]

    def _fill(self, plan: Plan, pixels: NDArray[np.float32], share: slice) -> None:
        views = self.views.take(share.stop - share.start)
        plan.cut(share, views)
        self.conversion(views, pixels[share], None if plan.noise is None else plan.noise[share])


class DeviceMaker:
    """The same for an accelerator: the threads cut, a quarter of the bytes goes over, the device converts."""

    def __init__(self, preprocessing: "Preprocessing", batch: int, shrink: float = 1.0) -> None:
        crop, self.piece = preprocessing.crop, piece_of(preprocessing, batch)
        self.preprocessing, self.shrink = preprocessing, shrink
        self.device = preprocessing.mean.device
        self.batches = Buffers(batch, (crop, crop, 3), np.uint8)

    def __call__(self, plans: Iterable[Plan], workers: int) -> "Iterator[Tensor]":
        """As of `Maker`, on the device."""
        return map(self.handed_out, self.made(plans, workers))

    def made(self, plans: Iterable[Plan], workers: int) -> Iterator[tuple[Plan, NDArray[np.uint8]]]:
        """The views uint8 [N, crop, crop, 3], each with its plan."""
        return completed(map(self._begun, plans), workers)

    def handed_out(self, views: tuple[Plan, NDArray[np.uint8]]) -> "Tensor":
        """One of those as the network reads it."""
        import torch

        plan, sent = views[0], self._sent(torch.from_numpy(views[1]))
        if plan.noise is None:
            return self.preprocessing(sent)
        return self.preprocessing(sent, torch.from_numpy(plan.noise).to(self.device), self.shrink)

    def _begun(self, plan: Plan) -> tuple[tuple[Plan, NDArray[np.uint8]], list[Task]]:
        views = self.batches.take(plan.images)
        tasks = [partial(self._fill, plan, views, share) for share in shares(plan.images, self.piece)]
        return (plan, views), list[Task](tasks)

    def _fill(self, plan: Plan, views: NDArray[np.uint8], share: slice) -> None:
        plan.cut(share, views[share])

    def _sent(self, views: "Tensor") -> "Tensor":
        if self.device.type != "cuda":
            return views.to(self.device)
        return views.pin_memory().to(self.device, non_blocking=True)


def maker_of(preprocessing: Normalising, batch: int, shrink: float = 1.0) -> Maker | DeviceMaker:
    """The maker for the device that `preprocessing` is on; what has noise is divided by `shrink` as well."""
    kernels()  # compiled here once, not by the first threads that need them
    if str(preprocessing.mean.device) == "cpu":  # an array's too
        return Maker(preprocessing, batch, shrink)
    return DeviceMaker(cast("Preprocessing", preprocessing), batch, shrink)


def piece_of(preprocessing: Normalising, batch: int) -> int:
    """How many images a thread takes at a time."""
    return min(batch, max(1, PIECE // (3 * preprocessing.crop**2)))
