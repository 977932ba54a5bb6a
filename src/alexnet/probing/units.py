"""Which patches of pictures excite a unit most: the strongest of a stream, cut at the receptive field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from alexnet.probing.drawing import GREY, figure_of, framed, grid
from alexnet.probing.receptive import Field, Fields
from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTSIDE = 225  # grey of what a field sees beyond the picture


class Strongest:
    """For each of `units` the `count` images of a stream that excite it most, each at its best place.

    Takes as much memory as its results, however long the stream; of equal answers the earlier comes first.
    """

    def __init__(self, units: Sequence[int], count: int) -> None:
        self.units, self.count, self.images_seen = list(units), count, 0
        self.side = 0  # places along a row of the layer's maps
        self.values = torch.empty(len(self.units), 0)
        self.images = torch.empty(len(self.units), 0, dtype=torch.int64)
        self.places = torch.empty(len(self.units), 0, dtype=torch.int64)

    def add(self, answers: Tensor) -> None:
        """Take a batch of the layer's output: maps [N, K, h, w] or features [N, K]."""
        maps = answers[:, self.units].detach().float().cpu()
        maps = maps[:, :, None, None] if maps.dim() == 2 else maps
        self.side = maps.size(3)
        values, places = maps.flatten(2).max(2)  # [N, units]
        images = torch.arange(self.images_seen, self.images_seen + len(maps)).expand(len(self.units), -1)
        self.images_seen += len(maps)
        every = torch.cat([self.values, values.T], 1)
        order = every.argsort(dim=1, descending=True, stable=True)[:, : self.count]
        self.values = every.gather(1, order)
        self.images = torch.cat([self.images, images], 1).gather(1, order)
        self.places = torch.cat([self.places, places.T], 1).gather(1, order)

    def found(self) -> dict[int, list["Excited"]]:
        """By unit, the strongest first."""
        rows = zip(self.values.tolist(), self.images.tolist(), self.places.tolist(), strict=True)
        return {
            unit: [
                Excited(image, place // self.side, place % self.side, value)
                for value, image, place in zip(*row, strict=True)
            ]
            for unit, row in zip(self.units, rows, strict=True)
        }


@dataclass(frozen=True)
class Excited:
    """One answer of a unit: to which image of the stream, at which place of its map, how strong."""

    image: int
    row: int
    column: int
    value: float


def box(fields: Fields, found: Excited, image: tuple[int, int]) -> tuple[int, int, int, int]:
    """Pixels that the unit sees at that place: first row, first column, past the last row and column."""
    rows, columns = fields
    top, bottom = rows.pixels(found.row, image[0])
    left, right = columns.pixels(found.column, image[1])
    return top, left, bottom, right


def patch(picture: PIXELS, fields: Fields, found: Excited) -> PIXELS:
    """Cut what the unit sees from a picture [H, W, 3]; what lies outside the picture is light grey.

    All patches of a layer have one size: the field's, or the picture's where that is smaller.
    """
    top, left, bottom, right = box(fields, found, (picture.shape[0], picture.shape[1]))
    inside = picture[top:bottom, left:right]
    sizes = [min(field.size, side) for field, side in zip(fields, picture.shape[:2], strict=True)]
    canvas = np.full((*sizes, 3), OUTSIDE, dtype=np.uint8)
    row = _offset(fields[0], found.row, sizes[0] - inside.shape[0])
    column = _offset(fields[1], found.column, sizes[1] - inside.shape[1])
    canvas[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return canvas


def _offset(field: Field, place: int, missing: int) -> int:
    """Where the visible part begins: behind what is missing if the field begins before the picture."""
    return missing if field.start + place * field.step < 0 else 0


def unit_figure(title: str, rows: Sequence[tuple[str, Sequence[PIXELS]]]) -> "Figure":
    """Draw a row of patches for each unit, its label (two lines at most) on the left."""
    across = max(len(patches) for _, patches in rows)
    size = 0.92
    figure = figure_of(title, 1.5 + size * across, 0.5 + (size + 0.06) * len(rows))
    axes = grid(figure, len(rows), across + 1, width_ratios=[1.35] + [size] * across)
    for line, (label, patches) in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_axis_off()
        head, _, rest = label.partition("\n")
        line[0].text(0.98, 0.52, head, ha="right", va="bottom", fontsize=9, transform=line[0].transAxes)
        line[0].text(
            0.98, 0.46, rest, ha="right", va="top", fontsize=7.5, color=GREY, transform=line[0].transAxes
        )
        for axis, one in zip(line[1:], patches, strict=False):
            framed(axis, one)
    return figure
