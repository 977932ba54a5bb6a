"""Runs beside each other in one picture: error, speed and memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alexnet.probing.drawing import BLUE, INK, bare, figure_of, grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 900.0  # points² of the mark of the run that needs most memory
SMALLEST = 30.0


@dataclass(frozen=True)
class Point:
    """One run: its error with interval in per cent, answers a second, bytes of memory."""

    name: str
    error: float
    interval: tuple[float, float]
    rate: float
    memory: int


def comparison_figure(points: Sequence[Point], title: str) -> "Figure":
    """Error over speed, both better towards the lower right; the area of a mark is its memory."""
    from matplotlib.ticker import LogLocator, NullLocator

    figure = figure_of(title, 7.2, 4.4)
    axes = grid(figure, 1, 1)[0, 0]
    most = max(point.memory for point in points) or 1
    best = set(_front(points))
    for point in points:
        colour = BLUE if point in best else "0.6"
        low, high = point.interval
        reach = [[max(point.error - low, 0)], [max(high - point.error, 0)]]
        axes.errorbar(point.rate, point.error, yerr=reach, color=colour, linewidth=0.9, capsize=2)
        area = max(LARGEST * point.memory / most, SMALLEST)
        axes.scatter(point.rate, point.error, s=area, color=colour, alpha=0.45, linewidths=0)
        axes.annotate(
            f"{point.name}, {point.memory / 2**20:,.0f} MiB", (point.rate, point.error), xytext=(7, 5),
            textcoords="offset points", fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda rate, _place: f"{rate:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel("answers a second, batches of 32, all threads")
    axes.set_ylabel("top-1 error, %, 95 %")
    bare(axes)
    return figure


def _front(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in error and speed both."""
    return [
        one
        for one in points
        if not any(other.error < one.error and other.rate > one.rate for other in points)
    ]
