"""A training that is to end at a time: probed before it begins, planned anew while it runs."""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn

from alexnet.batches.loader import TrainingLoader
from alexnet.memory import keep_freed_memory
from alexnet.networks import entry
from alexnet.problem import UsageProblem
from alexnet.progress import Progress
from alexnet.recipe import Recipe
from alexnet.run import Run
from alexnet.training.loop import State
from alexnet.training.optimizer import optimizer_of, set_rates
from alexnet.training.pace import Pace
from alexnet.training.precision import in_precision

PROBED = 3  # steps that are timed, after one that is not
LONG = 8.0  # seconds after which one timed step is enough
FORWARD = 1 / 3  # of a step's time: what the probe takes for a validation of as many pictures


def pace_of(
    run: Run,
    loader: TrainingLoader,
    state: State,
    *,
    began: float,
    validated: int,
    device: torch.device,
    progress: Progress,
) -> Callable[[State], int] | None:
    """The pace of `run` where its recipe wishes for a time, else None; a training that is over stays so.

    `began` is when the command did, on `time.monotonic`'s clock; `validated` pictures end each epoch. Raises
    UsageProblem where the rate follows the validation error: that cannot be fitted to a time.
    """
    recipe = run.recipe
    if recipe.seconds is None:
        return None
    if 0 < state.planned <= state.steps:
        return lambda now: now.planned
    if recipe.needs_validation():
        raise UsageProblem(
            f"recipe {recipe.name} lowers its rate as validation shows: that takes what time it takes. "
            'For --time give it a schedule, as --set \'learning_rate={"kind":"cosine","start":0.01}\''
        )
    shape = (recipe.channels, loader.views.crop, loader.views.crop)
    images = len(loader.mine)  # of each batch, on this rank
    step = step_seconds(run.build(), recipe, images, shape, len(run.classes), device, progress)
    # what it took before it was interrupted, so far as it was noted
    taken = state.data_seconds + state.compute_seconds + state.validation_seconds + state.saving_seconds
    return Pace(
        began + recipe.seconds - taken,
        steps=loader.steps,
        step_seconds=step,
        validation_seconds=FORWARD * step * validated / loader.batch,
        clock=time.monotonic,
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
    loss, times = in_precision(entry(recipe.network).loss, recipe.precision, device), []
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
            if len(times) > 1 and sum(times) > LONG:
                break
    return median(times[1:])
