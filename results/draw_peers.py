"""Draw results/peers.csv: the error of every tool in the same minutes, a bar a tool and a point a seed."""

from itertools import groupby
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from record import RESULTS
from tables import Row, rows_of

PEERS = RESULTS / "peers.csv"
OURS, THEIRS, POINTS = "#1f4e79", "#9aa5b1", "#222222"
TITLES = {"tiny20": "20 classes of Tiny ImageNet", "cifar10": "CIFAR-10"}


def peers() -> Figure:
    """A panel for each set of pictures and time."""

    def task(row: Row) -> tuple[float, str]:
        return float(row["minutes"]), row["data"]

    panels = [(key, list(rows)) for key, rows in groupby(sorted(rows_of(PEERS), key=task), task)]
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, ((minutes, data), rows) in zip(axes, panels, strict=True):
        _panel(axis, rows)
        axis.set_title(f"{TITLES.get(data, data)}, {minutes:g} minutes", loc="left", fontsize=10)
    return figure


def _panel(axis: Axes, rows: list[Row]) -> None:
    tools = {row["peer"] for row in rows}
    errors = {tool: [float(row["top1"]) for row in rows if row["peer"] == tool] for tool in tools}
    for place, tool in enumerate(sorted(errors, key=lambda tool: mean(errors[tool]))):
        found = errors[tool]
        axis.barh(place, mean(found), height=0.6, color=OURS if tool == "alexnet" else THEIRS)
        if len(found) > 1:
            axis.plot(found, [place] * len(found), "|", color=POINTS, markersize=9)
        axis.text(max(found) + 1.5, place, f"{mean(found):.1f} %", va="center", fontsize=9)
        axis.text(-1.5, place, tool, va="center", ha="right", fontsize=9)
    axis.invert_yaxis()
    axis.set_yticks([])
    axis.set_xlim(0, 112)  # room for the words beside a bar of 95
    axis.set_xticks(range(0, 101, 20))
    axis.set_xlabel("top-1 error, % (| one seed)", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right", "left"]].set_visible(False)
