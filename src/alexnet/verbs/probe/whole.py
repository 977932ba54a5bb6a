"""Probes of a run as a whole: texture, curves."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alexnet.dataset.packed import Packed
from alexnet.evaluation.errors import ranks
from alexnet.networks import NETWORKS, last_layers
from alexnet.networks.undrawn import Undrawn
from alexnet.probing import texture as changes
from alexnet.probing.curves import curve_figure, diagnose
from alexnet.probing.sheets import PIXELS
from alexnet.probing.texture_reading import Changed, reading, texture_figure
from alexnet.problem import Problem
from alexnet.run import Run
from alexnet.training.log import read_metrics
from alexnet.verbs.probe.asked import Asked, Probed, no_things
from alexnet.verbs.probe.chosen import scores, spread
from alexnet.verbs.scores import labels_for

EXAMPLES = 5
BATCH = 256

Change = Callable[[PIXELS, NDArray[np.int64]], tuple[PIXELS, NDArray[np.bool_]]]


def texture(
    asked: Asked, *, grids: Sequence[int] = (2, 4), count: int = 1000, split: str | None = None
) -> Probed:
    """Accuracy on pictures without their shape, without their texture, and without their colour."""
    no_things(asked, "texture")
    name = split or held_out(asked.packed)
    part = asked.packed.split(name)
    labels = labels_for(asked.run, asked.packed, part)
    numbers = spread(len(part), count)
    made = _changes(grids, colour=asked.run.preprocessing.channels == 3)
    counts = np.zeros((len(made), 3), dtype=np.int64)  # pictures, right, right before
    with asked.progress(f"changing pictures of {name}", len(numbers)) as advance:
        for start in range(0, len(numbers), BATCH):
            share = numbers[start : start + BATCH]
            counts += _counted(asked, part.pixels(share), share, labels[share], [each for _, _, each in made])
            advance(len(share))
    found = [
        Changed(what, leaves, *map(int, row)) for (what, leaves, _), row in zip(made, counts, strict=True)
    ]
    says = reading(found, len(asked.run.classes))
    examples = _examples(part.pixels(spread(len(part), 40)), [each for _, _, each in made])
    figure = texture_figure(
        f"{asked.run.path.name}: shape or texture? Right answers on changed pictures of {name}",
        found, examples, classes=len(asked.run.classes), says=says,
    )  # fmt: skip
    document = {"split": name, "reading": says, "chance": 100.0 / len(asked.run.classes),
                "changes": [one.document() for one in found]}  # fmt: skip
    return asked.keep("texture", figure, words=[says], numbers=document)


def held_out(packed: Packed) -> str:
    """The split to measure on: validation, else test, else training."""
    return next(name for name in ("val", "test", "train") if name in packed.splits)


def _changes(grids: Sequence[int], *, colour: bool) -> list[tuple[str, str, Change]]:
    """Name, what is left, and the change of each row of the figure."""

    def every(change: Callable[[PIXELS], PIXELS]) -> Change:
        return lambda pictures, _: (change(pictures), np.ones(len(pictures), dtype=bool))

    def patches(grid: int) -> Change:
        return lambda pictures, numbers: (
            changes.shuffled(pictures, grid, numbers=numbers.tolist()), np.ones(len(pictures), dtype=bool)
        )  # fmt: skip

    made: list[tuple[str, str, Change]] = [("as they are", "nothing", every(np.array))]
    made += [("grey", "colour", every(changes.greyed))] if colour else []
    made += [(f"{grid} × {grid} patches shuffled", "texture", patches(grid)) for grid in sorted(grids)]
    made += [("edges", "shape", every(changes.edges))]
    return [*made, ("silhouettes", "shape", lambda pictures, _: changes.silhouettes(pictures))]


def _counted(
    asked: Asked,
    pictures: PIXELS,
    numbers: NDArray[np.int64],
    labels: NDArray[np.int64],
    made: Sequence[Change],
) -> NDArray[np.int64]:
    """Pictures that count, right answers after each change, and right answers before it: [changes, 3]."""
    before = _right(asked, pictures, labels)
    rows = []
    for change in made:
        changed, counts = change(pictures, numbers)
        right = _right(asked, changed, labels) & counts
        rows.append((counts.sum(), right.sum(), (before & counts).sum()))
    return np.array(rows, dtype=np.int64)


def _right(asked: Asked, pictures: PIXELS, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((ranks(scores(asked, pictures), torch.from_numpy(labels)) == 0).numpy())


def _examples(pictures: PIXELS, made: Sequence[Change]) -> list[PIXELS]:
    """Pictures of each change, the same in every row: such as have a silhouette, where there are any."""
    _, sensible = changes.silhouettes(pictures)
    order = [*np.flatnonzero(sensible), *np.flatnonzero(~sensible)][:EXAMPLES]
    taken, numbers = pictures[order], np.arange(len(order), dtype=np.int64)
    return [change(taken, numbers)[0] for change in made]


def curves(asked: Asked) -> Probed:
    """Training against validation, and a diagnosis in words."""
    no_things(asked, "curves")
    lines = read_metrics(asked.run.metrics)
    epochs = [line for line in lines if "training_loss" in line]
    if not epochs:
        raise Problem(f"{asked.run.metrics} tells of no whole epoch yet; train on, or look again later")
    heads = weight_of_heads(asked.run)
    found = diagnose(epochs, len(asked.run.classes), heads=heads)
    figure = curve_figure(f"{asked.run.path.name}: training and validation", lines, found, heads=heads)
    numbers: dict[str, Any] = {
        "diagnosis": [{"finding": one.finding, "words": one.words} for one in found],
        "heads": heads,
        "epochs": epochs,
    }
    return asked.keep("curves", figure, words=[one.words for one in found], numbers=numbers)


def weight_of_heads(run: Run) -> float:
    """How many times one head's loss the training loss is: the heads' weights added.

    Measured: of heads whose logits are all zero each costs ln(classes) times its weight.
    """
    with Undrawn():  # all weights are zero, and so are all logits
        network = run.build()
    if len(last_layers(network)) == 1 or len(run.classes) < 2:
        return 1.0
    crop, labels = run.preprocessing.crop, torch.zeros(2, dtype=torch.int64)
    images = torch.zeros(2, run.recipe.channels, crop, crop)
    with torch.no_grad(), torch.random.fork_rng():
        value = NETWORKS[run.recipe.network].loss(network.train(), images, labels)
    return round(float(value) / math.log(len(run.classes)), 4)
