"""`alexnet rates`: the loss while the rate rises, and the rate it suggests, before a training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from alexnet.batches.loader import TrainingLoader
from alexnet.dataset.packed import open_packed
from alexnet.memory import keep_freed_memory
from alexnet.probing.drawing import BLUE, bare, figure_of, grid
from alexnet.probing.sheets import save_figure
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe
from alexnet.run import Run
from alexnet.training.loop import step_seed
from alexnet.training.optimizer import give_rate, optimizer_of
from alexnet.training.rates import RangeTest, has_left, range_test, rising, smoothed
from alexnet.verbs.choosing import recipe_of
from alexnet.verbs.devices import device_of
from alexnet.verbs.lesson import lesson, whiten_first
from alexnet.verbs.starting import opened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST, HIGHEST = 1e-4, 1e2  # times the recipe's own highest rate


@dataclass(frozen=True)
class Rates:
    """What the range test found, beside what the recipe has."""

    recipe: str
    rates: list[float]
    losses: list[float]
    suggested: float | None
    recipes_own: float  # its highest
    picture: str | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def rates(
    recipe: Recipe | str | Path,
    data: str | Path,
    *,
    out: str | Path | None = None,
    steps: int = 100,
    assignments: Sequence[str] = (),
    device: str = "auto",
    progress: Progress = silent,
) -> Rates:
    """Train `recipe` from its start over `steps` steps of a rising rate; nothing of it is kept.

    `out` is a picture (.png or .svg) to draw. Rates are from a ten-thousandth to a hundred times the recipe's
    highest; it stops early where the loss has left.
    """
    where = device_of(device)
    found, _ = recipe_of(recipe, data, assignments=assignments, device=where, progress=progress)
    own = max(found.learning_rate(found.epochs * part / 100, found.epochs, ()) for part in range(100))
    with TemporaryDirectory(prefix="alexnet-rates-") as folder:
        run = opened(found, open_packed(Path(data)), Path(folder) / "run", None)
        test = _tried(run, rising(own * LOWEST, own * HIGHEST, steps), data, where, progress)
    if out is not None:
        save_figure(_drawn(test, own), Path(out))
    picture = None if out is None else str(out)
    return Rates(found.name, test.rates, test.losses, test.suggested, own, picture)


def _tried(
    run: Run, rates: list[float], data: str | Path, device: torch.device, progress: Progress
) -> RangeTest:
    if device.type == "cpu":
        keep_freed_memory()
    packed, recipe = open_packed(Path(data)), run.recipe
    split = packed.split("train")
    network = run.build()
    whiten_first(run, network, split)
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = optimizer_of(recipe, network)
    loader = TrainingLoader(split, recipe, run.preprocessing, packed.statistics, device=device)
    loss = lesson(run, split, device, lambda: 0.0)
    batches = chain.from_iterable(loader(epoch) for epoch in count())
    losses: list[float] = []
    with torch.random.fork_rng(), progress("raising the rate", len(rates)) as advance:
        for rate, (images, labels) in zip(rates, batches, strict=False):
            torch.manual_seed(step_seed(recipe.seed, len(losses)))
            give_rate(optimizer, rate, 0.0)
            optimizer.zero_grad()
            value = loss(network, images, labels)
            value.backward()
            optimizer.step()
            losses.append(value.item())
            advance()
            if has_left(list(smoothed(losses))):
                break
    return range_test(rates[: len(losses)], losses)


def _drawn(test: RangeTest, own: float) -> "Figure":
    figure = figure_of("Loss while the rate rises", 6.4, 3.6)
    axes = grid(figure, 1, 1)[0, 0]
    axes.plot(test.rates, test.losses, color=BLUE)
    axes.set_ylim(top=1.15 * test.losses[0])
    marks = [(own, "the recipe's highest")]
    if test.suggested is not None:
        marks.append((test.suggested, "suggested"))
    for height, (rate, says) in zip((0.97, 0.9), marks, strict=False):
        axes.axvline(rate, color="0.5", linewidth=0.8, linestyle="--")
        axes.annotate(
            f" {says} {rate:.2g}", (rate, height), xycoords=("data", "axes fraction"), va="top", fontsize=8
        )
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss, nats")
    bare(axes)
    return figure
