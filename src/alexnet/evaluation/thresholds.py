"""When to answer and when to leave it: a threshold on the answer's probability, and its coverage.

Risk and coverage are of El-Yaniv, Wiener, "On the Foundations of Noise-free Selective Classification" (2010);
the area is of Geifman, Uziel, El-Yaniv, "Bias-Reduced Uncertainty Estimation" (ICLR 2019).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.calibration import Confidences, Reals, confidences
from alexnet.evaluation.errors import answers
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import at_least, wilson

STEPS = 100  # thresholds that are tried for a promise
FORGIVING = 7.754  # mean of a Poisson distribution that is 3 or less in one case of twenty
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Threshold:
    """Answer where the probability is over `above`: so many of `images`, and so many of those rightly."""

    wanted: float  # precision, per cent
    above: float | None  # None where no threshold gives that
    images: int
    answered: int
    right: int

    @property
    def coverage(self) -> float:
        """The share of pictures that are answered, per cent."""
        return 100.0 * self.answered / self.images if self.images else 0.0

    @property
    def precision(self) -> float | None:
        """The share of answers that is right, per cent; None where nothing is answered."""
        return 100.0 * self.right / self.answered if self.answered else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the precision, Wilson; it does not know that the threshold was chosen."""
        return wilson(self.right, self.answered)


@dataclass(frozen=True)
class RiskCoverage:
    """The share of wrong answers among the surest pictures, both per cent; a point a distinct probability."""

    coverage: Reals  # [K], ascending to 100
    risk: Reals  # [K]
    area: float  # mean risk over all coverages, per cent
    best_area: float  # if every wrong answer were less sure than every right one


def threshold_for(sure: Confidences, precision: float) -> Threshold:
    """The lowest threshold whose answers have reached `precision` (0…1) on these very pictures.

    It is chosen to look well on them, so other pictures may well fall short; `promised_threshold` does not.
    """
    values, answered, right = _from_the_top(sure)
    reached = np.flatnonzero(right >= precision * answered)
    return _at(sure, precision, values, (answered, right), int(reached[-1]) if len(reached) else None)


def promised_threshold(sure: Confidences, precision: float) -> Threshold:
    """The lowest threshold that holds `precision` on further pictures, in 95 of 100 such choices.

    A hundred thresholds are tried from the highest on, each by the exact lower bound of its precision, up to
    the first that falls short. In that order none costs another (fixed-sequence testing, as in Angelopoulos
    et al., "Learn then Test", 2021). The first answers so many pictures that three wrong ones are forgiven.
    """
    values, answered, right = _from_the_top(sure)
    images = len(sure.values)
    first = min(images, math.ceil(FORGIVING / (1.0 - precision)))
    tried = np.unique(np.searchsorted(answered, np.linspace(first, images, STEPS)))
    kept = None
    for place in tried.tolist() if images else ():
        if at_least(int(right[place]), int(answered[place])) < 100.0 * precision:
            break
        kept = place
    return _at(sure, precision, values, (answered, right), kept)


def class_thresholds(predictions: Predictions, precision: float) -> list[Threshold]:
    """`threshold_for` of each class [C], over the pictures that are answered with it."""
    sure = confidences(predictions)
    answered = answers(predictions.probabilities, predictions.labels).numpy()
    return [threshold_for(_only(sure, answered == label), precision) for label in range(sure.classes)]


def promised_class_thresholds(predictions: Predictions, precision: float) -> list[Threshold]:
    """`promised_threshold` of each class [C] over the pictures answered with it, each its own promise."""
    sure = confidences(predictions)
    answered = answers(predictions.probabilities, predictions.labels).numpy()
    return [promised_threshold(_only(sure, answered == label), precision) for label in range(sure.classes)]


def risk_coverage(sure: Confidences) -> RiskCoverage:
    """The curve from the surest picture to all of them; equal probabilities are added together."""
    images, wrong = len(sure.values), int((~sure.right).sum())
    _, answered, right = _from_the_top(sure)
    before = np.concatenate([[0], answered[:-1]])
    errors, earlier = answered - right, np.concatenate([[0], (answered - right)[:-1]])
    # among equal ones the errors are spread evenly: the k-th picture of a group adds the group's mean
    numbers = np.arange(1, images + 1)
    group = np.searchsorted(answered, numbers)
    share = (errors - earlier) / (answered - before)
    risks = (earlier[group] + (numbers - before[group]) * share[group]) / numbers
    best = np.maximum(numbers - (images - wrong), 0) / numbers
    return RiskCoverage(
        100.0 * answered / images,
        100.0 * errors / answered,
        100.0 * float(risks.mean()),
        100.0 * float(best.mean()),
    )


def _from_the_top(sure: Confidences) -> tuple[Reals, Counts, Counts]:
    """Distinct probabilities, descending [K]; pictures that have at least that [K]; the right ones [K]."""
    values, places, images = np.unique(-sure.values, return_inverse=True, return_counts=True)
    right = np.bincount(places, sure.right, len(values)).astype(np.int64)
    return -values, np.cumsum(images), np.cumsum(right)


def _at(
    sure: Confidences, precision: float, values: Reals, counts: tuple[Counts, Counts], place: int | None
) -> Threshold:
    """The threshold that still answers what has `values[place]`: just the next lower probability, or 0."""
    if place is None:
        return Threshold(100.0 * precision, None, len(sure.values), 0, 0)
    below = float(values[place + 1]) if place + 1 < len(values) else 0.0
    answered, right = (int(each[place]) for each in counts)
    return Threshold(100.0 * precision, below, len(sure.values), answered, right)


def _only(sure: Confidences, chosen: NDArray[np.bool_]) -> Confidences:
    return Confidences(sure.values[chosen], sure.right[chosen], sure.classes)
