"""Shape or texture? Counts of right answers on changed pictures, what they say, and their figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet.evaluation.statistics import wilson
from alexnet.probing.drawing import BLUE, GREEN, GREY, INK, ORANGE, bare, figure_of, grid, shown
from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"nothing": INK, "texture": ORANGE, "shape": BLUE, "colour": GREEN}


@dataclass(frozen=True)
class Changed:
    """How many of `pictures` are still answered rightly after a change; and before it, the same pictures."""

    name: str
    leaves: str  # what is left to go by: nothing changed, texture, shape, colour gone
    pictures: int
    right: int
    right_before: int

    @property
    def accuracy(self) -> float:
        """Per cent."""
        return 100.0 * self.right / max(1, self.pictures)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy, per cent."""
        return wilson(self.right, self.pictures)

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return {
            "pictures_are": self.name,
            "leaves": self.leaves,
            "images": self.pictures,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "accuracy_before": 100.0 * self.right_before / max(1, self.pictures),
        }


def reading(changes: Sequence[Changed], classes: int) -> str:
    """Say in a sentence whether shape or texture carries more of the answers.

    The finest shuffle (the last of `changes` that leaves texture) against the better of what leaves shape:
    one leads where the 95 % intervals do not meet. Of a network that is not above chance on the pictures
    themselves nothing is said.
    """
    chance = 100.0 / classes
    whole = next(one for one in changes if one.leaves == "nothing")
    if whole.interval[0] <= chance:
        return "not above chance on the pictures themselves: nothing to read"
    textures, shapes = (
        [one for one in changes if one.leaves == kind and one.pictures] for kind in ("texture", "shape")
    )
    if not textures or not shapes:
        return "nothing to compare: no patches, or no picture with a shape"
    texture, shape = textures[-1], max(shapes, key=lambda one: one.accuracy)
    if max(texture.interval[0], shape.interval[0]) <= chance:
        return "neither texture alone nor shape alone is answered above chance"
    words = f"{texture.accuracy:.1f} % ({texture.name}) against {shape.accuracy:.1f} % ({shape.name})"
    if texture.interval[0] > shape.interval[1]:
        return f"texture carries more than shape: {words}"
    if shape.interval[0] > texture.interval[1]:
        return f"shape carries more than texture: {words}"
    return f"shape and texture cannot be told apart here: {words}"


def texture_figure(
    title: str, changes: Sequence[Changed], examples: Sequence[PIXELS], *, classes: int, says: str
) -> "Figure":
    """Draw a row a change: examples [n, H, W, 3] of it, and the accuracy with its interval."""
    rows = len(changes)
    figure = figure_of(title, 10, 1.15 + 0.78 * rows)
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=(0.78 * rows, 0.3)))
    lower.text(0.012, 0.5, says, fontsize=9.5, color=INK, ha="left", va="center")
    left, right = np.asarray(upper.subfigures(1, 2, width_ratios=(1.35, 1)))
    across = max(len(each) for each in examples)
    axes = grid(left, rows, across + 1, width_ratios=[1.9] + [1] * across)
    for line, change, pictures in zip(axes, changes, examples, strict=True):
        for axis in line:
            axis.set_axis_off()
        words = change.name.replace(" patches ", " patches\n")
        line[0].text(0.97, 0.5, words, ha="right", va="center", fontsize=9, transform=line[0].transAxes)
        for axis, picture in zip(line[1:], pictures, strict=False):
            shown(axis, picture)
    axis = right.subplots()
    for row, change in enumerate(changes):
        low, high = change.interval
        colour = COLOURS[change.leaves]
        axis.barh(row, change.accuracy, height=0.5, color=colour, alpha=0.85)
        axis.plot([low, high], [row, row], color=INK, lw=1.2)
        axis.text(
            high + 2, row, f"{change.accuracy:.1f} %  (n = {change.pictures:,})", va="center", fontsize=8
        )
    axis.axvline(100.0 / classes, color=GREY, lw=0.8, ls=":")
    axis.set_xlim(0, 128)
    axis.set_xticks([0, 25, 50, 75, 100])
    axis.set_ylim(rows - 0.5, -0.5)
    axis.set_yticks([])
    axis.set_xlabel("right answers, %; dotted: chance", fontsize=9, color=GREY)
    bare(axis)
    return figure
