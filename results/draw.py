"""Draw the curves in results/curves as docs/pictures/NAME.png; gradients, overload and peers.csv as .svg.

Run: python results/draw.py [NAME...]
"""

import csv
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from draw_peers import peers
from matplotlib.figure import Figure

from alexnet.probing.gradients import LayerGradient, gradient_figure
from alexnet.probing.sheets import save_figure
from alexnet.training.log import read_metrics

CURVES = Path(__file__).parent / "curves"
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
GRADIENTS = Path(__file__).parent / "gradients.csv"
PAIRS = {
    "gradients-110": ("plain110", "resnet110"),
    "gradients-1001": ("resnet1001-v2 shortcut=none", "resnet1001-v2"),
}
OVERLOAD = Path(__file__).parent / "overload.csv"
BLUE, RED = "#1f4e79", "#b3261e"


def main() -> None:
    """Draw the named pictures, or all."""
    names = sys.argv[1:] or [
        *sorted(path.stem for path in CURVES.glob("*.jsonl")),
        *PAIRS,
        *DRAWN,
    ]
    for name in names:
        if name in DRAWN:
            save_figure(DRAWN[name](), PICTURES / f"{name}.svg")
        elif name in PAIRS:
            save_figure(gradients(PAIRS[name]), PICTURES / f"{name}.svg")
        else:
            save_figure(curve(name), PICTURES / f"{name}.png")


def overload() -> Figure:
    """What a server that is asked too much did in each ten seconds: memory, latencies, rates."""
    with OVERLOAD.open(newline="") as file:
        rows = list(csv.DictReader(file))
    minutes = [float(row["second"]) / 60 for row in rows]
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    top, middle, low = figure.subplots(3, sharex=True)
    memory = [float(row["memory_mib"]) for row in rows]
    top.plot(minutes, memory, color=BLUE)
    top.set_ylabel("memory, MiB")
    for kind, colour in (("answered", BLUE), ("refused", RED)):
        for share, style in (("p50", "-"), ("p99", "--")):
            times = [float(row[f"{kind}_{share}_ms"]) for row in rows]
            middle.plot(minutes, times, style, color=colour, lw=1, label=f"{kind}, {share}")
    middle.set_yscale("log")
    middle.set_ylabel("latency, ms")
    middle.legend(fontsize=7, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    for kind, colour in (("answered", BLUE), ("refused", RED)):
        low.plot(minutes, [float(row[kind]) / 10 for row in rows], color=colour, label=kind)
    low.set_ylabel("requests a second")
    low.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    low.set_xlabel("minutes")
    top.set_ylim(0, 1.2 * max(memory))
    low.set_ylim(bottom=0)
    for axis in (top, middle, low):
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def curve(name: str) -> Figure:
    """Training loss by step, and validation errors by epoch where there are any."""
    lines = read_metrics(CURVES / f"{name}.jsonl")
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axis = figure.subplots()
    steps = [line for line in lines if "loss" in line]
    epochs = [line for line in lines if "training_loss" in line]
    axis.plot([one["epoch"] for one in steps], [one["loss"] for one in steps], color=BLUE, lw=0.6, alpha=0.5)
    middles = [one["epoch"] - 0.5 for one in epochs]  # a mean over an epoch belongs to its middle
    axis.plot(middles, [one["training_loss"] for one in epochs], color=BLUE)
    pairs = list(itertools.pairwise(epochs))
    held = any(before["rate"] == after["rate"] for before, after in pairs)  # steps; else it falls all along
    for before, after in pairs:
        if held and after["rate"] < 0.5 * before["rate"]:
            axis.axvline(before["epoch"], color="#bbbbbb", lw=0.8, ls=":")
    axis.set_xlabel("epoch")
    axis.set_ylabel("training loss, nats", color=BLUE)
    axis.set_title(name, loc="left", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    if "top1_error" in epochs[-1]:
        other = axis.twinx()
        for kind, style in (("top1_error", "-"), ("top5_error", "--")):
            other.plot([one["epoch"] for one in epochs], [one[kind] for one in epochs], style, color=RED)
        other.set_ylabel("top-1 and (dashed) top-5 validation error, %", color=RED, fontsize=9)
        other.set_ylim(0, 100)
        other.spines[["top", "left"]].set_visible(False)
    return figure


def gradients(names: Sequence[str]) -> Figure:
    """What results/gradients.csv has of these networks."""
    rows = list(csv.DictReader(GRADIENTS.open()))
    found = {name: [row for row in rows if row["network"] == name] for name in names}
    columns = ("weight_rms", "weight_norm", "output_rms", "output_norm")
    return gradient_figure({
        name: [LayerGradient(row["layer"], *(float(row[column]) for column in columns)) for row in layers]
        for name, layers in found.items()
    })  # fmt: skip


DRAWN = {"serving-overload": overload, "peers": peers}

if __name__ == "__main__":
    main()
