"""`alexnet train --dry-run`: what a training would do and cost, before it costs anything."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alexnet.batches.order import steps_in_epoch
from alexnet.dataset.packed import open_packed
from alexnet.networks import create, entry
from alexnet.networks.summary import summarise
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe
from alexnet.training.footprint import Footprint, footprint
from alexnet.verbs.choosing import recipe_of
from alexnet.verbs.devices import device_of
from alexnet.verbs.timed import step_seconds

ILSVRC_2012 = 1_281_167  # training images
IN_2012 = "five to six days on two GTX 580 3 GB, 90 epochs ([P] §5)"


@dataclass(frozen=True)
class Plan:
    """What a training would be: counts, memory in bytes, seconds as estimated from a few steps here."""

    recipe: str
    network: str
    images: int
    batch: int
    steps_per_epoch: int
    epochs: float
    steps: int
    parameters: int
    multiply_adds: int  # of the whole training, forward and backward
    memory: int  # bytes of a step
    memory_parts: Footprint
    seconds_per_step: float
    seconds: float
    ilsvrc_seconds: float  # the same recipe over ILSVRC-2012 on this machine
    in_2012: str
    schedule: list[dict[str, Any]]  # epoch, rate, colour_noise, and each rule's multiplier
    chosen: list[str]  # of `auto`, also of a batch: the rules that held

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def plan(
    recipe: Recipe | str | Path,
    data: str | Path | None = None,
    *,
    assignments: Sequence[str] = (),
    device: str = "auto",
    progress: Progress = silent,
) -> Plan:
    """Plan `recipe` on the pack `data`, or on a set like ILSVRC-2012 where none is given; trains nothing."""
    where = device_of(device)
    recipe, reasons = recipe_of(recipe, data, assignments=assignments, device=where, progress=progress)
    if recipe.epochs == 0:
        raise UsageProblem("epochs=0 trains nothing: there is nothing to plan")
    known = entry(recipe.network)
    images, classes, size = ILSVRC_2012, known.classes, known.input[1]
    if data is not None:
        packed = open_packed(Path(data))
        images, classes, size = len(packed.split("train")), len(packed.classes), packed.size
        images = max(1, round(recipe.train_share * images))
    side = recipe.crop or size
    shape = (recipe.channels, side, side)
    network = create(
        recipe.network, classes=classes, channels=recipe.channels, seed=recipe.seed, **recipe.options
    )
    layers = summarise(network, shape)
    parameters = sum(layer.parameters for layer in layers)
    forward = sum(layer.multiply_adds for layer in layers)
    batch = min(recipe.batch, images)
    room = footprint(recipe, classes, shape, math.ceil(batch / recipe.accumulate))
    step = step_seconds(network, recipe, batch, shape, classes, where, progress)
    steps = steps_in_epoch(images, recipe.batch)
    if recipe.seconds is not None:
        recipe = recipe.model_copy(update={"epochs": round(recipe.seconds / (step * steps), 3)})
    ilsvrc = steps_in_epoch(ILSVRC_2012, recipe.batch) * recipe.epochs
    return Plan(
        recipe=recipe.name,
        network=recipe.network,
        images=images,
        batch=batch,
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        steps=round(steps * recipe.epochs),
        parameters=parameters,
        multiply_adds=round(3 * forward * batch * steps * recipe.epochs),
        memory=room.total,
        memory_parts=room,
        seconds_per_step=step,
        seconds=step * steps * recipe.epochs,
        ilsvrc_seconds=step * ilsvrc * recipe.batch / batch,
        in_2012=IN_2012,
        schedule=schedule_of(recipe),
        chosen=reasons,
    )


def schedule_of(recipe: Recipe) -> list[dict[str, Any]]:
    """Rate and colour noise at the start of every epoch, as far as they do not depend on results."""
    noise = recipe.colour_noise
    return [
        {
            "epoch": epoch,
            "rate": recipe.learning_rate(epoch, recipe.epochs, ()),
            "colour_noise": noise is not None and (noise.until is None or epoch < noise.until),
            "rules": {rule.match: rule.rate(epoch) for rule in recipe.rules},
        }
        for epoch in range(math.ceil(recipe.epochs))
    ]
