"""Grids of small pictures: kernels, feature maps, images."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS = NDArray[np.uint8]


def kernel_pictures(weights: Tensor) -> PIXELS:
    """Kernels [K, C, h, w] as pictures uint8 [K, h, w, 3]: grey is zero, and all share one scale.

    Three channels are shown as colours, any other number as its mean.
    """
    kernels = weights.detach().float().cpu()
    if kernels.size(1) != 3:
        kernels = kernels.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    largest = kernels.abs().max().clamp_min(1e-12)
    pictures = (127.5 + 127.5 * kernels / largest).round().to(torch.uint8)
    return np.asarray(pictures.permute(0, 2, 3, 1).numpy())


def map_pictures(maps: Tensor) -> PIXELS:
    """Feature maps [K, h, w] as grey pictures uint8 [K, h, w, 3], each from its own least to its own most."""
    maps = maps.detach().float().cpu()
    least, most = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    pictures = ((maps - least) / (most - least).clamp_min(1e-12) * 255).round().to(torch.uint8)
    return np.asarray(pictures[..., None].expand(-1, -1, -1, 3).numpy())


def tiled(pictures: PIXELS, columns: int, *, gap: int = 1, enlarged: int = 1) -> PIXELS:
    """Lay pictures [K, h, w, 3] out in rows of `columns`, with white gaps: one picture [H, W, 3].

    >>> tiled(np.zeros((3, 4, 4, 3), np.uint8), 2).shape
    (11, 11, 3)
    """
    pictures = pictures.repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    count, height, width, channels = pictures.shape
    rows = -(-count // columns)
    shape = (rows * (height + gap) + gap, columns * (width + gap) + gap, channels)
    sheet = np.full(shape, 255, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        top = gap + place // columns * (height + gap)
        left = gap + place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG or SVG, by the ending of `path`: whole or not at all, always the same bytes."""
    from matplotlib import rc_context

    kind = path.suffix[1:]
    told = {"svg": {"Date": None}}.get(kind, {"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, rc_context({"svg.hashsalt": path.name}):
        figure.savefig(partial, format=kind, dpi=150, metadata=told)
