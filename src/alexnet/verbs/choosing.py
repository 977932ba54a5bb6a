"""Which recipe a command means: a value, a name, a file, or `auto`, which rules choose for the pack.

The batch may be `auto` too (`--batch auto`); it is where the recipe is and no batch was given.
"""

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
from alexnet.recipe import Recipe
from alexnet.recipes import airbench_s, find
from alexnet.recipes.auto import Facts, chosen
from alexnet.run import is_run, open_run
from alexnet.schedule import OneCycle
from alexnet.settings import override
from alexnet.verbs.batch_size import probed
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
    """The recipe that is meant, with its `field=value` assignments, and the rules that held where one chose.

    `auto` is chosen once: a run folder that is at `out` keeps the recipe that it has, and its batch.
    """
    reasons: list[str] = []
    begun = open_run(out).recipe if out is not None and is_run(Path(out)) else None
    batch, others = batch_of(assignments)
    if isinstance(recipe, Recipe):
        found = recipe
    elif recipe != AUTO:
        found = find(recipe)
    elif begun is not None:
        found, reasons = begun, [f"as chosen when {out} was begun"]
    else:
        found, reasons = _chosen(data, override(_BLANK, others).seconds, device, progress)
        batch = batch or AUTO
    found = override(found, others)
    if batch != AUTO:
        return (override(found, [f"batch={batch}"]) if batch else found), reasons
    own_rate = any(one.startswith("learning_rate") for one in others)
    if begun is not None:
        rate = found.learning_rate if own_rate else begun.learning_rate
        kept = found.model_copy(update={"batch": begun.batch, "learning_rate": rate})
        return kept, reasons or [f"batches of {begun.batch:,} as when {out} was begun"]
    if data is None:
        raise UsageProblem("--batch auto counts the pictures first: name the pack with --data PACKED")
    found, more = probed(found, open_packed(data), device, rate=not own_rate, progress=progress)
    return found, [*reasons, *more]


def batch_of(assignments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The batch that `field=value` assignments give last, or None, and the other assignments.

    >>> batch_of(["batch=64", "epochs=3", "batch=auto"]), batch_of(["epochs=3"])
    (('auto', ['epochs=3']), (None, ['epochs=3']))
    """
    given = [one.removeprefix("batch=") for one in assignments if one.startswith("batch=")]
    return (given[-1] if given else None), [one for one in assignments if not one.startswith("batch=")]


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
