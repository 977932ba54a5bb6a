"""`alexnet train --dry-run`: what a training would do and cost, before it costs anything."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from alexnet.batches.order import steps_in_epoch
from alexnet.dataset.packed import open_packed
from alexnet.memory import keep_freed_memory
from alexnet.networks import create, entry
from alexnet.networks.summary import summarise
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe, override
from alexnet.recipes import find
from alexnet.training.optimizer import optimizer_of, set_rates
from alexnet.training.precision import in_precision
from alexnet.verbs.train import device_of

ILSVRC_2012 = 1_281_167  # training images
IN_2012 = "five to six days on two GTX 580 3 GB, 90 epochs ([P] §5)"
PROBED = 3  # steps that are timed, after one that is not
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Plan:
    """What a training would be: counts, memory in bytes, seconds as estimated from a few steps here."""

    recipe: str
    network: str
    images: int
    batch: int
    steps_per_epoch: int
    epochs: int
    steps: int
    parameters: int
    multiply_adds: int  # of the whole training, forward and backward
    memory: int  # weights, gradients, momenta and one batch's activations
    seconds_per_step: float
    seconds: float
    ilsvrc_seconds: float  # the same recipe over ILSVRC-2012 on this machine
    in_2012: str
    schedule: list[dict[str, Any]]  # epoch, rate, colour_noise, and each rule's multiplier

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
    recipe = override(recipe if isinstance(recipe, Recipe) else find(recipe), assignments)
    if recipe.epochs == 0:
        raise UsageProblem("epochs=0 trains nothing: there is nothing to plan")
    known = entry(recipe.network)
    images, classes, size = ILSVRC_2012, known.classes, known.input[1]
    if data is not None:
        packed = open_packed(Path(data))
        images, classes, size = len(packed.split("train")), len(packed.classes), packed.size
    side = recipe.crop or size
    shape = (recipe.channels, side, side)
    network = create(
        recipe.network, classes=classes, channels=recipe.channels, seed=recipe.seed, **recipe.options
    )
    layers = summarise(network, shape)
    parameters = sum(layer.parameters for layer in layers)
    activations = sum(layer.activations for layer in layers)
    forward = sum(layer.multiply_adds for layer in layers)
    batch = min(recipe.batch, images)
    step = step_seconds(network, recipe, batch, shape, classes, device_of(device), progress)
    steps = steps_in_epoch(images, recipe.batch)
    ilsvrc = steps_in_epoch(ILSVRC_2012, recipe.batch) * recipe.epochs
    return Plan(
        recipe=recipe.name,
        network=recipe.network,
        images=images,
        batch=batch,
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        steps=steps * recipe.epochs,
        parameters=parameters,
        multiply_adds=3 * forward * batch * steps * recipe.epochs,
        memory=FLOAT * (3 * parameters + 2 * batch * activations),
        seconds_per_step=step,
        seconds=step * steps * recipe.epochs,
        ilsvrc_seconds=step * ilsvrc * recipe.batch / batch,
        in_2012=IN_2012,
        schedule=schedule_of(recipe),
    )


def step_seconds(
    network: nn.Module,
    recipe: Recipe,
    batch: int,
    shape: tuple[int, int, int],
    classes: int,
    device: torch.device,
    progress: Progress,
) -> float:
    """Median time of a step over random pictures, seconds."""
    if device.type == "cpu":
        keep_freed_memory()
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.train()
    optimizer = optimizer_of(recipe, network)
    set_rates(optimizer, recipe, 0.0, [])
    images = torch.randn(batch, *shape, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(classes, (batch,), device=device)
    loss, times = in_precision(entry(recipe.network).loss, recipe.precision), []
    with progress("timing a few steps", PROBED + 1) as advance:
        for _ in range(PROBED + 1):
            began = time.perf_counter()
            optimizer.zero_grad()
            loss(network, images, labels).backward()
            optimizer.step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - began)
            advance()
    return median(times[1:])


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
        for epoch in range(recipe.epochs)
    ]
