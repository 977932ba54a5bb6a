"""`dataset.resize.fit` as plain operations on tensors of any size, for a file that other engines run.

Equal to the bit to what a run's pictures were prepared with, where products are of 64 bits: the columns are
resized, then the rows, each with Pillow's weights of 22 bits and sums rounded to bytes
(dataset/resample.py). Here each is a matrix product, of which only the rows and columns that the network
will see are computed.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from alexnet.dataset.resize import BAR_GREY, LONGEST, Fit

PRECISION = 2.0**22  # of a weight


class Axis(NamedTuple):
    """How one side is resized: `length` pixels from `start` on become `target`, seen from `first` on.

    0-dim float64; `first` is negative where there are bars.
    """

    start: Tensor
    length: Tensor
    target: Tensor
    first: Tensor


class Fitting(nn.Module):
    """Pictures uint8 [N, H, W, 3] -> uint8 [N, crop, crop, 3]: fitted, then the centre."""

    def __init__(self, size: int, fit: Fit, crop: int) -> None:
        super().__init__()
        self.size, self.fit, self.crop = size, fit, crop
        self.most = LONGEST * size if fit == "crop" else size  # pixels of a resized side

    def forward(self, pictures: Tensor) -> Tensor:  # noqa: D102
        count, height, width, _ = pictures.shape
        sides = torch.stack([torch.scalar_tensor(side, dtype=torch.float64) for side in (height, width)])
        # no side shrinks more than 1.5 · longest / size: that is where a bar of one pixel is rounded up
        taps = 6 * (height + width) // self.size + 4
        columns = self._weights(self._axis(sides[1], sides), width, taps)  # [crop, W]
        rows = self._weights(self._axis(sides[0], sides), height, taps)  # [crop, H]
        pixels = pictures.to(torch.float64).permute(0, 1, 3, 2).reshape(-1, width)  # [N · H · 3, W]
        narrow = _bytes(pixels @ columns.T).reshape(count, height, 3 * self.crop)
        fitted = _bytes(rows @ narrow).reshape(count, self.crop, 3, self.crop).permute(0, 1, 3, 2)
        if self.fit == "letterbox":
            bars = (rows.sum(1) == 0)[:, None] | (columns.sum(1) == 0)
            fitted = torch.where(bars[None, :, :, None], float(BAR_GREY), fitted)
        return fitted.to(torch.uint8)

    def _axis(self, side: Tensor, sides: Tensor) -> Axis:
        size, none = float(self.size), torch.zeros_like(side)
        if self.fit == "stretch":
            start, length, target, lead = none, side, none + size, none
        elif self.fit == "letterbox":
            target = torch.round(side * size / sides.max()).clamp_min(1.0)
            start, length, lead = none, side, -torch.floor((size - target) / 2)
        else:
            shorter = sides.min()
            length = torch.minimum(side, LONGEST * shorter)
            start = torch.floor((side - length) / 2)
            target = torch.round(length * size / shorter).clamp_min(size)
            lead = torch.floor((target - size) / 2)
        return Axis(start, length, target, lead + (self.size - self.crop) // 2)

    def _weights(self, axis: Axis, side: int, taps: int) -> Tensor:
        """What each output pixel takes of each of `side` input pixels: [crop, side], zeros for a bar."""
        low, weights = _windows(axis, self.most, taps)  # of all places, seen or not
        place = torch.arange(self.crop, dtype=torch.float64) + axis.first
        seen = (place >= 0) & (place < axis.target)
        row = place.clamp(0.0, self.most - 1.0).to(torch.int64)  # [crop]
        tap = torch.arange(side, dtype=torch.float64) - axis.start - low[row][:, None]  # [crop, side]
        near = (tap >= 0) & (tap < taps) & seen[:, None]
        index = tap.clamp(0.0, taps - 1.0).to(torch.int64)
        return torch.where(near, weights[row].gather(1, index), 0.0)


def _windows(axis: Axis, most: int, taps: int) -> tuple[Tensor, Tensor]:
    """The first pixel that each of `most` places takes of, and the weights from there on, [most, taps]."""
    scale = axis.length / axis.target
    reach = scale.clamp_min(1.0)
    place = torch.arange(most, dtype=torch.float64)
    centre = (place + 0.5) * scale
    low = torch.floor(centre - 2 * reach + 0.5).clamp_min(0.0)
    high = torch.minimum(torch.floor(centre + 2 * reach + 0.5), axis.length)
    pixel = low[:, None] + torch.arange(taps, dtype=torch.float64)  # [most, taps]
    there = (pixel < high[:, None]) & (place < axis.target)[:, None]
    weights = torch.where(there, _cubic((pixel - centre[:, None] + 0.5) * (1.0 / reach)), 0.0)
    total = weights.sum(1, keepdim=True)
    weights = weights / torch.where(total == 0, 1.0, total)
    return low, _half_away(weights * PRECISION) / PRECISION


def _cubic(distance: Tensor) -> Tensor:
    """Keys' kernel with a = −.5, nothing beyond 2."""
    x = distance.abs()
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def _half_away(values: Tensor) -> Tensor:
    return torch.trunc(values + torch.where(values < 0, -0.5, 0.5))


def _bytes(sums: Tensor) -> Tensor:
    return torch.floor(sums + 0.5).clamp(0.0, 255.0)
