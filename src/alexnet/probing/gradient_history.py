"""How much gradient reached each layer over a training, from the lines of its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alexnet.probing.drawing import GREY, INK, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

F64 = NDArray[np.float64]
COLOURS = "viridis"  # dark is the first layer, bright the last
BRIGHTEST = 0.92  # of that scale: yellow is lost on white


@dataclass(frozen=True)
class GradientHistory:
    """Of one training: norms [T, L] of the gradient at each layer's weights, after so many steps each.

    A norm that was not finite is NaN, and so is one of a layer that a line does not name.
    """

    title: str
    layers: list[str]  # in the order of the network's file
    values: list[int]  # that each layer's weight has
    steps: list[int]
    norms: F64

    @property
    def rms(self) -> F64:
        """Root mean squares in place of L2 norms: layers of all sizes can be compared."""
        return self.norms / np.sqrt(np.array(self.values, dtype=np.float64))

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types; what is NaN is null."""
        layers = [
            {"name": name, "weight_norms": _numbers(norms), "weight_rms": _numbers(rms)}
            for name, norms, rms in zip(self.layers, self.norms.T, self.rms.T, strict=True)
        ]
        return {"title": self.title, "steps": self.steps, "layers": layers}


def history_of(
    title: str, lines: Sequence[Mapping[str, Any]], sizes: Mapping[str, int]
) -> GradientHistory | None:
    """Gather what a log says of gradients; `sizes` are the layers' values. None where it says nothing.

    >>> lines = [{"step": 0, "gradients": {"conv1": 3.0, "fc": None}}, {"step": 50, "loss": 1.0}]
    >>> found = history_of("run", lines, {"conv1": 9, "fc": 4, "frozen": 4})
    >>> found.layers, found.steps, found.rms.tolist()
    (['conv1', 'fc'], [0], [[1.0, nan]])
    """
    told = [line for line in lines if "gradients" in line]
    named = {name for line in told for name in line["gradients"]}
    layers = [name for name in sizes if name in named]
    if not layers:
        return None
    norms = [[_value(line["gradients"].get(name)) for name in layers] for line in told]
    values, steps = [sizes[name] for name in layers], [int(line["step"]) for line in told]
    return GradientHistory(title, layers, values, steps, np.array(norms))


def in_words(history: GradientHistory) -> str:
    """How the first layer's gradient stands to the last's, at the start and in the last quarter."""
    first, last, count = history.layers[0], history.layers[-1], len(history.steps)
    late = history.rms[-max(1, count // 4) :]
    start, end = (_times(_median(_ratio(part[:, 0], part[:, -1]))) for part in (history.rms[:1], late))
    there = late[np.isfinite(late) & (late > 0)]
    spread = (
        f"; there the layers lie within a factor of {there.max() / there.min():.3g}" if there.size else ""
    )
    return (
        f"{history.title}, {count} times over {history.steps[-1]:,} steps: the weights of {first} had "
        f"{start} the gradient of {last}'s at the start and {end} it in the last quarter{spread} (RMS)"
    )


def draw_histories(figure: Any, histories: Sequence[GradientHistory]) -> None:
    """Draw into a figure or a part of one: a panel for each training, a line for each layer, one scale."""
    axes = figure.subplots(1, len(histories), squeeze=False, sharey=True)[0]
    for axis, history in zip(axes, histories, strict=True):
        _draw(axis, history)
    axes[0].set_ylabel("root mean square", fontsize=9, color=GREY)


def history_figure(histories: Sequence[GradientHistory]) -> "Figure":
    """The same as a figure of its own."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8 * max(2, len(histories)), 3.6), layout="constrained")
    draw_histories(figure, histories)
    return figure


def _draw(axis: "Axes", history: GradientHistory) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    depth = len(history.layers)
    colours = colormaps[COLOURS](np.linspace(0, BRIGHTEST, depth))
    marker = "o" if len(history.steps) == 1 else None
    for number, (values, colour) in enumerate(zip(history.rms.T, colours, strict=True)):
        named = history.layers[number] if number in (0, depth // 2, depth - 1) else None
        axis.plot(history.steps, _there(values), lw=0.9, color=colour, label=named, marker=marker, ms=3)
    in_powers(axis, history.rms)
    axis.set_title(f"{history.title}: gradient of the weights", loc="left", fontsize=10, color=INK)
    axis.set_xlabel("steps", fontsize=9, color=GREY)
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    bare(axis)
    axis.tick_params(which="minor", colors=GREY)


def in_powers(axis: "Axes", values: ArrayLike) -> None:
    """Scale an axis of gradients by powers of ten; where every one is zero, say so instead."""
    if np.any(np.asarray(values) > 0):
        axis.set_yscale("log")
    else:  # as where the answer's neuron is silent: NiN of d2l ends in a ReLU
        axis.text(0.5, 0.6, "no gradient: all are zero", transform=axis.transAxes, ha="center", color=GREY)


def _there(values: F64) -> F64:
    """The same with NaN in place of zero, which has no place on a scale of powers."""
    return np.where(values > 0, values, np.nan)


def _ratio(first: F64, last: F64) -> F64:
    return np.divide(first, last, out=np.full_like(first, np.nan), where=last > 0)


def _median(values: F64) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if np.isfinite(ratio) else "no finite multiple of"


def _value(norm: float | None) -> float:
    return float("nan") if norm is None else norm


def _numbers(values: F64) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
