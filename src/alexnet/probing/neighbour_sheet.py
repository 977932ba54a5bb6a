"""Pictures and their nearest neighbours: the paper's figure 4, right, and the same by pixels beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alexnet.probing.drawing import BLUE, GREY, INK, ORANGE, brief, figure_of, grid
from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 0.92  # of a picture, inches
GAP = 0.12  # between the parts, in pictures


@dataclass(frozen=True)
class Found:
    """A picture [H, W, 3], its class where it is known, and its neighbours with theirs, nearest first."""

    picture: PIXELS
    truth: str | None
    by_features: Sequence[tuple[PIXELS, str]]
    by_pixels: Sequence[tuple[PIXELS, str]]


def neighbour_figure(title: str, rows: Sequence[Found]) -> "Figure":
    """Draw a row for each picture; frames and names are blue where the class is the picture's own."""
    across = len(rows[0].by_features)
    figure = figure_of(title, SIDE * (2 * across + 2), 0.6 + 1.25 * SIDE * len(rows))
    widths = [1, GAP, *([1] * across), GAP, *([1] * across)]
    axes = grid(figure, len(rows), len(widths), width_ratios=widths)
    first, second = 2, across + 3
    for line, row in zip(axes, rows, strict=True):
        _cell(line[0], row.picture, row.truth or "", None)
        line[1].set_axis_off()
        line[second - 1].set_axis_off()
        for start, found in ((first, row.by_features), (second, row.by_pixels)):
            for axis, (picture, name) in zip(line[start:], found, strict=False):
                _cell(axis, picture, name, None if row.truth is None else name == row.truth)
    _heading(axes[0, 0], "picture")
    _heading(axes[0, first], f"nearest by features{_agreeing(rows, [row.by_features for row in rows])}")
    _heading(axes[0, second], f"nearest by pixels{_agreeing(rows, [row.by_pixels for row in rows])}")
    return figure


def _agreeing(rows: Sequence[Found], found: Sequence[Sequence[tuple[PIXELS, str]]]) -> str:
    known = [(row.truth, names) for row, names in zip(rows, found, strict=True) if row.truth is not None]
    agree = sum(name == truth for truth, names in known for _, name in names)
    count = sum(len(names) for _, names in known)
    return f": {agree} of {count} of the same class" if known else ""


def _heading(axis: Any, words: str) -> None:
    axis.set_title(" ", fontsize=9)  # room for words that may be wider than their picture
    told = axis.annotate(words, (0, 1), (0, 5), "axes fraction", "offset points", fontsize=9, color=INK)
    told.set_in_layout(False)


def _cell(axis: Any, picture: PIXELS, name: str, agrees: bool | None) -> None:
    axis.imshow(picture, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    colour = {True: BLUE, False: ORANGE, None: GREY}[agrees]
    axis.spines[:].set_color(colour)
    axis.spines[:].set_linewidth(0.6 if agrees is None else 1.8)
    axis.set_xlabel(brief(name, 14), fontsize=7, color=INK if agrees is None else colour, labelpad=2)
