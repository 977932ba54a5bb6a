"""Training, top to bottom: a step is a function of (weights, recipe, step), so it can go on anywhere."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from alexnet.problem import Problem
from alexnet.progress import Advance
from alexnet.recipe import Recipe
from alexnet.training.gradients import Backward
from alexnet.training.optimizer import clip_gradients, set_rates

NOTED_EVERY = 50  # steps between two lines of the log
SAVING_SHARE = 0.05  # of the time, at most, goes into checkpoints
GO_ON, SAVE, STOP = range(3)  # what a rank may wish between two steps; the highest wish holds


@dataclass
class State:
    """Where a training stands: what JSON can hold of it; weights and optimizer are beside it."""

    epoch: int = 0  # the epoch under way, or epochs where all are done
    step: int = 0  # steps of that epoch already taken
    steps: int = 0  # steps taken in all
    images: int = 0  # images seen in all
    errors: list[float] = field(default_factory=list)  # top-1 on the validation split after each epoch, %
    losses: list[float] = field(default_factory=list)  # of this epoch's steps so far, nats
    noted: int = 0  # bytes of the log that belong to this state
    data_seconds: float = 0.0
    compute_seconds: float = 0.0
    validation_seconds: float = 0.0
    saving_seconds: float = 0.0
    kept: bool = False  # whether the weights saved here stay when later ones are saved
    planned: int = 0  # steps of the whole training as last fitted to a wished time; 0: the recipe's epochs

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


class Loader(Protocol):
    """`loader(epoch, start)` gives batches of images and labels; `loader.steps` of them an epoch.

    Of the `loader.batch` images of a batch they may be this rank's share.
    """

    steps: int
    batch: int

    def __call__(self, epoch: int, start: int = 0) -> Iterable[tuple[Tensor, Tensor]]: ...  # noqa: D102


@dataclass(frozen=True)
class Hooks:
    """What the loop calls on its way."""

    validate: Callable[[], Mapping[str, float]]  # after an epoch; {"top1_error": …} or nothing
    save: Callable[[State], None]
    note: Callable[[dict[str, Any]], int]  # write a line of the log; returns the log's length in bytes
    stop: Callable[[], bool]  # whether the user wants to stop after this step
    advance: Advance
    save_every: float = 60.0  # seconds between two checkpoints, at least
    keep: bool = False  # whether the weights after each epoch are kept
    agreed: Callable[[int], int] = int  # the highest number that any rank gives
    clip: Callable[[torch.optim.Optimizer, float], None] = clip_gradients
    end: Callable[[State], int] | None = None  # steps of the whole training, where not the recipe's epochs
    stepped: Callable[[int, float], None] = lambda steps, share: None  # after a step; share done, 0..1


def train(
    network: nn.Module,
    backward: Backward,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    loader: Loader,
    *,
    state: State,
    hooks: Hooks,
) -> State:
    """Train from `state` to the end of the recipe; `backward(images, labels)` gives loss and gradients.

    Raises KeyboardInterrupt, after a save, where the user wished it; Problem where the loss is no longer
    finite: the last checkpoint stays as it was.
    """
    saver = Saver(hooks)
    while state.steps < last_step(recipe, loader, state, hooks):
        train_epoch(network, backward, optimizer, recipe, loader, state=state, hooks=hooks, saver=saver)
        began = time.perf_counter()
        validated = hooks.validate()
        state.validation_seconds += time.perf_counter() - began
        end_epoch(state, validated)
        total = last_step(recipe, loader, state, hooks)
        rate = recipe.learning_rate(
            recipe.epochs * (state.steps - 1) / total, recipe.epochs, state.errors[:-1]
        )
        state.noted = hooks.note(epoch_line(state, validated, rate, epochs=state.steps / loader.steps))
        state.losses = []
        if state.steps < total:
            saver.between_steps(state)
    hooks.save(state)
    return state


def train_epoch(
    network: nn.Module,
    backward: Backward,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    loader: Loader,
    *,
    state: State,
    hooks: Hooks,
    saver: "Saver",
) -> None:
    """Take the steps of the epoch under way that are still to take."""
    network.train()
    batches = iter(loader(state.epoch, state.step))
    while state.step < loader.steps and state.steps < (total := last_step(recipe, loader, state, hooks)):
        began = time.perf_counter()
        images, labels = next(batches)
        ready = time.perf_counter()

        # of the recipe's own epochs: where a training is fitted to a time its schedule is stretched
        rate = set_rates(optimizer, recipe, recipe.epochs * state.steps / total, state.errors)
        torch.manual_seed(step_seed(recipe.seed, state.steps))  # dropout's masks belong to the step
        optimizer.zero_grad()
        value = backward(images, labels)
        if recipe.clip is not None:
            hooks.clip(optimizer, recipe.clip)
        optimizer.step()

        state.step += 1
        state.steps += 1
        hooks.stepped(state.steps, state.steps / total)
        state.images += loader.batch
        state.losses.append(finite(value.item(), state, rate))
        state.data_seconds += ready - began
        state.compute_seconds += time.perf_counter() - ready
        hooks.advance(note=f"epoch {state.epoch + 1}/{total / loader.steps:.3g}  loss {state.losses[-1]:.3f}")
        if state.step % NOTED_EVERY == 0:
            state.noted = hooks.note(step_line(state, loader.steps, rate))
        if state.step < loader.steps and state.steps < total:
            saver.between_steps(state)


def last_step(recipe: Recipe, loader: Loader, state: State, hooks: Hooks) -> int:
    """How many steps the whole training has, at least one where it has any epochs."""
    if hooks.end is not None:
        return hooks.end(state)
    return max(round(recipe.epochs * loader.steps), 1) if recipe.epochs else 0


def end_epoch(state: State, validated: Mapping[str, float]) -> None:
    """Move to the start of the next epoch."""
    state.epoch += 1
    state.step = 0
    if "top1_error" in validated:
        state.errors.append(validated["top1_error"])


def step_seed(seed: int, steps: int) -> int:
    """Seed of torch's generator for one step, a function of the recipe's seed and the steps before it."""
    return (seed * 0x9E3779B1 + steps * 0x85EBCA77 + 1) % 2**63


def finite(loss: float, state: State, rate: float) -> float:
    """Return the loss; a Problem where it is NaN or infinite."""
    if loss - loss == 0.0:
        return loss
    raise Problem(
        f"the loss became {loss} at step {state.steps} (epoch {state.epoch + 1}, rate {rate:g}): "
        "try a lower learning rate (--set learning_rate.start=…), a warm-up, or look for broken images "
        "with `alexnet doctor`"
    )


def step_line(state: State, steps: int, rate: float) -> dict[str, Any]:
    """A line of the log within an epoch: the mean loss since the last."""
    recent = state.losses[-NOTED_EVERY:]
    return {
        "epoch": round(state.epoch + state.step / steps, 6),
        "step": state.steps,
        "loss": sum(recent) / len(recent),
        "rate": rate,
    }


def epoch_line(state: State, validated: Mapping[str, float], rate: float, *, epochs: float) -> dict[str, Any]:
    """The line of the log after an epoch or its last part: mean training loss, what validation found."""
    return {
        "epoch": int(epochs) if epochs == int(epochs) else round(epochs, 4),
        "step": state.steps,
        "training_loss": sum(state.losses) / len(state.losses),
        "rate": rate,
        **validated,
        "seconds": round(state.data_seconds + state.compute_seconds + state.validation_seconds, 3),
    }


class Saver:
    """Saves when it is time, more rarely where saving is slow; stops where the user wishes."""

    def __init__(self, hooks: Hooks) -> None:
        self.hooks, self.saved, self.took = hooks, time.monotonic(), 0.0

    def between_steps(self, state: State) -> None:
        """Save if it is time; save and raise KeyboardInterrupt if the user wants to stop."""
        began = time.monotonic()
        state.kept = self.hooks.keep and state.step == 0
        due = state.kept or began - self.saved >= max(self.hooks.save_every, self.took / SAVING_SHARE)
        wish = self.hooks.agreed(STOP if self.hooks.stop() else SAVE if due else GO_ON)
        if wish != GO_ON:
            self.hooks.save(state)
            self.saved = time.monotonic()
            self.took = self.saved - began
            state.saving_seconds += self.took
        if wish == STOP:
            raise KeyboardInterrupt


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors by `parameter name/kind`, for safetensors."""
    return {
        f"{name}/{kind}": value
        for name, weight in _named(optimizer)
        for kind, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    for name, weight in _named(optimizer):
        for key, value in tensors.items():
            parameter, _, kind = key.rpartition("/")
            if parameter == name:
                # momenta keep the memory format of their weights; a count of steps is a plain number
                kept = torch.empty_like(weight) if value.shape == weight.shape else torch.empty_like(value)
                optimizer.state[weight][kind] = kept.copy_(value)


def _named(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, nn.Parameter]]:
    for group in optimizer.param_groups:
        yield from zip(group["names"], group["params"], strict=True)
