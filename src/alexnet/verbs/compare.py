"""`alexnet compare`: several runs on the same pictures, with intervals, and which differences are noise.

Runs of one recipe that differ in their seed alone are told of together as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alexnet.dataset.packed import Packed, open_packed
from alexnet.evaluation.calibration import Calibration, calibration
from alexnet.evaluation.errors import ranks
from alexnet.evaluation.paired import Pair, all_pairs
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.seeds import Between, Spread, between, spread
from alexnet.evaluation.statistics import Wrong, wilson
from alexnet.probing.comparison_figure import Point, comparison_figure
from alexnet.probing.sheets import save_figure
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run, open_run
from alexnet.verbs.costs import Costs, costs_of
from alexnet.verbs.devices import device_of
from alexnet.verbs.repeat import SEED, further
from alexnet.verbs.scores import data_of, predictions_of


@dataclass(frozen=True)
class Row:
    """One run: errors in per cent with 95 % intervals, and how far its probabilities can be believed."""

    name: str
    run: str
    recipe: str
    network: str
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]
    loss: float
    calibration: Calibration | None  # None of a network whose scores are no numbers
    costs: Costs | None = None  # measured where it was asked for


@dataclass(frozen=True)
class Group:
    """Runs of one recipe with several seeds."""

    name: str
    recipe: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    top1: Spread


@dataclass(frozen=True)
class Comparison:
    """Runs, best first, and all pairs of them with Holm's correction; recipes that have several seeds."""

    split: str
    images: int
    views: str
    classes: int
    dataset: str  # fingerprint
    runs: list[Row]
    pairs: list[Pair]
    groups: list[Group]  # best first
    between: list[Between]  # every two of them

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        document = asdict(self)
        for pair, told in zip(self.pairs, document["pairs"], strict=True):
            told |= {"noise": pair.noise, "reading": pair.reading}
        for group, told in zip(self.groups, document["groups"], strict=True):
            told["top1"]["reading"] = group.top1.reading
        for two, told in zip(self.between, document["between"], strict=True):
            told |= {"noise": two.difference.noise, "reading": two.reading}
        return document


def compare(
    runs: Sequence[str | Path],
    *,
    data: str | Path | None = None,
    split: str = "val",
    views: str = "center",
    device: str = "auto",
    workers: int = 1,
    costs: bool = False,
    plot: str | Path | None = None,
    repeat: int = 1,
    progress: Progress = silent,
) -> Comparison:
    """Compare two runs or more on `split` of the pack `data` (default: the one all were trained on).

    `costs` measures what they cost beside each other; `plot` draws error, speed and memory (.png, .svg).
    With `repeat` each run's recipe is first trained with further seeds, beside it, until it has so many.
    """
    if repeat > 1:
        runs = with_seeds(runs, repeat, device=device, workers=workers, progress=progress)
    if len(runs) < 2:
        raise UsageProblem("compare needs two runs or more")
    opened = [open_run(run) for run in runs]
    packed = common_pack(opened, data)
    names = distinct([run.path for run in opened])
    scores = [
        predictions_of(run, packed, split, views, device=device, workers=workers, progress=progress)
        for run in opened
    ]
    rows = [row(name, run, each) for name, run, each in zip(names, opened, scores, strict=True)]
    if costs or plot is not None:
        measured = costs_of(opened, device_of(device), progress)
        rows = [replace(one, costs=cost) for one, cost in zip(rows, measured, strict=True)]
    if plot is not None:
        save_figure(comparison_figure(points(rows), f"{split} of {packed.path.name}"), Path(plot))
    wrong = {name: wrong_of(each) for name, each in zip(names, scores, strict=True)}
    groups = groups_of(dict(zip(names, opened, strict=True)), wrong)
    return Comparison(
        split=split,
        images=len(scores[0].labels),
        views=views,
        classes=max(len(run.classes) for run in opened),
        dataset=packed.fingerprint,
        runs=sorted(rows, key=lambda one: one.top1_error),
        pairs=all_pairs(wrong),
        groups=groups,
        between=between({one.name: stacked(wrong, one.runs) for one in groups}),
    )


