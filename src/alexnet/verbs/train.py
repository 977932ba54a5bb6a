"""`alexnet train`: a recipe and a packed data set become a run folder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from alexnet.batches.loader import TrainingLoader
from alexnet.dataset.packed import Packed, open_packed
from alexnet.memory import keep_freed_memory
from alexnet.parallel import World, highest, joined, meet
from alexnet.probing.gradients import weight_norms
from alexnet.problem import UsageProblem
from alexnet.progress import Advance, Progress, silent
from alexnet.recipe import Recipe
from alexnet.run import Run
from alexnet.training.averaging import Averaged
from alexnet.training.gradients import backward_of
from alexnet.training.held import Held
from alexnet.training.log import read_metrics
from alexnet.training.loop import Hooks, State, last_step
from alexnet.training.loop import train as train_loop
from alexnet.training.optimizer import optimizer_of
from alexnet.training.watched import Watched
from alexnet.verbs.advice import Circumstances, advice, circumstances, shares
from alexnet.verbs.ahead import Ahead, loader_of
from alexnet.verbs.choosing import recipe_of
from alexnet.verbs.devices import device_of
from alexnet.verbs.interrupts import stop_wished
from alexnet.verbs.lesson import lesson
from alexnet.verbs.ranks import (
    ALONE,
    Layout,
    agreed,
    first_alone,
    held,
    on_device,
    written_by_first,
)
from alexnet.verbs.standing import begun, nothing, restored, save, validate
from alexnet.verbs.starting import Start, opened, start_of, untrained
from alexnet.verbs.timed import pace_of


@dataclass(frozen=True)
class Trained:
    """What a training came to; errors in per cent on the validation split, None where there is none."""

    run: str
    epochs: float
    steps: int
    seconds: float
    images_per_second: float
    data_seconds: float
    compute_seconds: float
    validation_seconds: float
    saving_seconds: float
    top1_error: float | None
    top5_error: float | None
    shares: dict[str, float]  # of the time: network, pictures, validation, saving
    advice: tuple[str, ...]  # what would have made it shorter
    chosen: tuple[str, ...] = ()  # of `auto`: the rules that made the recipe


def untold(_rules: Sequence[str]) -> None:
    """Nobody is told which rules chose the recipe."""


def train(
    recipe: Recipe | str | Path,
    data: str | Path | None,
    out: str | Path,
    *,
    init: str | Path | None = None,
    classes: Sequence[str] | str | Path | None = None,
    assignments: Sequence[str] = (),
    device: str = "auto",
    workers: int = 1,
    save_every: float = 60.0,
    keep: bool = False,
    gradients: bool = False,
    began: float | None = None,
    layout: Layout = ALONE,
    ahead: Ahead | None = None,
    tell: Callable[[Sequence[str]], None] = untold,
    progress: Progress = silent,
) -> Trained:
    """Train `recipe` (a value, a name or a `recipe.json`) on the pack `data`; the same call resumes.

    A checkpoint is saved every `save_every` seconds at most; with `keep` the weights after each epoch
    stay; with `gradients` the log tells every fifty steps how much gradient reaches each layer, which
    changes nothing else. `init` is a run to start from, or a file of foreign weights, whose preprocessing
    the run then has; the last layer starts afresh where the classes differ. `classes` (names in order, or
    a file with one a line) in place of `data` makes a run of such a file as it is, untrained.
    `assignments` are `field=value` as of `--set`. `began` is what the recipe's `seconds` are counted from
    (`time.monotonic`; default: now). Ranks that torchrun started train together, as `layout` says.
    `ahead` gives the first batch where it was begun beforehand (`alexnet.verbs.ahead`). `tell` is given,
    before the first step, the rules that chose the recipe `auto`. Raises Problem where `out` holds another
    training. On a processor the process keeps the memory it frees from then on (`alexnet.memory`).
    """
    require_whole_layers(layout, gradients)
    clock = time.monotonic() if began is None else began
    how = How(layout, workers, save_every, keep, clock, progress, gradients, ahead)
    with joined(layout.columns, device=device_of(device)) as met:
        recipe, reasons = recipe_of(
            recipe, data, out=out, assignments=assignments, device=met.device, progress=progress
        )
        if met.ranks > 1 and reasons:
            raise UsageProblem(
                "auto measures one process: let `alexnet train auto --dry-run --json` choose, then name that"
            )
        tell(reasons)
        here = layout.check(recipe, met)
        start = start_of(init) if init else None
        recipe = start.recipe(recipe) if start else recipe
        if data is None:
            made = partial(untrained, recipe, Path(out), start, classes)
            return trained(first_alone(made, here, what="making the run"), State())
        if classes is not None:
            raise UsageProblem("the pack of --data names the classes; --classes is for weights without data")
        packed = open_packed(Path(data))
        run = first_alone(
            partial(opened, recipe, packed, Path(out), start), here, what="opening the run", at=Path(out)
        )
        return replace(carried_out(run, packed, start, here, how), chosen=tuple(reasons))


@dataclass(frozen=True)
class How:
    """What of a training is not the recipe's."""

    layout: Layout
    workers: int
    save_every: float  # seconds
    keep: bool
    began: float
    progress: Progress
    gradients: bool = False  # whether their norms are logged
    ahead: Ahead | None = None


