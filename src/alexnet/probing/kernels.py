"""The first layer's kernels, figure 3 of the paper: how colourful each is, and whether columns specialise.

[P] §6.1: of the 96 kernels those on one GPU are largely colour-agnostic, those on the other largely
colour-specific, in every run and whatever the random initial weights, up to which GPU is which.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alexnet.probing.activations import first_convolution
from alexnet.probing.drawing import GREY, LINES, bare, figure_of, grid, shown
from alexnet.probing.sheets import kernel_pictures, tiled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWS = 9_999
"""Permutations of a test; the smallest p-value is one in as many and one more."""


@dataclass(frozen=True)
class Kernels:
    """The first convolution of a network at one moment."""

    title: str
    layer: str
    weights: Tensor  # [K, C, h, w]
    columns: int  # in which its maps part, equal shares in order; 1 where they do not

    @property
    def colourful(self) -> NDArray[np.float64] | None:
        """Colourfulness of each kernel [K]; None where the network does not read three channels."""
        return colourfulness(self.weights) if self.weights.size(1) == 3 else None


def kernels_of(network: nn.Module, title: str) -> Kernels:
    """Kernels of the first convolution; a UsageProblem where there is none."""
    layer = first_convolution(network)
    weights = dict(network.named_parameters())[f"{layer}.weight"].detach().float().cpu().clone()
    return Kernels(title, layer, weights, columns_of(network))


def columns_of(network: nn.Module) -> int:
    """In how many columns the first layer's maps part: the groups of the convolution that reads them.

    >>> columns_of(nn.Sequential(nn.Conv2d(3, 96, 11, stride=4), nn.Conv2d(96, 256, 5, groups=2)))
    2
    """
    first, second = ([each for each in network.modules() if isinstance(each, nn.Conv2d)] + [None] * 2)[:2]
    if first is None or second is None or first.out_channels != second.in_channels:
        return 1
    return second.groups if second.groups < second.in_channels else 1


def colourfulness(weights: Tensor) -> NDArray[np.float64]:
    """Share of each kernel's energy that is colour, 0 … 1: kernels [K, 3, h, w] -> [K].

    A kernel is the sum of a grey one, its mean over the channels, and what is left; the two are orthogonal.
    It is 0 where the channels are equal and 1 where they cancel, as red against green; white noise has 2/3.

    >>> colourfulness(torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])[:, :, None, None])
    array([0., 1., 0.])
    """
    kernels = weights.detach().double().cpu()
    colour = (kernels - kernels.mean(1, keepdim=True)).square().sum((1, 2, 3))
    energy = kernels.square().sum((1, 2, 3))
    return np.asarray(torch.where(energy > 0, colour / energy.clamp_min(1e-300), 0.0).numpy())


def column_means(colourful: NDArray[np.float64], columns: int) -> list[float]:
    """Mean colourfulness of each column's kernels."""
    return [float(mean) for mean in colourful.reshape(columns, -1).mean(axis=1)]


def specialisation(runs: Sequence[NDArray[np.float64]], columns: int, *, seed: int = 0) -> float:
    """p-value that columns of kernels differ in colourfulness only by chance: runs of [K] each.

    A permutation test: the statistic is the distance between the most and the least colourful column's mean,
    summed over runs; kernels change places within their own run. Which column is which does not matter, as
    it differs from run to run.
    """
    chance = np.random.default_rng(seed)
    real, drawn = 0.0, np.zeros(DRAWS)
    for colourful in runs:
        real += float(_distance(colourful[None], columns)[0])
        shuffled = chance.permuted(np.tile(colourful, (DRAWS, 1)), axis=1)
        drawn += _distance(shuffled, columns)
    return float((1 + (drawn >= real - 1e-12).sum()) / (1 + DRAWS))


