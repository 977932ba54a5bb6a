"""A recipe for this data and this time, by written rules: `alexnet train auto --data PACKED`.

The rules are `chosen`'s, top to bottom; each that holds is told in words with what it set. Nothing is tried
out but the time of a few steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

from alexnet.ingredients import Affine
from alexnet.recipe import Recipe
from alexnet.recipes import airbench94, airbench96, airbench_64, airbench_s, resnet50_torchvision
from alexnet.recipes.batch_size import STEPS, WHOLE, with_batch
from alexnet.schedule import OneCycle

SMALL, MEDIUM = 40, 96  # pixels: sides up to which a network for 32, and for 64, is taken
ENOUGH = {"airbench96": 15.0, "airbench94": 7.0}  # epochs that a larger network needs to be worth it
LOOKED_AT = 400_000  # pictures that a training looks at where no time is given
FEWEST, MOST = 5, 200  # epochs, where no time is given
WRITTEN = Affine(turn=12, scale=(0.87, 1.15), squeeze=0.15, shear=0.15, shift=0.07)  # docs/minutes.md: MNIST
UNEQUAL = 5.0  # times as many pictures in the largest class as in the smallest


@dataclass(frozen=True)
class Facts:
    """What the rules look at: the pack, and the wish."""

    images: int  # of the training split
    size: int  # side of a packed picture, pixels
    grey: bool
    classes: int
    smallest: int  # pictures of the smallest class that has any
    largest: int
    seconds: float | None  # wished for the whole training


StepSeconds = Callable[[Recipe], float]
"""How long a step of a recipe takes on this machine, seconds, as measured when it is asked for."""


def chosen(facts: Facts, step_seconds: StepSeconds) -> tuple[Recipe, list[str]]:
    """The recipe by the rules, and the rules that made it, in words."""
    recipe, reasons = _network(facts, step_seconds)
    recipe = _adapted(recipe, facts, reasons)
    if facts.seconds is None:
        epochs = round(min(max(LOOKED_AT / facts.images, FEWEST), MOST))
        reasons.append(f"no --time: {epochs} epochs, about {LOOKED_AT:,} looks at pictures")
        recipe = recipe.model_copy(update={"epochs": epochs})
    else:
        reasons.append(f"--time: the schedule is fitted to {facts.seconds:g} s while it runs")
    return recipe.model_copy(update={"name": "auto", "seconds": facts.seconds}), reasons


def _network(facts: Facts, step_seconds: StepSeconds) -> tuple[Recipe, list[str]]:
    pixels = f"pictures of {facts.size} pixels"
    if facts.size > MEDIUM:
        return _large(facts), [f"{pixels}, more than {MEDIUM}: resnet18 on crops of random area"]
    if facts.size > SMALL:
        return airbench_64.RECIPE, [f"{pixels}, {SMALL} to {MEDIUM}: airbench-64"]
    if facts.seconds is not None and not facts.grey:
        for module in (airbench96, airbench94):
            recipe = module.RECIPE
            steps = max(facts.images / recipe.batch, 1)
            epochs = facts.seconds / (steps * step_seconds(recipe))
            if epochs >= ENOUGH[recipe.name]:
                return recipe, [f"{pixels}, and time for {epochs:.0f} epochs: {recipe.name}"]
    return airbench_s.RECIPE, [f"{pixels}, {SMALL} at most: airbench-s"]


def _large(facts: Facts) -> Recipe:
    return resnet50_torchvision.RECIPE.model_copy(
        update={
            "network": "resnet18",
            "options": {"zero_last": True},
            "crop": facts.size * 7 // 8 // 32 * 32 or facts.size,
            "learning_rate": OneCycle(peak=0.2),
            "batch": 128,
            "nesterov": True,
            "weight_decay": 0.0005,
            "decay_of": "weights",
            "label_smoothing": 0.1,
            "precision": "auto",
        }
    )


def _adapted(recipe: Recipe, facts: Facts, reasons: list[str]) -> Recipe:
    changes: dict[str, object] = {}
    if (recipe.crop and recipe.crop > facts.size) or (facts.size <= SMALL and recipe.crop != facts.size):
        changes["crop"] = facts.size
    if facts.grey:
        changes |= {"channels": 1, "flip": False}
        reasons.append(
            "grey pictures: one channel, and no mirroring, since drawings and letters have a side: evaluate "
            "with --views center"
        )
        if facts.size <= SMALL:
            changes |= {"pad": 0, "pad_with": "mean", "affine": WRITTEN}
            reasons.append(
                f"and of {SMALL} pixels at most: turned, scaled, squeezed, sheared and shifted a little, as "
                "handwriting is"
            )
    if facts.largest > UNEQUAL * facts.smallest:
        changes["sampling"] = "root"
        reasons.append(
            f"classes of {facts.smallest:,} to {facts.largest:,} pictures: drawn by the root of their number"
        )
    recipe = recipe.model_copy(update=changes)
    batch = min(recipe.batch, max(facts.images // STEPS // WHOLE * WHOLE, WHOLE))
    if batch != recipe.batch:
        reasons.append(f"batches of {batch}, that an epoch has {STEPS} steps; the rate in proportion")
    return with_batch(recipe, batch)
