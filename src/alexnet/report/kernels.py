"""The first layer's kernels as a sheet, and how colourful they are: the paper's figure 3."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from alexnet.probing.kernels import (
    column_means,
    from_grey_to_colour,
    in_a_row,
    kernels_of,
    specialisation,
)
from alexnet.probing.sheets import kernel_pictures
from alexnet.report.charts import strip
from alexnet.report.svg import Drawing
from alexnet.report.thumbnails import Thumbnail, sheet

MOST = 256  # kernels that are shown
FINE = 16  # pixels of the sheet that the side of a kernel takes, about; what lies between takes two


@dataclass(frozen=True)
class FirstLayer:
    """Kernels of the first convolution, a sheet for each column, sorted from grey to colour."""

    layer: str
    shape: tuple[int, ...]  # [K, C, h, w]
    sheets: list[Thumbnail]
    colourful: list[float] | None  # mean of each column; None of a network that reads no colours
    p_value: float | None  # that columns differ so by chance; None of a single column
    strip: Drawing | None


def first_layer_of(network: nn.Module, name: str) -> FirstLayer:
    """Look at the first convolution; a UsageProblem where there is none."""
    found = kernels_of(network, name)
    order, colourful = from_grey_to_colour(found), found.colourful
    pictures = kernel_pictures(found.weights)[order]
    parts = [part[:MOST] for part in np.split(pictures, found.columns)]
    across, finer = in_a_row(len(parts[0])), max(1, round(FINE / pictures.shape[1]))
    return FirstLayer(
        layer=found.layer,
        shape=tuple(found.weights.shape),
        sheets=[sheet(part, across, finer) for part in parts],
        colourful=None if colourful is None else column_means(colourful, found.columns),
        p_value=None
        if colourful is None or found.columns == 1
        else specialisation([colourful], found.columns),
        strip=None
        if colourful is None
        else strip(
            "How colourful each kernel is", [part.tolist() for part in np.split(colourful, found.columns)]
        ),
    )
