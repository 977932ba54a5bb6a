"""Several runs beside each other: errors, paired tests, curves, recipes and classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.calibration import calibration
from alexnet.evaluation.errors import ranks
from alexnet.evaluation.paired import Pair, all_pairs, paired_interval
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import Difference
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.report.answers import Errors
from alexnet.report.charts import Measured, intervals
from alexnet.report.command import between
from alexnet.report.curves import Line, compared_curves
from alexnet.report.section import Section
from alexnet.report.speed import Speed
from alexnet.report.svg import Drawing
from alexnet.report.training import Network

COLOURS = 7  # kinds of line in the style sheet
DRAWN = 16  # classes whose differences are drawn


@dataclass(frozen=True)
class Compared:
    """One run among others; `why` says what is missing."""

    name: str
    network: Network
    errors: Section[Errors]
    speed: Section[Speed]


@dataclass(frozen=True)
class Standing:
    """All runs in one table and one picture."""

    rows: Sequence[Compared]
    drawing: Drawing | None
    split: str


@dataclass(frozen=True)
class Paired:
    """Every two runs, picture by picture."""

    images: int
    pairs: list[Pair]
    drawing: Drawing


@dataclass(frozen=True)
class Beside:
    """Curves of all runs on the same axes, those there are, and which colour is whose."""

    drawings: list[tuple[Drawing, str]]
    keys: list[tuple[str, str]]


@dataclass(frozen=True)
class Recipes:
    """The fields in which the recipes differ."""

    names: list[str]
    fields: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class ClassDifference:
    """A class, its error with each run in per cent, and the last run's less the first's."""

    name: str
    images: int
    errors: list[float]
    difference: Difference


@dataclass(frozen=True)
class Classes:
    """All classes; the drawn ones differ most between the first run and the last."""

    names: list[str]
    rows: list[ClassDifference]
    drawing: Drawing | None
    drawn: int
    expected: float  # classes of these that chance alone would show beyond their 95 % interval
    beyond: int


@dataclass(frozen=True)
class Believed:
    """How far each run's probabilities are from the truth, 0..1, and the loss in nats."""

    rows: list[tuple[str, float, float, float, float]]  # name, error, by chance, too sure by, loss


def standing_of(rows: Sequence[Compared]) -> Standing:
    """Put them side by side; a UsageProblem where none could be measured."""
    measured = [(kind, row) for kind, row in zip(kinds(len(rows)), rows, strict=True) if row.errors.facts]
    if not measured:
        raise UsageProblem(rows[0].errors.missing)
    bars = [
        Measured(row.name, row.errors.facts.top1, row.errors.facts.top1_interval)
        for _, row in measured
        if row.errors.facts
    ]
    drawn = intervals(
        "Top-1 errors with 95 % intervals", bars, zero=False, kinds=[kind for kind, _ in measured]
    )
    splits = {row.errors.facts.split: None for _, row in measured if row.errors.facts}
    return Standing(rows, drawn, " and ".join(splits))


def paired_of(predictions: Mapping[str, Predictions]) -> Paired:
    """Compare every two on the same pictures."""
    wrong = {name: wrong_in(one) for name, one in predictions.items()}
    pairs = all_pairs(wrong)
    rows = [
        Measured(f"{pair.second} − {pair.first}", pair.difference.points, pair.difference.interval)
        for pair in pairs
    ]
    images = len(next(iter(wrong.values())))
    return Paired(images, pairs, intervals("Differences of top-1 error, in points", rows, zero=True))


def beside_of(lines: Mapping[str, Sequence[Line]]) -> Beside:
    """Draw what the logs have; a UsageProblem where none tells of an epoch."""
    wanted = (
        ("validation_loss", "Validation loss over epochs", "validation loss, nats"),
        ("training_loss", "Training loss over epochs, of one head", "training loss, nats"),
        ("top1_error", "Validation error over epochs", "validation top-1 error, %"),
    )
    told = kinds(len(lines))
    drawn = [
        (drawing, label)
        for key, label, y_label in wanted
        if (drawing := compared_curves(lines, told, key, label=label, y_label=y_label)) is not None
    ]
    if not drawn:
        raise UsageProblem("no log tells of a whole epoch")
    return Beside(drawn, list(zip(told, lines, strict=True)))


def recipes_of(recipes: Mapping[str, Recipe]) -> Recipes:
    """Where they differ."""
    return Recipes(list(recipes), between(list(recipes.values())))


def classes_compared(predictions: Mapping[str, Predictions], names: Sequence[str]) -> Classes:
    """Errors by class, and by how much the last run's differ from the first's."""
    wrong = [wrong_in(one) for one in predictions.values()]
    labels = next(iter(predictions.values())).labels.numpy()
    rows = [_class(names[label], labels == label, wrong) for label in np.unique(labels).tolist()]
    rows.sort(key=lambda row: -abs(row.difference.points))
    drawn = [Measured(row.name, row.difference.points, row.difference.interval) for row in rows[:DRAWN]]
    return Classes(
        names=list(predictions),
        rows=rows,
        drawing=intervals("Differences of top-1 error by class, in points", drawn, zero=True),
        drawn=len(drawn),
        expected=0.05 * len(rows),
        beyond=sum(not row.difference.noise for row in rows),
    )


def believed_of(predictions: Mapping[str, Predictions]) -> Believed:
    """Calibration of each."""
    found = {name: calibration(one) for name, one in predictions.items()}
    return Believed(
        [
            (
                name, one.expected_error, one.expected_error_by_chance, one.overconfidence,
                one.negative_log_likelihood,
            )
            for name, one in found.items()
        ]
    )  # fmt: skip


def wrong_in(predictions: Predictions) -> NDArray[np.bool_]:
    """Which pictures are answered wrongly [N]."""
    return np.asarray((ranks(predictions.probabilities, predictions.labels) > 0).numpy())


def kinds(count: int) -> list[str]:
    """Classes of the style sheet for so many lines.

    >>> kinds(2)
    ['s1', 's2']
    """
    return [f"s{place % COLOURS + 1}" for place in range(count)]


def _class(name: str, mine: NDArray[np.bool_], wrong: Sequence[NDArray[np.bool_]]) -> ClassDifference:
    parts = [each[mine] for each in wrong]
    errors = [100.0 * float(part.mean()) for part in parts]
    return ClassDifference(name, int(mine.sum()), errors, paired_interval(parts[0], parts[-1]))
