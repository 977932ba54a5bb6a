"""The error by the number of training pictures, with what a power law says beyond them set apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from alexnet.evaluation.power_law import Extrapolation, fit_power_law
from alexnet.probing.drawing import BLUE, GREY, INK, ORANGE, bare, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Measured(Protocol):
    """A training that was evaluated."""

    @property
    def images(self) -> int:
        """Trained on."""
        ...

    @property
    def top1_error(self) -> float:
        """Per cent."""
        ...

    @property
    def top1_interval(self) -> tuple[float, float]:
        """95 %."""
        ...


def learning_figure(title: str, points: Sequence[Measured], beyond: Extrapolation | None) -> "Figure":
    """Draw errors with 95 % intervals over pictures, both logarithmic; `beyond` is dashed and named so."""
    from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    figure = figure_of(title, 7.2, 4.6)
    axis = figure.subplots()
    sizes = np.array([one.images for one in points])
    errors = np.array([one.top1_error for one in points])
    low, high = np.array([one.top1_interval for one in points]).T
    axis.vlines(sizes, low, high, color=BLUE, lw=1.4)
    axis.plot(sizes, errors, color=BLUE, marker="o", ms=5, lw=0, label="measured, 95 % over the pictures")
    ends = sorted(set(sizes.tolist()))
    if beyond is not None:
        _extend(axis, ends, [float(errors[sizes == size].mean()) for size in ends], beyond)
        ends.append(beyond.images)
    axis.set_xscale("log")
    axis.set_yscale("log")
    least = min([float(low.min()), *([beyond.interval[0]] if beyond else [])])
    axis.set_ylim(max(1e-2, 0.9 * least), min(110.0, 1.1 * float(high.max())))
    axis.xaxis.set_major_locator(FixedLocator(ends))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("training pictures", fontsize=9, color=GREY)
    axis.set_ylabel("top-1 error, %", fontsize=9, color=GREY)
    axis.legend(frameon=False, fontsize=9, labelcolor=INK, loc="lower left")
    bare(axis)
    return figure


def _extend(axis: "Axes", sizes: Sequence[int], errors: Sequence[float], beyond: Extrapolation) -> None:
    """Draw the law through mean errors, and what it says beyond them in another colour."""
    law = fit_power_law(sizes, errors)
    along = np.geomspace(sizes[0], sizes[-1], 50)
    axis.plot(along, [law.at(one) for one in along], color=BLUE, lw=1, alpha=0.5, label=_law(law.exponent))
    axis.plot([sizes[-1], beyond.images], [law.at(sizes[-1]), beyond.error], color=ORANGE, lw=1.2, ls="--")
    axis.vlines([beyond.images], *beyond.interval, color=ORANGE, lw=1.4)
    words = "extrapolated, not measured"
    axis.plot([beyond.images], [beyond.error], color=ORANGE, marker="D", ms=5, lw=0, label=words)


def _law(exponent: float) -> str:
    return f"error ∝ pictures^−{exponent:.2f}" if exponent >= 0 else f"error ∝ pictures^{-exponent:.2f}"
