"""Which recipe a command means: a value, a name, a file, or `auto`, which rules choose for the pack."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from alexnet.dataset.packed import Packed, open_packed
from alexnet.networks import create
from alexnet.networks.summary import summarise, total
from alexnet.problem import UsageProblem
from alexnet.progress import Progress
from alexnet.recipe import Recipe, override
from alexnet.recipes import airbench_s, find
from alexnet.recipes.auto import Facts, chosen
from alexnet.run import is_run, open_run
from alexnet.schedule import OneCycle
from alexnet.verbs.timed import step_seconds

AUTO = "auto"
SMALLEST = airbench_s.RECIPE  # whose step is timed: a larger network's takes as much a multiply-add
_BLANK = Recipe(name="auto", network="airbench-s", epochs=1, learning_rate=OneCycle(peak=0.1))


def recipe_of(
    recipe: Recipe | str | Path,
    data: str | Path | None,
    *,
    out: str | Path | None = None,
    assignments: Sequence[str] = (),
    device: torch.device,
    progress: Progress,
) -> tuple[Recipe, list[str]]:
    """The recipe that is meant, with its `field=value` assignments; of `auto` also the rules that held.

    `auto` is chosen once: a run folder that is at `out` keeps the recipe that it has.
    """
    reasons: list[str] = []
    if isinstance(recipe, Recipe):
        found = recipe
    elif recipe != AUTO:
        found = find(recipe)
    elif out is not None and is_run(Path(out)):
        found, reasons = open_run(out).recipe, [f"as chosen when {out} was begun"]
    else:
        found, reasons = _chosen(data, override(_BLANK, assignments).seconds, device, progress)
    return override(found, assignments), reasons


def _chosen(
    data: str | Path | None, seconds: float | None, device: torch.device, progress: Progress
) -> tuple[Recipe, list[str]]:
    if data is None:
        raise UsageProblem("train auto looks at the pictures first: name the pack with --data PACKED")
    packed = open_packed(data)

    @cache
    def of_the_smallest() -> float:
        step = step_seconds(_network(SMALLEST, packed), SMALLEST, *_batch(SMALLEST, packed), device, progress)
        return step / (SMALLEST.batch * _multiply_adds(SMALLEST, packed))

    def measured(recipe: Recipe) -> float:
        return of_the_smallest() * recipe.batch * _multiply_adds(recipe, packed)

    return chosen(facts_of(packed, seconds), measured)


def _network(recipe: Recipe, packed: Packed) -> nn.Module:
    return create(recipe.network, classes=len(packed.classes), channels=recipe.channels)


def _batch(recipe: Recipe, packed: Packed) -> tuple[int, tuple[int, int, int], int]:
    side = min(recipe.crop or packed.size, packed.size)
    return recipe.batch, (recipe.channels, side, side), len(packed.classes)


def _multiply_adds(recipe: Recipe, packed: Packed) -> int:
    _, shape, _ = _batch(recipe, packed)
    return total(summarise(_network(recipe, packed), shape)).multiply_adds


def facts_of(packed: Packed, seconds: float | None) -> Facts:
    """What the rules look at, of this pack."""
    split = packed.split("train")
    counts = np.bincount(split.labels, minlength=len(packed.classes))
    there = counts[counts > 0]
    return Facts(
        images=len(split),
        size=packed.size,
        grey=packed.grey,
        classes=len(packed.classes),
        smallest=int(there.min()),
        largest=int(there.max()),
        seconds=seconds,
    )
