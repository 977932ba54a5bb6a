"""What the probes' figures share: colours that a colour-blind reader tells apart, bare axes, titles.

The colours are those of Okabe and Ito, "Color Universal Design" (2008).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, INK, GREY, LIGHT = "#0072b2", "#d55e00", "#009e73", "#222222", "#666666", "#c9ccd1"
LINES = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#e69f00", INK)


def figure_of(title: str, width: float, height: float) -> "Figure":
    """An empty figure, inches, with its title at the upper left."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.05))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    return figure


def grid(figure: Any, rows: int, columns: int, **options: Any) -> "NDArray[Any]":
    """Axes [rows, columns] in a figure or a part of one, always two-dimensional."""
    return np.asarray(figure.subplots(rows, columns, squeeze=False, **options))


def shown(axis: "Axes", pixels: NDArray[Any], **options: Any) -> Any:
    """Show a picture without ticks or frame; each of its pixels stays one square."""
    axis.set_axis_off()
    return axis.imshow(pixels, interpolation="nearest", **options)


def framed(axis: "Axes", pixels: NDArray[Any]) -> None:
    """Show a picture in a thin frame, so that a white one is seen to be there."""
    axis.set_axis_on()
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_color(LIGHT)
    axis.spines[:].set_linewidth(0.6)
    axis.imshow(pixels, interpolation="nearest")


def bare(axis: "Axes") -> None:
    """Leave of the frame what carries the scales."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(GREY)
    axis.tick_params(labelsize=8, colors=GREY)


def brief(name: str, letters: int = 22) -> str:
    """A name short enough for its place: the first of several names, and its head where it is long.

    >>> brief("goldfish, Carassius auratus"), brief("Canis dingo albus septentrionalis")
    ('goldfish', 'Canis dingo albus sep…')
    """
    first = name.split(",")[0].strip()
    return first if len(first) <= letters else f"{first[: letters - 1]}…"


def listed(names: Sequence[object]) -> str:
    """Words in a row: a, b and c.

    >>> listed(["conv1"]), listed([1, 2, 3])
    ('conv1', '1, 2 and 3')
    """
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}" if most else last
