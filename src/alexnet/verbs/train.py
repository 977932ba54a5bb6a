"""`alexnet train`: a recipe and a packed data set become a run folder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from alexnet.batches.loader import TrainingLoader
from alexnet.dataset.packed import Packed, open_packed
from alexnet.memory import keep_freed_memory
from alexnet.parallel import World, highest, joined, meet
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe
from alexnet.run import Run
from alexnet.training.averaging import Averaged
from alexnet.training.gradients import backward_of
from alexnet.training.log import read_metrics
from alexnet.training.loop import Hooks, State, last_step
from alexnet.training.loop import train as train_loop
from alexnet.training.optimizer import optimizer_of
from alexnet.verbs.advice import Circumstances, advice, circumstances, shares
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
    began: float | None = None,
    layout: Layout = ALONE,
    tell: Callable[[Sequence[str]], None] = untold,
    progress: Progress = silent,
) -> Trained:
    """Train `recipe` (a value, a name or a `recipe.json`) on the pack `data`; the same call resumes.

    A checkpoint is saved every `save_every` seconds at most; with `keep` the weights after each epoch
    stay. `init` is a run to start from, or a file of foreign weights, whose preprocessing the run then
    has; the last layer starts afresh where the classes differ. `classes` (names in order, or a file with
    one a line) in place of `data` makes a run of such a file as it is, untrained. `assignments` are
    `field=value` as of `--set`. `began` is what the recipe's `seconds` are counted from
    (`time.monotonic`; default: now). Ranks that torchrun started train together, as `layout` says. `tell`
    is given, before the first step, the rules that chose the recipe `auto`. Raises Problem where `out`
    holds another training. On a processor the process keeps the memory it frees from then on
    (`alexnet.memory`).
    """
    how = How(layout, workers, save_every, keep, time.monotonic() if began is None else began, progress)
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


def carried_out(run: Run, packed: Packed, start: Start | None, here: World, how: How) -> Trained:
    """Train `run` from where it stands to its end, on all ranks."""
    recipe, where = run.recipe, here.device
    if where.type == "cpu":
        keep_freed_memory()
    network = run.build()
    checkpoint = begun(run, network, start, packed)
    holding = on_device(held(network, recipe, how.layout, here), where)
    network = holding.network
    optimizer = optimizer_of(recipe, network)
    averaged = Averaged(network, recipe.average) if recipe.average else None
    state = restored(checkpoint, holding, optimizer, averaged)
    split = packed.split("train")
    loader = TrainingLoader(
        split,
        recipe,
        run.preprocessing,
        packed.statistics,
        workers=how.workers,
        device=where,
        share=(here.share, here.shares),
    )
    validated = len(packed.split("val")) if "val" in packed.splits else 0
    progress = how.progress if here.is_first else silent
    pace = agreed(
        pace_of(run, loader, state, began=how.began, validated=validated, device=where, progress=progress),
        here,
    )
    with (
        torch.random.fork_rng(),  # each step seeds the generator; the caller's stays as it was
        written_by_first(run, state, here) as log,
        stop_wished() as stop,
        progress(
            "training", pace(state) if pace else round(recipe.epochs * loader.steps), state.steps
        ) as advance,
    ):
        hooks = Hooks(
            validate=partial(
                validate, network, packed, run.preprocessing.to(where), how.workers, averaged, here
            ),
            save=partial(save, run, holding, optimizer, averaged, here),
            note=log,
            stop=stop,
            advance=advance,
            save_every=how.save_every,
            keep=how.keep,
            agreed=partial(highest, within=here, what="agreeing what comes next"),
            clip=holding.clip,
            end=pace,
            stepped=averaged.after_step if averaged else nothing,
        )
        total = partial(last_step, recipe, loader, state, hooks)
        loss = lesson(run, split, where, lambda: state.steps / total())
        backward = backward_of(holding, loss, recipe, loader.batch, here)
        if state.steps < total() or run.checkpoint() is None:
            meet(here, what="starting to train")
            state = train_loop(network, backward, optimizer, recipe, loader, state=state, hooks=hooks)
    return trained(run, state, circumstances(recipe, where, how.workers))


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
