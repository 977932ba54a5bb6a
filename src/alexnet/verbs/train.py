"""`alexnet train`: a recipe and a packed data set become a run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from alexnet.batches.loader import TrainingLoader, evaluation_batches
from alexnet.batches.preprocessing import Preprocessing
from alexnet.batches.views import evaluation_views
from alexnet.dataset.packed import Packed, open_packed
from alexnet.evaluation.predictions import predict
from alexnet.memory import keep_freed_memory
from alexnet.networks import NETWORKS
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe, override
from alexnet.recipes import find
from alexnet.run import Run, load_weights, transfer_weights
from alexnet.training.log import MetricsLog, read_metrics
from alexnet.training.loop import Hooks, State, optimizer_tensors, restore_optimizer
from alexnet.training.loop import train as train_loop
from alexnet.training.optimizer import optimizer_of
from alexnet.training.precision import in_precision
from alexnet.verbs.advice import Circumstances, advice, circumstances, shares
from alexnet.verbs.interrupts import stop_wished
from alexnet.verbs.starting import Start, opened, require_same, start_of, untrained


@dataclass(frozen=True)
class Trained:
    """What a training came to; errors in per cent on the validation split, None where there is none."""

    run: str
    epochs: int
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
    progress: Progress = silent,
) -> Trained:
    """Train `recipe` (a value, a name or a `recipe.json`) on the pack `data`; the same call resumes.

    A checkpoint is saved every `save_every` seconds at most. `init` is a run to start from, or a file of
    foreign weights, whose preprocessing the run then has; the last layer starts afresh where the classes
    differ. `classes` (names in order, or a file with one a line) in place of `data` makes a run of such a
    file as it is, untrained. `assignments` are `field=value` as of `--set`. Raises Problem where `out` holds
    another training. On a processor the process keeps the memory it frees from then on (`alexnet.memory`).
    """
    recipe = override(recipe if isinstance(recipe, Recipe) else find(recipe), assignments)
    start = start_of(init) if init else None
    recipe = start.recipe(recipe) if start else recipe
    if data is None:
        return trained(untrained(recipe, Path(out), start, classes), State())
    if classes is not None:
        raise UsageProblem("the pack of --data names the classes; --classes is for weights without data")
    packed = open_packed(Path(data))
    run = opened(recipe, packed, Path(out), start)
    where = device_of(device)
    if where.type == "cpu":
        keep_freed_memory()
    # channels last: convolutions on processors and tensor cores alike are up to twice as fast
    network = run.build().to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = optimizer_of(recipe, network)
    state = restored(run, network, optimizer, start)
    loader = TrainingLoader(
        packed.split("train"), recipe, run.preprocessing, packed.statistics, workers=workers, device=where
    )
    with (
        torch.random.fork_rng(),  # each step seeds the generator; the caller's stays as it was
        MetricsLog(run.metrics, state.noted, tensorboard=True) as log,
        stop_wished() as stop,
        progress("training", recipe.epochs * loader.steps, state.steps) as advance,
    ):
        hooks = Hooks(
            validate=partial(validate, network, packed, run.preprocessing.to(where), workers),
            save=partial(save, run, network, optimizer),
            note=log,
            stop=stop,
            advance=advance,
            save_every=save_every,
        )
        plain = partial(NETWORKS[recipe.network].loss, label_smoothing=recipe.label_smoothing)
        loss = in_precision(plain, recipe.precision)
        if state.epoch < recipe.epochs or run.checkpoint() is None:
            state = train_loop(network, loss, optimizer, recipe, loader, state=state, hooks=hooks)
    return trained(run, state, circumstances(recipe, where, workers))


def restored(run: Run, network: nn.Module, optimizer: torch.optim.Optimizer, start: Start | None) -> State:
    """Put network and optimizer where the newest checkpoint left them, or where the run starts."""
    checkpoint = run.checkpoint()
    if checkpoint is None:
        if run.init:
            start = start or start_of(run.init["path"])
            require_same(run, run.recipe, start)
            transfer_weights(network, start.weights, str(start.path))
        return State()
    load_weights(network, checkpoint.weights(), str(checkpoint.path))
    restore_optimizer(optimizer, checkpoint.optimizer())
    return State(**checkpoint.state)


def save(run: Run, network: nn.Module, optimizer: torch.optim.Optimizer, state: State) -> None:
    """Write a checkpoint."""
    run.save(dict(network.state_dict()), optimizer_tensors(optimizer), state.document(), steps=state.steps)


def validate(
    network: nn.Module,
    packed: Packed,
    preprocessing: Preprocessing,
    workers: int,
) -> Mapping[str, float]:
    """Errors and loss on the validation split, centre view; nothing where there is none."""
    if "val" not in packed.splits:
        return {}
    split = packed.split("val")
    (view,) = evaluation_views("center", preprocessing.size, preprocessing.crop)
    batches = evaluation_batches(split, preprocessing, view, workers=workers)
    predictions = predict(network.eval(), [batches], torch.tensor(split.labels))
    errors = predictions.errors()
    return {
        "validation_loss": predictions.loss(),
        "top1_error": errors.top1_error,
        "top5_error": errors.top5_error,
    }


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
        epochs=state.epoch,
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


def device_of(name: str) -> torch.device:
    """`auto` is the first accelerator, or the processor."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise Problem(f"no device {name!r} here: {str(error).splitlines()[0]}") from None
