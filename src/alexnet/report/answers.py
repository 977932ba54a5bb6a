"""What the answers are worth: errors, classes, confusion, calibration; the statistics are evaluation's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet.evaluation.calibration import Calibration, calibration, confidences
from alexnet.evaluation.classes import ClassScores, Means, class_table, macro
from alexnet.evaluation.confusion import (
    Confused,
    ConfusedPair,
    clustered,
    confusion_matrix,
    most_confused,
    most_confused_pairs,
)
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import wilson
from alexnet.evaluation.temperature import Temperature, cross_fitted, with_temperature
from alexnet.evaluation.thresholds import Threshold, promised_threshold
from alexnet.problem import Problem, UsageProblem
from alexnet.report.charts import reliability
from alexnet.report.matrix import DRAWN, LABELLED, labelled, unlabelled
from alexnet.report.svg import Drawing

PAIRS = 12
PRECISIONS = (0.8, 0.9, 0.95, 0.99)
SHOWN = 12  # classes of those confused most


@dataclass(frozen=True)
class Errors:
    """Errors in per cent with 95 % intervals."""

    split: str
    images: int
    views: str
    classes: int
    top1: float
    top1_interval: tuple[float, float]
    top5: float
    top5_interval: tuple[float, float]
    loss: float
    chance: float  # error of a guess among all classes
    commonest: float  # error of always answering the commonest class of these pictures

    @property
    def five_tell(self) -> bool:
        """Whether there are so many classes that five answers may all be wrong."""
        return self.classes > 5


@dataclass(frozen=True)
class ClassTable:
    """A row a class, in their order, and the means over classes."""

    names: Sequence[str]
    rows: list[ClassScores]
    means: Means
    worst: list[ClassScores]
    best: list[ClassScores]


@dataclass(frozen=True)
class Confusion:
    """The matrix as pictures, and what is confused most."""

    names: Sequence[str]
    drawing: Drawing | None  # the whole, or those classes that are confused most
    whole: Drawing | None  # where names do not fit: all classes without them
    classes: int
    shown: int
    cells: list[Confused]
    pairs: list[ConfusedPair]


@dataclass(frozen=True)
class Kept:
    """The temperature that the run keeps, and what it did to pictures that had no part in its fit."""

    value: float
    interval: tuple[float, float]
    images: int  # that fitted it
    fitted_on: str
    how: str  # pictures were kept from judging what they had fitted
    expected_error_before: float  # as it was found when it was kept
    expected_error_after: float
    date: str
    used: bool  # whether it is of the newest weights, so that answers are given at it
    here: Calibration | None  # on the measured pictures, unless these are those that fitted it
    reliability: Drawing | None


@dataclass(frozen=True)
class Trust:
    """How far probabilities can be believed, before and after a temperature."""

    before: Calibration
    after: Calibration | None  # None where there are too few pictures to fit one
    temperatures: tuple[Temperature, ...]  # of two halves, each used on the other
    thresholds: list[Threshold]  # for some precisions
    reliability: Drawing
    reliability_after: Drawing | None
    kept: Kept | None = None


def errors_of(predictions: Predictions, split: str, views: str) -> Errors:
    """Count them."""
    counted, classes = predictions.errors(), predictions.probabilities.size(1)
    if not counted.images:
        raise UsageProblem(f"there are no pictures in {split}")
    commonest = int(np.bincount(predictions.labels.numpy()).max())
    return Errors(
        split=split,
        images=counted.images,
        views=views,
        classes=classes,
        top1=counted.top1_error,
        top1_interval=wilson(counted.top1, counted.images),
        top5=counted.top5_error,
        top5_interval=wilson(counted.top5, counted.images),
        loss=predictions.loss(),
        chance=100.0 - 100.0 / classes,
        commonest=100.0 - 100.0 * commonest / counted.images,
    )


def classes_of(predictions: Predictions, names: Sequence[str]) -> ClassTable:
    """The table, with the classes of most and of fewest errors, if there are more than a handful."""
    rows = class_table(predictions)
    there = sorted((row for row in rows if row.images), key=lambda row: -(row.top1_error or 0.0))
    ends = min(5, len(there) // 2)
    return ClassTable(names, rows, macro(rows), there[:ends], there[::-1][:ends])


def confusion_of(predictions: Predictions, names: Sequence[str]) -> Confusion:
    """Draw all classes where their names find room; else those confused most, and all without names."""
    matrix = confusion_matrix(predictions)
    cells, pairs = most_confused(matrix, PAIRS), most_confused_pairs(matrix, PAIRS)
    order, whole = list(range(len(matrix))), None
    if len(matrix) > LABELLED:
        if len(matrix) <= DRAWN:
            grouped = clustered(matrix)
            words = f"Confusion of all {len(matrix)} classes, those confused beside each other"
            whole = unlabelled(words, matrix[np.ix_(grouped, grouped)], [names[one] for one in grouped])
        order = _involved(most_confused_pairs(matrix, len(matrix)), SHOWN)
    part, told = matrix[np.ix_(order, order)], [names[one] for one in order]
    shown = labelled(f"Confusion of {len(order)} classes; the pairs below say it in words", part, told)
    return Confusion(names, shown if order else None, whole, len(matrix), len(order), cells, pairs)


WORDS = "Share of right answers by their probability"


def kept_of(document: Mapping[str, Any], predictions: Predictions | None, *, used: bool) -> Kept:
    """What a run's calibration.json says, and its temperature on `predictions`, where others fitted it."""
    here = (
        None if predictions is None else calibration(with_temperature(predictions, document["temperature"]))
    )
    low, high = document["interval"]
    return Kept(
        value=document["temperature"],
        interval=(low, high),
        images=document["images"],
        fitted_on=document["fitted_on"],
        how=document["how"],
        expected_error_before=document["expected_error_before"],
        expected_error_after=document["expected_error_after"],
        date=document["date"],
        used=used,
        here=here,
        reliability=None if here is None else reliability(f"{WORDS}, with the kept temperature", here.bins),
    )


def trust_of(predictions: Predictions, kept: Kept | None = None) -> Trust:
    """Calibration as it is, and with a temperature that was fitted on other pictures."""
    before, sure = calibration(predictions), confidences(predictions)
    after, temperatures = _tempered(predictions)
    return Trust(
        before=before,
        after=after,
        temperatures=temperatures,
        thresholds=[promised_threshold(sure, precision) for precision in PRECISIONS],
        reliability=reliability(f"{WORDS}, as the network gives it", before.bins),
        reliability_after=None if after is None else reliability(f"{WORDS}, with a temperature", after.bins),
        kept=kept,
    )


def _tempered(predictions: Predictions) -> tuple[Calibration | None, tuple[Temperature, ...]]:
    try:
        tempered, temperatures = cross_fitted(predictions)
    except Problem:
        return None, ()
    return calibration(tempered), temperatures


def _involved(pairs: Sequence[ConfusedPair], count: int) -> list[int]:
    """The classes of the pairs confused most, each once, partners beside each other."""
    found: list[int] = []
    for pair in pairs:
        found += [one for one in pair.classes if one not in found]
    return found[:count]