def _distance(colourful: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
    means = colourful.reshape(len(colourful), columns, -1).mean(axis=2)  # [N, columns]
    return np.asarray(means.max(axis=1) - means.min(axis=1))


def from_grey_to_colour(kernels: Kernels) -> list[int]:
    """Numbers of the kernels column by column, each from its greyest to its most colourful."""
    count = len(kernels.weights) // kernels.columns
    by = kernels.colourful if kernels.colourful is not None else np.zeros(len(kernels.weights))
    parts = [range(start, start + count) for start in range(0, len(kernels.weights), count)]
    return [kernel for part in parts for kernel in sorted(part, key=lambda kernel: by[kernel])]


def numbers(kernels: Kernels) -> dict[str, Any]:
    """What is measured of one moment's kernels, as JSON's own types."""
    colourful, share = kernels.colourful, len(kernels.weights) // kernels.columns
    norms = kernels.weights.flatten(1).norm(dim=1).tolist()
    each = [
        {
            "kernel": kernel,
            "column": kernel // share,
            "norm": round(norm, 6),
            "colourfulness": None if colourful is None else round(float(colourful[kernel]), 6),
        }
        for kernel, norm in enumerate(norms)
    ]
    parted = kernels.columns > 1 and colourful is not None
    return {
        "title": kernels.title,
        "layer": kernels.layer,
        "shape": list(kernels.weights.shape),
        "columns": kernels.columns,
        "colourfulness": None if colourful is None else float(colourful.mean()),
        "column_means": None if colourful is None else column_means(colourful, kernels.columns),
        "p_value": specialisation([colourful], kernels.columns) if parted and colourful is not None else None,
        "kernels": each,
    }


def kernel_figure(title: str, rows: Sequence[Kernels], orders: Sequence[Sequence[int]]) -> "Figure":
    """Draw a row for each of `rows`: a sheet a column, kernels in the order given, and how colourful."""
    columns = max(row.columns for row in rows)
    colour = rows[0].weights.size(1) == 3
    count = len(rows[0].weights) // columns
    across = in_a_row(count)
    width = min(8.4 / columns, 0.8 * across)
    height = max(0.9, width * math.ceil(count / across) / across) + 0.42
    figure = figure_of(title, width * columns + 0.4 + 2.4 * colour, 0.55 + height * len(rows))
    axes = grid(figure, len(rows), columns + colour, width_ratios=[width] * columns + [1.9] * colour)
    for axis, row, order in zip(axes, rows, orders, strict=True):
        pictures = kernel_pictures(row.weights)[list(order)]
        for column, part in enumerate(np.split(pictures, row.columns)):
            shown(axis[column], tiled(part, across, gap=1, enlarged=4))
            name = f", column {column + 1} of {row.columns}" if row.columns > 1 else ""
            axis[column].set_title(f"{row.title}{name}", fontsize=9, loc="left", color=GREY)
            axis[column].set_anchor("NW")
        for unused in axis[row.columns : columns]:
            unused.set_axis_off()
        if colour:
            _colours(axis[-1], row)
    if colour:
        axes[-1, -1].set_xlabel("colourfulness: 0 grey, 1 colour", fontsize=8, color=GREY)
    return figure


def in_a_row(count: int) -> int:
    """How many kernels stand in a row: whole rows where a width near to 2.6 times the height gives them."""
    ideal = min(float(count), math.sqrt(count * 2.6))
    whole = [each for each in range(1, count + 1) if count % each == 0 and 0.6 <= each / ideal <= 1.7]
    return min(whole, key=lambda each: abs(each - ideal), default=math.ceil(ideal))


def _colours(axis: Any, row: Kernels) -> None:
    parts = np.split(np.asarray(row.colourful), row.columns)
    for column, part in enumerate(parts):
        colour, across = LINES[column], np.linspace(-0.18, 0.18, len(part))
        axis.scatter(np.sort(part), column + across, s=9, color=colour, alpha=0.75, linewidths=0)
        axis.plot([part.mean()] * 2, [column - 0.32, column + 0.32], color=colour, lw=1.6)
    axis.set_xlim(-0.03, 1.03)
    axis.set_ylim(len(parts) - 0.5, -0.5)
    labels = [f"column {number + 1}" for number in range(len(parts))] if len(parts) > 1 else ["kernels"]
    axis.set_yticks(range(len(parts)), labels)
    bare(axis)
