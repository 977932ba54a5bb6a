"""Where a training starts: a new run folder or one to go on with, weights of a run or of a published file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexnet.batches.preprocessing import Preprocessing, preprocessing_of
from alexnet.batches.views import crop_of
from alexnet.dataset.packed import Packed
from alexnet.networks import create
from alexnet.networks.foreign import Pixels, Weights, read
from alexnet.networks.undrawn import Undrawn, on_paper
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import Run, create_run, fresh_weights, is_run, open_run, transfer_weights
from alexnet.training.loop import State
from alexnet.training.optimizer import optimizer_of

TRIED = 512
"""Pixels of the largest views that are computed to see whether they fit: the meta device, which computes
nothing, has torch import its compiler first, which takes as long as all else before the first step."""


@dataclass(frozen=True)
class Start:
    """Weights to start from; `origin` is what the run remembers of them, `file` is of foreign ones."""

    path: Path
    weights: dict[str, Tensor]
    origin: dict[str, Any]
    file: Weights | None = None

    def recipe(self, recipe: Recipe) -> Recipe:
        """`recipe` with the options that the file implies; a Problem where it is for another network."""
        if self.file is None:
            return recipe
        foreign = self.file.foreign
        if recipe.network != foreign.network:
            raise Problem(
                f"{self.path} holds {foreign.peer}, here {foreign.network}, and recipe {recipe.name} is for "
                f"{recipe.network}: take a recipe for {foreign.network}, or --set network={foreign.network}"
            )
        return recipe.model_copy(update={"options": {**self.file.options, **recipe.options}})

    def preprocessing(self, preprocessing: Preprocessing) -> Preprocessing:
        """`preprocessing` normalised as foreign weights were trained with; a run's weights adapt."""
        if self.file is None:
            return preprocessing
        pixels = self.file.foreign.pixels
        mean, divisor = (torch.tensor(each)[:, None, None] for each in (pixels.mean, pixels.divisor))
        return replace(preprocessing, mean=mean, divisor=divisor)


def start_of(init: str | Path) -> Start:
    """Open a run folder, or a file of foreign weights."""
    path = Path(init)
    if not path.exists():
        raise Problem(f"no run and no file of weights at {path}")
    if path.is_dir():
        run = open_run(path)
        weights, checkpoint = run.weights(), run.checkpoint()
        steps = checkpoint.state["steps"] if checkpoint else 0
        return Start(path, weights, {"path": str(path.resolve()), "steps": steps})
    file = read(path)
    origin = {"path": str(path.resolve()), "sha256": file.sha256, "weights": file.foreign.peer}
    return Start(path, file.tensors, origin, file)


def opened(recipe: Recipe, packed: Packed, out: Path, start: Start | None) -> Run:
    """Open the run at `out` if it is of this recipe, data and start, or make it."""
    if "train" not in packed.splits:
        raise Problem(f"{packed.path} has no training split, only {', '.join(packed.splits)}")
    if recipe.needs_validation() and "val" not in packed.splits:
        raise Problem(
            f"recipe {recipe.name} lowers its rate when the validation error stops falling, but "
            f"{packed.path} has no val split; prepare it with --val-fraction 0.1"
        )
    if is_run(out):
        run = open_run(out)
        if run.dataset["fingerprint"] != packed.fingerprint:
            raise Problem(f"{out} was trained on other data than {packed.path}; choose another --out")
        require_same(run, recipe, start)
        return run
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    fresh = check(recipe, len(packed.classes), preprocessing.crop, start)
    if start and fresh and recipe.epochs == 0:
        raise Problem(
            f"{start.path} has other classes than {packed.path} with its {len(packed.classes)}, and epochs=0 "
            "would leave the new last layer untrained; give --classes in place of --data"
        )
    return create_run(
        out,
        recipe,
        classes=packed.classes,
        preprocessing=start.preprocessing(preprocessing) if start else preprocessing,
        dataset={"path": packed.where, "fingerprint": packed.fingerprint},
        init=start.origin if start else None,
    )


