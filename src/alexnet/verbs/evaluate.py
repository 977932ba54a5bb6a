"""`alexnet evaluate`: errors of one run, or of several averaged, with intervals; scores are kept."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from alexnet.dataset.packed import open_packed
from alexnet.evaluation.calibration import Calibration, calibration
from alexnet.evaluation.classes import ClassScores, Means, class_table, macro
from alexnet.evaluation.confusion import confusion_matrix, most_confused, most_confused_pairs
from alexnet.evaluation.predictions import Predictions, average, search_weights
from alexnet.evaluation.statistics import wilson
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run, open_run
from alexnet.verbs.scores import data_of, predictions_of

CONFUSED = 10  # pairs of classes that are named
MIRRORED = ("mirror", "ten")  # views that have each window from both sides


@dataclass(frozen=True)
class ClassErrors:
    """Errors of one class, per cent with 95 % interval; precision is None where nothing was answered so."""

    name: str
    images: int
    answered: int
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    precision: float | None
    recall: float
    f1: float


@dataclass(frozen=True)
class ConfusedClass:
    """Pictures of one class answered with another; the share is per cent of the class's pictures."""

    name: str
    answered: str
    images: int
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class ConfusedClasses:
    """Two classes taken for each other, both ways added; the share is per cent of both classes' pictures."""

    classes: tuple[str, str]
    images: int
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Evaluation:
    """Errors in per cent with Wilson's 95 % intervals; `calibration` is that of the scores as saved."""

    runs: list[str]
    weights: list[float]  # in the average
    split: str
    images: int
    views: str
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]
    loss: float
    per_class: list[ClassErrors]
    macro: Means
    most_confused: list[ConfusedClass]
    most_confused_pairs: list[ConfusedClasses]
    calibration: Calibration | None  # None of a network whose scores are no numbers
    notes: list[str]  # what is odd about what was asked for
    classes: tuple[str, ...] = field(repr=False)
    predictions: Predictions = field(repr=False, compare=False)

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types; a class is `class` there, and pictures' own scores are left out."""
        fields = [name for name in self.__dataclass_fields__ if name not in ("classes", "predictions")]
        document = {name: _plain(getattr(self, name)) for name in fields}
        for rows in ("per_class", "most_confused"):
            document[rows] = [{"class": one.pop("name"), **one} for one in document[rows]]
        if self.calibration:
            document["calibration"]["by_chance"] = self.calibration.by_chance
        return document


def evaluate(
    runs: Sequence[str | Path] | str | Path,
    *,
    data: str | Path | None = None,
    split: str = "val",
    views: str = "center",
    weights_from: str | None = None,
    device: str = "auto",
    workers: int = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate on `split` of the pack `data` (default: the one that the first run was trained on).

    Several runs are averaged, with equal weights or with those that do best on the split `weights_from`.
    Scores are saved in each run's `scores/` and used again.
    """
    opened = [open_run(run) for run in ([runs] if isinstance(runs, str | Path) else runs)]
    if not opened:
        raise UsageProblem("evaluate needs at least one run")
    if weights_from == split:
        raise UsageProblem(f"weights searched on {split} flatter on {split}; search them on another split")
    packed = open_packed(Path(data or data_of(opened[0])))

    def scores(part: str) -> list[Predictions]:
        predicted = partial(predictions_of, device=device, workers=workers, progress=progress)
        return [predicted(run, packed, part, views) for run in opened]

    weights = search_weights(scores(weights_from)) if weights_from else [1.0] * len(opened)
    return evaluation(average(scores(split), weights), opened, weights, split, views)


def evaluation(
    predictions: Predictions, runs: Sequence[Run], weights: Sequence[float], split: str, views: str
) -> Evaluation:
    """Count the errors of `predictions`, class by class, and how far their probabilities can be believed."""
    errors, classes, table = predictions.errors(), runs[0].classes, class_table(predictions)
    one_way, both_ways = confused(predictions, classes)
    return Evaluation(
        runs=[str(run.path) for run in runs],
        weights=list(weights),
        split=split,
        images=errors.images,
        views=views,
        top1_error=errors.top1_error,
        top1_interval=wilson(errors.top1, errors.images),
        top5_error=errors.top5_error,
        top5_interval=wilson(errors.top5, errors.images),
        loss=predictions.loss(),
        per_class=[class_errors(classes[row.label], row) for row in table if row.images],
        macro=macro(table),
        most_confused=one_way,
        most_confused_pairs=both_ways,
        calibration=None if torch.isnan(predictions.probabilities).any() else calibration(predictions),
        notes=unmirrored(runs, views),
        classes=classes,
        predictions=predictions,
    )


def unmirrored(runs: Sequence[Run], views: str) -> list[str]:
    """A line for each run that `views` show mirrored pictures, of which it saw none in training."""
    if views not in MIRRORED:
        return []
    return [
        f"{run.path} was trained without mirrored pictures, which --views {views} shows it: drawings and "
        "letters have a side, so take --views center"
        for run in runs
        if not run.recipe.flip and run.recipe.epochs
    ]


def class_errors(name: str, row: ClassScores) -> ClassErrors:
    """What is told of one class that has pictures."""
    return ClassErrors(
        name=name,
        images=row.images,
        answered=row.answered,
        top1_error=row.top1_error or 0.0,
        top1_interval=row.top1_interval,
        top5_error=row.top5_error or 0.0,
        precision=row.precision,
        recall=row.recall or 0.0,
        f1=row.f1 or 0.0,
    )


def confused(
    predictions: Predictions, classes: Sequence[str]
) -> tuple[list[ConfusedClass], list[ConfusedClasses]]:
    """What is confused most, by name: one way, and both ways added."""
    matrix = confusion_matrix(predictions)
    one_way = [
        ConfusedClass(classes[one.right], classes[one.answered], one.images, one.share, one.interval)
        for one in most_confused(matrix, CONFUSED)
    ]
    both_ways = [
        ConfusedClasses(
            (classes[pair.classes[0]], classes[pair.classes[1]]), pair.images, pair.share, pair.interval
        )
        for pair in most_confused_pairs(matrix, CONFUSED)
    ]
    return one_way, both_ways


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