def with_seeds(
    runs: Sequence[str | Path], seeds: int, *, device: str, workers: int, progress: Progress
) -> list[Path]:
    """The runs, each followed by those of its recipe with further seeds; a run named twice is there once."""
    found: dict[Path, Path] = {}
    for run in map(Path, runs):
        found.setdefault(run.resolve(), run)
        for more in further(open_run(run), seeds, device=device, workers=workers, progress=progress):
            found.setdefault(more.resolve(), more)
    return list(found.values())


def groups_of(runs: Mapping[str, Run], wrong: Mapping[str, Wrong]) -> list[Group]:
    """Runs, by name, that were trained alike but for the seed: two or more together, best first."""
    alike: dict[str, dict[int, str]] = {}
    for name, run in runs.items():
        same = run.recipe.model_copy(update={"seed": 0}).model_dump_json()
        key = f"{same} {run.init} {run.dataset['fingerprint']}"
        alike.setdefault(key, {}).setdefault(run.recipe.seed, name)
    groups = []
    for seeds in (dict(sorted(each.items())) for each in alike.values() if len(each) > 1):
        members = tuple(seeds.values())
        stems = {SEED.sub("", name) for name in members}
        recipe = runs[members[0]].recipe.name
        name = stems.pop() if len(stems) == 1 else recipe
        groups.append(Group(name, recipe, members, tuple(seeds), spread(stacked(wrong, members))))
    names = [one.name for one in groups]
    told = [
        replace(one, name=f"{one.name} ({one.runs[0]} …)") if names.count(one.name) > 1 else one
        for one in groups
    ]
    return sorted(told, key=lambda one: one.top1.mean)


def stacked(wrong: Mapping[str, Wrong], names: Sequence[str]) -> Wrong:
    """Errors of several runs: bool [runs, N]."""
    return np.array([wrong[name] for name in names])


def common_pack(runs: Sequence[Run], data: str | Path | None) -> Packed:
    """The pack to compare on; a Problem where none is named and the runs were not trained on the same."""
    if data is not None:
        return open_packed(Path(data))
    first, *others = runs
    for other in others:
        if other.dataset["fingerprint"] != first.dataset["fingerprint"]:
            raise Problem(
                f"{first.path} and {other.path} were trained on different data, and errors on different "
                "pictures cannot be compared; name one pack for all with --data PACKED"
            )
    return open_packed(Path(data_of(first)))


def distinct(paths: Sequence[Path]) -> list[str]:
    """Names that tell runs apart: the folder's, or as much of its path as it takes.

    >>> distinct([Path("a/vgg"), Path("b/vgg")]), distinct([Path("a/vgg"), Path("a/nin")])
    (['a/vgg', 'b/vgg'], ['vgg', 'nin'])
    """
    whole = [path.resolve() for path in paths]
    if len(set(whole)) < len(whole):
        raise UsageProblem("a run is named twice; compare different ones")
    depth = 1
    while len({path.parts[-depth:] for path in whole}) < len(whole):
        depth += 1
    return [str(Path(*path.parts[-depth:])) for path in whole]


def row(name: str, run: Run, predictions: Predictions) -> Row:
    """What is told of one run."""
    errors = predictions.errors()
    return Row(
        name=name,
        run=str(run.path),
        recipe=run.recipe.name,
        network=run.recipe.network,
        top1_error=errors.top1_error,
        top1_interval=wilson(errors.top1, errors.images),
        top5_error=errors.top5_error,
        top5_interval=wilson(errors.top5, errors.images),
        loss=predictions.loss(),
        calibration=None if torch.isnan(predictions.probabilities).any() else calibration(predictions),
    )


def points(rows: Sequence[Row]) -> list[Point]:
    """What is drawn of the runs whose costs were measured."""
    return [
        Point(one.name, one.top1_error, one.top1_interval, one.costs.all_threads, one.costs.memory_bytes)
        for one in rows
        if one.costs
    ]


def wrong_of(predictions: Predictions) -> Wrong:
    """Which pictures are answered wrongly: bool [N]."""
    wrong: Wrong = (ranks(predictions.probabilities, predictions.labels) >= 1).numpy()
    return wrong
