"""Pictures with their five likeliest classes as bars: the paper's figure 4, left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alexnet.probing.drawing import GREY, INK, LIGHT, ORANGE, brief, figure_of, grid
from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AT_MOST = 40  # pictures on a sheet
RIGHT = "#56b4e9"  # a blue that words can stand on


@dataclass(frozen=True)
class Guessed:
    """A picture, its class where it is known, and the likeliest classes with their probabilities."""

    picture: PIXELS  # [H, W, 3]
    name: str
    truth: str | None
    top: Sequence[tuple[str, float]]  # best first
    middle: tuple[float, float] | None = None  # row and column of the thing's middle, pixels


def top5_figure(title: str, guesses: Sequence[Guessed]) -> "Figure":
    """Draw a grid of pictures, each with its class above it and its bars below: blue where right."""
    across = min(len(guesses), 4)
    down = math.ceil(len(guesses) / across)
    bars = max(len(one.top) for one in guesses)
    figure = figure_of(title, 2.45 * across + 0.2, 0.6 + (2.35 + 0.21 * bars) * down)
    axes = grid(figure, 2 * down, across, height_ratios=[2.1, 0.21 * bars] * down)
    for axis in axes.flat:
        axis.set_axis_off()
    for place, one in enumerate(guesses):
        row, column = 2 * (place // across), place % across
        _picture(axes[row, column], one)
        _bars(axes[row + 1, column], one, bars)
    return figure


def _picture(axis: Any, one: Guessed) -> None:
    axis.imshow(one.picture, interpolation="nearest")
    if one.middle is not None:
        row, column = one.middle
        axis.plot(column - 0.5, row - 0.5, marker="o", ms=15, mfc="none", mec="white", mew=3)
        axis.plot(column - 0.5, row - 0.5, marker="o", ms=15, mfc="none", mec=ORANGE, mew=1.4)
    told = one.truth if one.truth is not None else one.name
    axis.set_title(brief(told, 26), fontsize=10, color=INK if one.truth else GREY)


def _bars(axis: Any, one: Guessed, bars: int) -> None:
    names, shares = zip(*one.top, strict=True)
    colours = [RIGHT if name == one.truth else LIGHT for name in names]
    axis.barh(range(len(names)), shares, height=0.86, color=colours)
    for row, name in enumerate(names):
        weight = "bold" if name == one.truth else "normal"
        axis.text(0.02, row, brief(name, 26), va="center", fontsize=8.5, color=INK, fontweight=weight)
    axis.set_xlim(0, 1)
    axis.set_ylim(bars - 0.5, -0.5)
