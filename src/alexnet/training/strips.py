"""Small maps side by side, so that convolutions in bfloat16 fill the tiles of a processor.

The tiles (Intel's AMX) multiply sixteen rows at once, and oneDNN 3 fills those rows with pixels of one row of
a map: of a map 7 pixels wide more than half of each tile stays empty, of one 3 pixels wide four fifths. Here
images of a batch lie side by side as on a film, with columns of zeros between them that stand for the
margins of both. Every sum has the same terms; how much faster it is stands in docs/speed.md.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

TILE = 16  # rows of a tile
FULL = 10  # pixels in a row from which a tile is full enough
WIDE = 128  # pixels of a strip, at most
MAPS = 64  # fewer are done before the copies are


class SmallMapsOnStrips(TorchFunctionMode):
    """Within it `torch.conv2d` lays small maps on strips, whichever module calls it."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if function is torch.conv2d:
            return convolved(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def convolved(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.conv2d` of the same arguments: [N, C, H, W] -> [N, D, H', W'], on strips where that pays."""
    beside = 1
    if groups == 1 and min(weight.shape[:2]) >= MAPS and keeps_size(weight, stride, padding, dilation):
        beside = images_beside(maps.shape[0], maps.shape[-1], weight.shape[-1] // 2)
    if beside == 1:
        return torch.conv2d(maps, weight, bias, stride, padding, dilation, groups)
    return on_strips(maps, weight, bias, beside=beside)


def keeps_size(weight: Tensor, stride: Any, padding: Any, dilation: Any) -> bool:
    """Whether a convolution of an odd kernel gives maps of the size that it gets."""
    height, width = weight.shape[-2:]
    margins = (height // 2, width // 2)
    return bool(width > 1 and height % 2 == width % 2 == 1) and (
        (stride, padding, dilation) in (((1, 1), margins, (1, 1)), (1, margins, 1))
    )


def images_beside(images: int, width: int, gap: int) -> int:
    """How many images lie side by side: as many as divide the batch and fit into a strip; 1 is none.

    >>> [images_beside(500, width, gap=1) for width in (3, 7, 15)], images_beside(499, 7, gap=1)
    ([25, 10, 1], 1)
    """
    if width >= FULL:
        return 1
    return max(beside for beside in range(1, max(WIDE // (width + gap), 1) + 1) if images % beside == 0)


def on_strips(maps: Tensor, weight: Tensor, bias: Tensor | None, *, beside: int) -> Tensor:
    """Maps [N, C, H, W] -> [N, D, H, W] by strips [N / beside, C, H, beside · (W + gap)]."""
    images, channels, height, width = maps.shape
    gap = weight.shape[-1] // 2
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else maps.dtype
    film = maps.new_zeros(images // beside, height, beside, width + gap, channels, dtype=kind)
    by_image = maps.permute(0, 2, 3, 1).reshape(images // beside, beside, height, width, channels)
    film[:, :, :, :width].copy_(by_image.transpose(1, 2))
    strips = film.flatten(2, 3).permute(0, 3, 1, 2)
    margins = (weight.shape[-2] // 2, gap)
    found: Tensor = torch.conv2d(strips, weight, bias, 1, margins)
    cut = found.permute(0, 2, 3, 1).unflatten(2, (beside, width + gap))[:, :, :, :width]
    found = cut.transpose(1, 2).reshape(images, height, width, -1)
    return found.permute(0, 3, 1, 2)
