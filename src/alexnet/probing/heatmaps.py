"""Heat on pictures, in colours that every reader tells apart: dark to bright, or orange against violet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from alexnet.probing.drawing import GREY, figure_of, grid, shown
from alexnet.probing.sheets import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Heat:
    """One picture, what is hot in it, and the words above it."""

    picture: PIXELS  # [H, W, 3]
    heat: Tensor  # [H, W]
    words: str


def heat_figure(title: str, rows: Sequence[Heat], *, legend: str, signed: bool = False) -> "Figure":
    """Draw each picture, its heat, and both together; three or four pictures beside each other.

    Unsigned heat goes from the picture's least to what one pixel in 200 passes (`inferno`), signed heat has
    one scale for all and zero in the middle (`PuOr`, violet where it is negative).
    """
    across = 1 if len(rows) == 1 else 2
    down = -(-len(rows) // across)
    figure = figure_of(title, 6.6 if across == 1 else 10.4, 0.75 + (2.3 if across == 1 else 1.95) * down)
    axes = grid(figure, down, 3 * across).reshape(-1, 3)
    furthest = max(float(one.heat.abs().max()) for one in rows) or 1.0
    drawn: Any = None
    for line, one in zip(axes, rows, strict=False):
        scale = (-furthest, furthest) if signed else _range(one.heat)
        drawn = _row(line, one, scale, "PuOr_r" if signed else "inferno")
    for axis in axes[len(rows) :].flat:
        axis.set_axis_off()
    bar = figure.colorbar(drawn, ax=axes.ravel().tolist(), location="bottom", aspect=50, shrink=0.6, pad=0.02)
    bar.set_label(legend, fontsize=9, color=GREY)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=GREY)
    if not signed:
        bar.set_ticks([drawn.norm.vmin, drawn.norm.vmax], labels=["least", "most"])
    return figure


def _row(line: Any, one: Heat, scale: tuple[float, float], colours: str) -> Any:
    heat = one.heat.cpu().numpy()
    shown(line[0], one.picture)
    drawn = shown(line[1], heat, cmap=colours, vmin=scale[0], vmax=scale[1])
    grey = np.repeat(one.picture.mean(axis=2, keepdims=True) / 255.0, 3, axis=2)
    shown(line[2], 0.35 + 0.65 * grey)
    strength = np.abs(heat) / max(abs(scale[0]), abs(scale[1]), 1e-12)
    shown(
        line[2], heat, cmap=colours, vmin=scale[0], vmax=scale[1], alpha=np.clip(strength, 0, 1) ** 0.7 * 0.85
    )
    line[0].set_title(one.words, fontsize=9, loc="left", color=GREY)
    return drawn


def _range(heat: Tensor) -> tuple[float, float]:
    least, most = float(heat.min()), float(heat.quantile(0.995))  # single pixels do not set the scale
    return least, most if most > least else least + 1.0
