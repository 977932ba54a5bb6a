"""One answer beside training pictures of the class that was answered and of the one that is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexnet.probing.drawing import BLUE, GREY, ORANGE, brief, figure_of, grid, shown
from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Mistake:
    """A picture, what was answered and what is right, and training pictures of both classes."""

    picture: PIXELS
    name: str
    answer: tuple[str, float]  # class and probability
    other: tuple[str, float]  # the right class; or the runner-up of a right answer
    right: bool
    of_answer: Sequence[PIXELS]  # nearest first
    of_other: Sequence[PIXELS]


def mistake_figure(title: str, mistakes: Sequence[Mistake]) -> "Figure":
    """Draw for each picture two rows of training pictures, the nearest on the left."""
    across = max(len(row) for one in mistakes for row in (one.of_answer, one.of_other))
    figure = figure_of(title, 3.2 + 1.0 * across, 0.5 + 2.75 * len(mistakes))
    parts = figure.subfigures(len(mistakes), 1, squeeze=False)[:, 0]
    for part, one in zip(parts, mistakes, strict=True):
        left, right = part.subfigures(1, 2, width_ratios=(3.0, across))
        axis = left.subplots()
        shown(axis, one.picture)
        verdict = "rightly" if one.right else f"is {brief(one.other[0])}"
        axis.set_title(f"taken for {brief(one.answer[0])}, {one.answer[1]:.0%}\n{verdict}", fontsize=10)
        rows = grid(right, 2, across)
        second = "runner-up" if one.right else "right"
        first = "right" if one.right else "answered"
        _row(rows[0], one.of_answer, f"{first}: {brief(one.answer[0])}", BLUE if one.right else ORANGE)
        _row(
            rows[1],
            one.of_other,
            f"{second}: {brief(one.other[0])}, {one.other[1]:.0%}",
            GREY if one.right else BLUE,
        )
    return figure


def _row(axes: Sequence[object], pictures: Sequence[PIXELS], words: str, colour: str) -> None:
    for axis in axes:
        axis.set_axis_off()  # type: ignore[attr-defined]
    for axis, picture in zip(axes, pictures, strict=False):
        shown(axis, picture)  # type: ignore[arg-type]
    axes[0].set_title(words, fontsize=9, loc="left", color=colour)  # type: ignore[attr-defined]
