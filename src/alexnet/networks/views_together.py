"""Many views of a picture through a network, its first convolution computed once for all of them.

The ten views of [P] §4.1 overlap: where their corners lie whole strides of the first convolution apart,
that layer gives the same sums again and again. It is linear, so the mean image, which is subtracted wherever
a view lies, can be subtracted from its outputs; only windows that hang over a view's edge are its own. What
comes out is what the views give one by one, to rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks.layers import CeilPad

GAIN = 1.5  # times fewer outputs than one by one: below that, copies take as long as what they save


class Window(NamedTuple):
    """A view: its upper left corner in pixels, and whether it is mirrored."""

    row: int
    column: int
    flip: bool


@dataclass(frozen=True)
class Parted:
    """A network as its first convolution, with zeros before it or none, and the layers behind."""

    conv: nn.Conv2d
    rest: nn.Sequential
    hanging: bool  # whether windows may hang over the right and lower edge, as `CeilPad` lets them

    @property
    def size(self) -> int:
        """Pixels a side of a window."""
        return self.conv.kernel_size[0]

    @property
    def step(self) -> int:
        """Pixels between two windows."""
        return self.conv.stride[0]

    def outputs(self, pixels: int) -> int:
        """How many windows there are a side."""
        return 1 + (pixels + self._missing(pixels) - self.size) // self.step

    def sums(self, pixels: Tensor, bias: Tensor | None = None) -> Tensor:
        """The convolution's outputs for [N, C, H, W]."""
        below, right = (self._missing(side) for side in pixels.shape[2:])
        return F.conv2d(F.pad(pixels, (0, right, 0, below)), self.conv.weight, bias, self.conv.stride)

    def _missing(self, pixels: int) -> int:
        return (self.size - pixels) % self.step if self.hanging else 0


def parted(network: nn.Module, windows: Sequence[Window], *, size: int, crop: int) -> Parted | None:
    """The network in two parts, if views of `crop` pixels in pictures of `size` can share the first.

    >>> ten = [Window(*at, flip) for at in ((0, 0), (0, 32), (16, 16), (32, 0), (32, 32)) for flip in (0, 1)]
    >>> network = nn.Sequential(CeilPad(11, 4), nn.Conv2d(3, 96, 11, stride=4), nn.ReLU())
    >>> parted(network, ten, size=256, crop=224).outputs(224)
    55
    >>> parted(network, ten[:1], size=256, crop=224) is None
    True
    """
    if not isinstance(network, nn.Sequential):
        return None
    first = 1 if len(network) and isinstance(network[0], CeilPad) else 0
    conv = network[first] if len(network) > first else None
    if not isinstance(conv, nn.Conv2d) or not _plain(conv):
        return None
    found = Parted(conv, network[first + 1 :], hanging=bool(first))
    corners = {side for window in windows for side in _place(window, size, crop)}
    if any(corner % found.step for corner in corners):
        return None
    sides = len({window.flip for window in windows})
    gain = len(windows) * found.outputs(crop) ** 2 / (sides * found.outputs(size) ** 2)
    return found if gain >= GAIN else None


class ViewsTogether:
    """Logits of every view in turn, for pictures [N, C, size, size] less `mean`, over `divisor`."""

    def __init__(
        self, network: Parted, windows: Sequence[Window], *, crop: int, mean: Tensor | None = None
    ) -> None:
        """`mean` [C, crop, crop] is what is still to be subtracted from each view, in its own pixels."""
        self.network, self.windows, self.crop = network, windows, crop
        order = torch.channels_last
        self.mean = None if mean is None else network.sums(mean[None].to(memory_format=order)).detach()

    def __call__(self, pictures: Tensor) -> Iterator[Tensor]:
        """Logits [N, classes] of one view after another, those not mirrored first."""
        for flip in (False, True):
            if any(window.flip == flip for window in self.windows):
                yield from self._of_side(pictures.flip(3) if flip else pictures, flip)

    def _of_side(self, pictures: Tensor, flip: bool) -> Iterator[Tensor]:
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        sums = self.network.sums(pictures, self.network.conv.bias)
        for window in (window for window in self.windows if window.flip == flip):
            maps = self._of_window(pictures, sums, *_place(window, pictures.size(3), self.crop))
            answer: Tensor = self.network.rest(maps)
            yield answer

    def _of_window(self, pictures: Tensor, sums: Tensor, row: int, column: int) -> Tensor:
        """The first layer's outputs for the view at `row` and `column`."""
        net, crop = self.network, self.crop
        side = net.outputs(crop)
        top, left = row // net.step, column // net.step
        maps = sums[:, :, top : top + side, left : left + side].clone(memory_format=torch.channels_last)
        edge = (side - 1) * net.step  # where the last window begins, which may hang over
        if net.hanging and edge + net.size > crop:
            view = pictures[:, :, row : row + crop, column : column + crop]
            maps[:, :, -1:] = net.sums(view[:, :, edge:], net.conv.bias)
            maps[:, :, :, -1:] = net.sums(view[:, :, :, edge:], net.conv.bias)
        return maps if self.mean is None else maps.sub_(self.mean)


def _plain(conv: nn.Conv2d) -> bool:
    """Whether a convolution's windows are square, without gaps, within its input and of all its maps."""
    square = len({*conv.kernel_size}) == len({*conv.stride}) == 1
    return square and conv.padding == (0, 0) and conv.dilation == (1, 1) and conv.groups == 1


def _place(window: Window, size: int, crop: int) -> tuple[int, int]:
    """Row and column of a view in its picture, mirrored as the view is."""
    return window.row, size - crop - window.column if window.flip else window.column
