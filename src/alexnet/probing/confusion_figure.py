"""The confusion matrix as a picture that can be read with two classes and with a thousand."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.confusion import Matrix, most_confused_pairs
from alexnet.probing.drawing import BLUE, GREY, INK, ORANGE, brief, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNTED = 12  # classes up to which every cell has its number
NAMED = 110  # classes up to which every row has its name
LISTED = 14  # pairs beside a matrix without numbers
FAINTEST = 0.08  # how strong the colour of a single confused picture is
PALE = 0.1  # the share that has the strongest orange, if none is larger


def confusion_figure(
    title: str, matrix: Matrix, names: Sequence[str], *, order: Sequence[int] | None = None
) -> "Figure":
    """Draw counts [C, C]: rows are right classes, columns answers, colours shares of the row.

    Right answers are blue, wrong ones orange, each with a scale of its own, so that errors of one in a
    hundred are seen beside nine tenths of right answers. `order` puts the classes as `clustered` says.
    """
    places = list(order) if order is not None else list(range(len(matrix)))
    cells = matrix[np.ix_(places, places)]
    told = [brief(names[place]) for place in places]
    classes, listed = len(cells), len(cells) > COUNTED
    side = _side(classes)
    figure = figure_of(title, side + (3.4 if listed else 1.2), side + 0.9)
    if listed:
        axis, beside = figure.subplots(1, 2, width_ratios=(side, 3.0))
        _pairs(beside, matrix, names)
    else:
        axis = figure.subplots()
    axis.imshow(coloured(cells), interpolation="nearest" if classes <= NAMED else "antialiased")
    _ticks(axis, told)
    if not listed:
        _numbers(axis, cells)
    axis.set_xlabel("answered", fontsize=9, color=GREY)
    axis.set_ylabel("right class", fontsize=9, color=GREY)
    axis.spines[:].set_color(GREY)
    axis.spines[:].set_linewidth(0.6)
    return figure


def coloured(cells: Matrix) -> NDArray[np.float64]:
    """Colours [C, C, 3], 0…1, of counts [C, C]: white is none, the strongest orange the worst cell.

    Where cells have no numbers colours go by square roots, so that the rare is seen; where rows have no names
    each cell covers its neighbours, for it would be smaller than a dot.
    """
    classes = len(cells)
    shares = (cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)) ** (1.0 if classes <= COUNTED else 0.5)
    right, wrong = np.diag(shares), shares * (1.0 - np.eye(classes))
    strength = np.where(wrong > 0, FAINTEST + (1 - FAINTEST) * wrong / max(float(wrong.max()), PALE), 0.0)
    diagonal = np.diag(right)
    if classes > NAMED:
        strength, diagonal = _spread(strength), _spread(diagonal)
    orange = 1.0 - strength[..., None] * (1.0 - _colour(ORANGE))
    blue = 1.0 - diagonal[..., None] * (1.0 - _colour(BLUE))
    colours: NDArray[np.float64] = np.clip(np.where(diagonal[..., None] > 0, blue, orange), 0, 1)
    return colours


def _spread(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strongest of each cell and the eight around it."""
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(strength, size=3))


def _side(classes: int) -> float:
    """Inches of the matrix."""
    if classes <= COUNTED:
        return max(2.4, 0.62 * classes)
    return max(6.0, 0.135 * classes) if classes <= NAMED else 9.0


def _ticks(axis: "Axes", names: Sequence[str]) -> None:
    classes = len(names)
    if classes > NAMED:
        step = 100 if classes > 300 else 50
        axis.set_xticks(range(0, classes, step))
        axis.set_yticks(range(0, classes, step))
        axis.tick_params(labelsize=8, colors=GREY)
        return
    size = 9 if classes <= COUNTED else 7
    upright = classes > 4 or max(map(len, names)) > 8
    axis.set_xticks(range(classes), names, fontsize=size, rotation=90 if upright else 0)
    axis.set_yticks(range(classes), names, fontsize=size)
    axis.tick_params(length=0)


def _numbers(axis: "Axes", cells: Matrix) -> None:
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(cells):
        light = row == column and shares[row, column] > 0.5
        axis.text(
            column,
            row,
            f"{cells[row, column]:,}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if light else INK,
        )


def _pairs(axis: "Axes", matrix: Matrix, names: Sequence[str]) -> None:
    """What is confused most, in words."""
    axis.set_axis_off()
    pairs = most_confused_pairs(matrix, LISTED)
    axis.text(0, 1, "confused most, both ways", fontsize=9, color=GREY, va="top", transform=axis.transAxes)
    for number, pair in enumerate(pairs):
        one, other = (brief(names[label]) for label in pair.classes)
        axis.text(
            0,
            0.955 - 0.065 * number,
            f"{one}\n{other}  {pair.images} of {_images(matrix, pair.classes)}",
            fontsize=8,
            color=INK,
            va="top",
            transform=axis.transAxes,
            linespacing=1.25,
        )


def _images(matrix: Matrix, classes: tuple[int, int]) -> int:
    return int(matrix[list(classes)].sum())


def _colour(name: str) -> NDArray[np.float64]:
    return np.array([int(name[place : place + 2], 16) for place in (1, 3, 5)]) / 255.0
