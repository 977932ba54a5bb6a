"""One picture of a whole training: kernels and what they see, the curve, and the mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RED, BLUE, GREY = "#b3261e", "#1f4e79", "#888888"
SHOWN = 12  # doubtful pictures


@dataclass(frozen=True)
class Doubt:
    """One picture and what the network made of it."""

    picture: PIXELS  # [h, w, 3]
    truth: str
    answer: str
    probability: float  # of the answer

    @property
    def wrong(self) -> bool:
        """Whether the answer is not the truth."""
        return self.truth != self.answer


def story(
    title: str,
    *,
    kernels: PIXELS,
    example: PIXELS,
    maps: PIXELS,
    curve: Sequence[dict[str, Any]],
    doubts: Sequence[Doubt],
) -> "Figure":
    """Draw kernels [K, k, k, 3] and their maps [K, h, w, 3] of an example, the log's epoch lines, doubts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), layout="constrained")
    figure.suptitle(title, fontsize=13, x=0.01, ha="left", fontweight="bold")
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1.05, 1)))
    upper, lower = np.asarray(left.subfigures(2, 1, height_ratios=(0.72, 1)))
    _kernels(upper, kernels, example, maps)
    _curve(lower, curve)
    _doubts(right, doubts)
    return figure


def most_doubtful(
    images: NDArray[np.uint8],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: Sequence[str],
) -> list[Doubt]:
    """The surest mistakes first, then the right answers that came nearest to being wrong."""
    answers, sureness = probabilities.argmax(1), probabilities.max(1)
    wrong = answers != labels
    order = np.lexsort((np.where(wrong, -sureness, sureness), ~wrong))[:SHOWN]
    return [
        Doubt(images[i], classes[labels[i]], classes[answers[i]], float(sureness[i])) for i in order.tolist()
    ]


def _kernels(figure: Any, kernels: PIXELS, example: PIXELS, maps: PIXELS) -> None:
    axes = figure.subplots(2, len(kernels) + 1)
    figure.suptitle(
        "first-layer kernels, and what each sees in the picture on the left", fontsize=9, color=GREY
    )
    for row, pictures in enumerate((kernels, maps)):
        for axis, picture in zip(axes[row, 1:], pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
    axes[1, 0].imshow(example, interpolation="nearest")
    for axis in axes.flat:
        axis.set_axis_off()


def _curve(figure: Any, curve: Sequence[dict[str, Any]]) -> None:
    axis: Axes = figure.subplots()
    epochs = [line["epoch"] for line in curve]
    axis.semilogy(epochs, [line["training_loss"] for line in curve], color=BLUE)
    axis.set_xlabel("epoch", fontsize=9)
    axis.set_ylabel("training loss, nats", color=BLUE, fontsize=9)
    axis.spines[["top"]].set_visible(False)
    axis.tick_params(labelsize=8)
    if "top1_error" in curve[-1]:
        other = axis.twinx()
        other.plot(epochs, [line["top1_error"] for line in curve], color=RED)
        other.set_ylabel("error on held-out pictures, %", color=RED, fontsize=9)
        other.set_ylim(0, max(10.0, 3 * curve[-1]["top1_error"]))
        other.spines[["top"]].set_visible(False)
        other.tick_params(labelsize=8)


def _doubts(figure: Any, doubts: Sequence[Doubt]) -> None:
    wrong = sum(doubt.wrong for doubt in doubts)
    mistakes = {0: "no mistake;", 1: "its one mistake (red), then"}.get(
        wrong, f"its {wrong} surest mistakes (red),"
    )
    figure.suptitle(f"{mistakes} its most doubtful right answers", fontsize=9, color=GREY)
    for axis, doubt in zip(figure.subplots(3, 4).flat, doubts, strict=False):
        axis.imshow(doubt.picture, interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
        colour = RED if doubt.wrong else GREY
        axis.spines[:].set_color(colour)
        axis.spines[:].set_linewidth(2.0 if doubt.wrong else 0.6)
        words = f"{doubt.truth} taken for {doubt.answer}" if doubt.wrong else f"{doubt.answer}, rightly"
        axis.set_title(f"{words}\n{doubt.probability:.0%} sure", fontsize=8, color=colour)