def require_whole_layers(layout: Layout, gradients: bool) -> None:
    """Refuse to log the gradients of layers that the ranks divide."""
    if gradients and (layout.shard or layout.columns > 1):
        divides = "--shard" if layout.shard else "--columns"
        raise UsageProblem(
            f"--gradients measures whole layers, which {divides} divides; leave one of them out"
        )


@dataclass(frozen=True)
class Training:
    """A run put together on this rank, where it stands."""

    run: Run
    packed: Packed
    here: World
    how: How
    holding: Held
    optimizer: torch.optim.Optimizer
    averaged: Averaged | None
    state: State
    loader: TrainingLoader

    def validated(self) -> int:
        """Pictures that end each epoch."""
        return len(self.packed.split("val")) if "val" in self.packed.splits else 0


def carried_out(run: Run, packed: Packed, start: Start | None, here: World, how: How) -> Trained:
    """Train `run` from where it stands to its end, on all ranks."""
    recipe, where = run.recipe, here.device
    if where.type == "cpu":
        keep_freed_memory()
    one = put_together(run, packed, start, here, how)
    state, loader = one.state, one.loader
    progress = how.progress if here.is_first else silent
    pace = agreed(
        pace_of(
            run, loader, state, began=how.began, validated=one.validated(), device=where, progress=progress
        ),
        here,
    )
    planned = pace(state) if pace else round(recipe.epochs * loader.steps)
    with (
        torch.random.fork_rng(),  # each step seeds the generator; the caller's stays as it was
        written_by_first(run, state, here) as log,
        stop_wished() as stop,
        progress("training", planned, state.steps) as advance,
    ):
        state = taken(one, hooks_of(one, note=log, stop=stop, advance=advance, end=pace))
    return trained(run, state, circumstances(recipe, where, how.workers))


def put_together(run: Run, packed: Packed, start: Start | None, here: World, how: How) -> Training:
    """Network, optimizer and pictures of `run`, from its newest checkpoint or from its start."""
    recipe, where, network = run.recipe, here.device, run.build()
    checkpoint = begun(run, network, start, packed, how.layout)
    holding = on_device(held(network, recipe, how.layout, here), where)
    optimizer = optimizer_of(recipe, holding.network)
    averaged = Averaged(holding.network, recipe.average) if recipe.average else None
    state = restored(checkpoint, holding, optimizer, averaged)
    loader = loader_of(run, packed, here, ahead=how.ahead, workers=how.workers)
    return Training(run, packed, here, how, holding, optimizer, averaged, state, loader)


def hooks_of(
    one: Training,
    *,
    note: Callable[[dict[str, Any]], int],
    stop: Callable[[], bool],
    advance: Advance,
    end: Callable[[State], int] | None,
) -> Hooks:
    """What the loop calls on its way."""
    here, how, averaged = one.here, one.how, one.averaged
    preprocessing = one.run.preprocessing.to(here.device)
    return Hooks(
        validate=partial(
            validate, one.holding.network, one.packed, preprocessing, how.workers, averaged, here
        ),
        save=partial(save, one.run, one.holding, one.optimizer, averaged, here),
        note=note,
        stop=stop,
        advance=advance,
        save_every=how.save_every,
        keep=how.keep,
        agreed=partial(highest, within=here, what="agreeing what comes next"),
        clip=one.holding.clip,
        end=end,
        stepped=averaged.after_step if averaged else nothing,
    )


def taken(one: Training, hooks: Hooks) -> State:
    """Take the steps that are left."""
    run, here, state, loader = one.run, one.here, one.state, one.loader
    network = one.holding.network
    total = partial(last_step, run.recipe, loader, state, hooks)
    loss = lesson(run, loader.split, here.device, lambda: state.steps / total())
    backward = backward_of(one.holding, loss, run.recipe, loader.batch, here)
    if one.how.gradients and here.is_first:  # all ranks have the same
        norms = partial(weight_norms, network)
        backward = Watched(backward, measure=norms, note=hooks.note, state=state, steps=loader.steps)
    if state.steps < total() or run.checkpoint() is None:
        meet(here, what="starting to train")
        state = train_loop(network, backward, one.optimizer, run.recipe, loader, state=state, hooks=hooks)
    return state


def trained(run: Run, state: State, here: Circumstances | None = None) -> Trained:
    """Sum up a training that stands at `state`."""
    epochs = [line for line in read_metrics(run.metrics) if "training_loss" in line]
    last = epochs[-1] if epochs else {}
    seconds = state.data_seconds + state.compute_seconds
    share = shares(
        {
            "network": state.compute_seconds,
            "pictures": state.data_seconds,
            "validation": state.validation_seconds,
            "saving": state.saving_seconds,
        }
    )
    return Trained(
        run=str(run.path),
        epochs=last.get("epoch", state.epoch),
        steps=state.steps,
        seconds=round(seconds + state.validation_seconds, 3),
        images_per_second=round(state.images / max(seconds, 1e-9), 1),
        data_seconds=round(state.data_seconds, 3),
        compute_seconds=round(state.compute_seconds, 3),
        validation_seconds=round(state.validation_seconds, 3),
        saving_seconds=round(state.saving_seconds, 3),
        top1_error=last.get("top1_error"),
        top5_error=last.get("top5_error"),
        shares={part: round(value, 4) for part, value in share.items()},
        advice=tuple(advice(share, here)) if here else (),
    )
