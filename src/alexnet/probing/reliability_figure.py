"""Reliability: how often answers are right, by how sure they were; and what a threshold costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from alexnet.evaluation.calibration import Calibration
from alexnet.evaluation.thresholds import RiskCoverage
from alexnet.probing.drawing import BLUE, GREY, INK, LIGHT, ORANGE, bare, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability_figure(
    title: str, measured: Sequence[tuple[str, Calibration]], curve: RiskCoverage | None = None
) -> "Figure":
    """Draw the bins of each of `measured` (words, calibration) with 95 % intervals, and how many are in each.

    Points below the diagonal are answers that were too sure. `curve` is drawn as a last panel.
    """
    panels = len(measured) + (curve is not None)
    figure = figure_of(title, 1.0 + 3.7 * panels, 4.9)
    axes = figure.subplots(2, panels, height_ratios=(4, 1), sharex="col", squeeze=False)
    for (words, found), (above, below) in zip(measured, axes.T, strict=False):
        _accuracy(above, words, found)
        _counts(below, found)
    if curve is not None:
        above, below = axes[:, -1]
        _risk(above, curve)
        below.set_axis_off()
    return figure


def _accuracy(axis: "Axes", words: str, found: Calibration) -> None:
    low, high = np.array([one.interval for one in found.bins]).T
    sure = np.array([one.confidence for one in found.bins])
    accuracy = np.array([one.accuracy for one in found.bins])
    axis.plot([0, 1], [0, 1], color=LIGHT, lw=1.2)
    axis.vlines(sure, low, high, color=BLUE, lw=1.2)
    axis.vlines(sure, sure, accuracy, color=ORANGE, lw=3.5, alpha=0.35)
    axis.plot(sure, accuracy, color=BLUE, marker="o", ms=4, lw=0)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_title(words, fontsize=10, color=INK, loc="left")
    axis.text(0.03, 0.97, _told(found), fontsize=8, color=GREY, va="top", transform=axis.transAxes)
    axis.set_ylabel("share that is right", fontsize=9, color=GREY)
    bare(axis)


def _told(found: Calibration) -> str:
    return (
        f"expected error {100 * found.expected_error:.2f} %\n"
        f"by chance alone {100 * found.expected_error_by_chance:.2f} %, "
        f"up to {100 * found.expected_error_by_chance_95:.2f} %"
    )


def _counts(axis: "Axes", found: Calibration) -> None:
    edges = [one.low for one in found.bins]
    widths = [one.high - one.low for one in found.bins]
    axis.bar(edges, [one.images for one in found.bins], widths, align="edge", color=LIGHT, edgecolor="white")
    axis.set_xlabel("probability of the answer", fontsize=9, color=GREY)
    axis.set_ylabel("pictures", fontsize=9, color=GREY)
    bare(axis)


def _risk(axis: "Axes", curve: RiskCoverage) -> None:
    axis.plot(curve.coverage, curve.risk, color=BLUE, lw=1.5)
    axis.set_xlim(0, 100)
    axis.set_ylim(bottom=0)
    axis.set_title("answering only the surest", fontsize=10, color=INK, loc="left")
    axis.set_xlabel("pictures answered, %", fontsize=9, color=GREY)
    axis.set_ylabel("wrong among them, %", fontsize=9, color=GREY)
    axis.tick_params(labelbottom=True)
    bare(axis)