def untrained(
    recipe: Recipe, out: Path, start: Start | None, classes: Sequence[str] | str | Path | None
) -> Run:
    """Make a run of foreign weights as they are; `classes` are their names in order, or a file of them."""
    if start is None or start.file is None or classes is None:
        raise UsageProblem(
            "train needs --data PACKED; without it, --init FILE and --classes NAMES make a run of published "
            "weights as they are"
        )
    recipe, names = recipe.model_copy(update={"epochs": 0}), class_names(classes)
    if len(names) != start.file.classes:
        raise Problem(f"{len(names)} names of classes, but {start.path} tells {start.file.classes} apart")
    if is_run(out):
        run = open_run(out)
        if run.dataset["fingerprint"] or run.classes != names:
            raise Problem(f"{out} has other classes or was made of a data set; choose another --out")
        require_same(run, recipe, start)
    else:
        run = _without_data(recipe, out, start, names, start.file.foreign.pixels)
    if run.checkpoint() is None:
        network = run.build()
        transfer_weights(network, start.weights, str(start.path))
        run.save(dict(network.state_dict()), {}, State().document(), steps=0)
    return run


def _without_data(recipe: Recipe, out: Path, start: Start, classes: tuple[str, ...], pixels: Pixels) -> Run:
    crop = crop_of(recipe, pixels.size) if recipe.crop else pixels.crop
    check(recipe, len(classes), crop, start)
    blank = torch.empty(recipe.channels, 1, 1)
    preprocessing = Preprocessing(pixels.size, "crop", crop, recipe.channels, mean=blank, divisor=blank)
    return create_run(
        out,
        recipe,
        classes=classes,
        preprocessing=start.preprocessing(preprocessing),
        dataset={"path": None, "fingerprint": None},
        init=start.origin,
    )


def class_names(classes: Sequence[str] | str | Path) -> tuple[str, ...]:
    """Names as given, or one from each line of a file; a Problem where one comes twice."""
    if isinstance(classes, str | Path):
        try:
            lines = Path(classes).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Problem(f"cannot read {classes} as names of classes: {error}") from None
        classes = [line.strip() for line in lines if line.strip()]
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise Problem(f"two classes are named {twice[0]!r}; every class needs a name of its own")
    return tuple(classes)


def require_same(run: Run, recipe: Recipe, start: Start | None) -> None:
    """Refuse to go on with a run of another start or recipe."""
    if start and run.init != start.origin:
        raise Problem(f"{run.path} was not started from {start.path} as it is now; choose another --out")
    changed = differences(run.recipe, recipe)
    if changed:
        raise Problem(f"{run.path} holds another training ({'; '.join(changed)}); choose another --out")


def check(recipe: Recipe, classes: int, crop: int, start: Start | None) -> list[str]:
    """Refuse, before anything is written, a network that cannot be built, trained by the rules, or fed.

    Returns the weights that would start afresh although there is a start.
    """
    blank = Undrawn() if crop <= TRIED else on_paper()
    with blank, torch.no_grad(), torch.random.fork_rng(devices=()):
        network = create(
            recipe.network, classes=classes, channels=recipe.channels, seed=recipe.seed, **recipe.options
        )
        optimizer_of(recipe, network)
        views = torch.zeros(2, recipe.channels, crop, crop)
        try:
            network(views)
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise Problem(
                f"network {recipe.network} cannot take views of {crop} pixels ({reason}); "
                "prepare the pictures at its size, or set crop or options.image"
            ) from None
    return fresh_weights(network, start.weights, str(start.path)) if start else []


def differences(mine: Recipe, theirs: Recipe) -> list[str]:
    """Fields in which two recipes differ, in words."""
    return [
        f"{field} is {getattr(mine, field)!r}, not {getattr(theirs, field)!r}"
        for field in Recipe.model_fields
        if getattr(mine, field) != getattr(theirs, field)
    ]
