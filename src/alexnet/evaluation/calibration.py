"""Whether probabilities mean what they say: of the answers given with 80 %, are 80 % right?

The expected calibration error is of Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities
Using Bayesian Binning" (AAAI 2015), in the form of Guo et al., "On Calibration of Modern Neural Networks"
(ICML 2017): only the probability of the answer counts. Everything here is a probability, 0…1.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.evaluation.errors import ranks
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import mean_interval, wilson
from alexnet.problem import Problem

BINS = 15
ROWS = 4096  # pictures whose probabilities are float64 at a time

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Confidences:
    """Of each picture the answer's probability float64 [N] and whether it is right bool [N]."""

    values: Reals
    right: NDArray[np.bool_]
    classes: int


@dataclass(frozen=True)
class Bin:
    """Answers whose probability is in low…high: how sure they were in the mean, and how often right."""

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]  # of the accuracy, 95 %, Wilson


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be believed; smaller is better, but for `overconfidence`, best at 0."""

    images: int
    expected_error: float  # bins of equal width
    expected_error_equal_mass: float  # bins of equally many pictures
    maximum_error: float  # of the bins of equal width
    expected_error_by_chance: float  # what the first would be in the mean if probabilities were true
    expected_error_by_chance_95: float  # and what it would exceed in one case of twenty
    overconfidence: float  # mean probability of the answers less their accuracy
    brier: float  # 0…2, summed over classes
    brier_interval: tuple[float, float] | None  # 95 %; of one picture there is none
    negative_log_likelihood: float  # nats
    negative_log_likelihood_interval: tuple[float, float] | None
    bins: list[Bin]

    @property
    def by_chance(self) -> bool:
        """Whether true probabilities would show such an error in more than one case of twenty."""
        return self.expected_error <= self.expected_error_by_chance_95


def confidences(predictions: Predictions) -> Confidences:
    """Each picture's answer: how probable, and whether right; a Problem where scores are no numbers."""
    best = predictions.probabilities.amax(1).double().numpy()
    broken = int(np.isnan(best).sum())
    if broken:
        raise Problem(
            f"the probabilities of {broken:,} of {len(best):,} pictures are not numbers: the network is "
            "broken, train it again"
        )
    right = (ranks(predictions.probabilities, predictions.labels) == 0).numpy()
    return Confidences(np.minimum(best, 1.0), right, predictions.probabilities.size(1))


def calibration(predictions: Predictions, *, bins: int = BINS, seed: int = 0) -> Calibration:
    """All figures of one set of predictions; `seed` draws what chance alone would do."""
    sure = confidences(predictions)
    table = reliability(sure, bins)
    chance = by_chance(sure, bins=bins, seed=seed)
    brier, brier_interval = mean_interval(brier_scores(predictions))
    loss, loss_interval = mean_interval(surprisals(predictions))
    several = len(sure.values) > 1
    return Calibration(
        images=len(sure.values),
        expected_error=expected_error(table),
        expected_error_equal_mass=expected_error(reliability_equal_mass(sure, bins)),
        maximum_error=maximum_error(table),
        expected_error_by_chance=float(chance.mean()),
        expected_error_by_chance_95=float(np.quantile(chance, 0.95)),
        overconfidence=float(sure.values.mean() - sure.right.mean()),
        brier=brier,
        brier_interval=brier_interval if several else None,
        negative_log_likelihood=loss,
        negative_log_likelihood_interval=loss_interval if several else None,
        bins=table,
    )


def reliability(sure: Confidences, bins: int = BINS) -> list[Bin]:
    """Bins of equal width over 0…1, low ≤ probability < high, 1 in the last; those that hold pictures."""
    edges = np.linspace(0.0, 1.0, bins + 1).tolist()
    return _binned(sure, _by_width(sure.values, bins), list(itertools.pairwise(edges)))


def reliability_equal_mass(sure: Confidences, bins: int = BINS) -> list[Bin]:
    """Bins of equally many pictures, as far as equal probabilities, which stay together, allow."""
    ordered = np.sort(sure.values)
    inner = np.unique(ordered[[len(ordered) * cut // bins for cut in range(1, bins)]])
    edges = [float(ordered[0]), *inner.tolist(), float(ordered[-1])]
    places = np.searchsorted(inner, sure.values, side="right")
    return _binned(sure, places, list(itertools.pairwise(edges)))


def expected_error(table: Sequence[Bin]) -> float:
    """Mean over pictures of how far their bin's confidence is from its accuracy.

    >>> expected_error([Bin(0.5, 1.0, 10, confidence=0.9, accuracy=0.7, interval=(0.4, 0.9))])
    0.2...
    """
    images = sum(one.images for one in table)
    return sum(one.images * abs(one.confidence - one.accuracy) for one in table) / images


def maximum_error(table: Sequence[Bin]) -> float:
    """The same of the worst bin, be it of a single picture."""
    return max(abs(one.confidence - one.accuracy) for one in table)


def by_chance(sure: Confidences, *, bins: int = BINS, rounds: int = 500, seed: int = 0) -> Reals:
    """Expected calibration errors [rounds] that true probabilities would show on these pictures.

    Each round draws for every picture whether it is right, with the probability its answer has (Bröcker,
    Smith, "Increasing the Reliability of Reliability Diagrams", 2007). Few pictures never show 0.
    """
    generator = np.random.default_rng(seed)
    order = np.argsort(_by_width(sure.values, bins), kind="stable")
    places, values = _by_width(sure.values, bins)[order], sure.values[order]
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    errors = []
    for _ in range(rounds):
        surplus = values - (generator.random(len(values)) < values)
        errors.append(np.abs(np.add.reduceat(surplus, starts)).sum() / len(values))
    return np.array(errors)


def brier_scores(predictions: Predictions) -> Reals:
    """Squared distance of each picture's probabilities from the truth [N], summed over classes: 0…2.

    Brier (1950); for two classes it is twice what is often given for the one.
    """
    scores = []
    for shares, labels in _pieces(predictions):
        mine = shares.gather(1, labels[:, None]).squeeze(1)
        scores.append((shares * shares).sum(1) + 1.0 - 2.0 * mine)
    return np.asarray(torch.cat(scores).numpy())


def surprisals(predictions: Predictions) -> Reals:
    """−log probability of each picture's right class, nats [N]: the terms of `Predictions.loss`."""
    right = predictions.probabilities.gather(1, predictions.labels[:, None]).squeeze(1)
    return np.asarray(-right.clamp_min(1e-45).double().log().numpy())


def _pieces(predictions: Predictions) -> Iterator[tuple[Tensor, Tensor]]:
    """Probabilities float64 [n, C] and labels [n] of a few thousand pictures at a time: memory stays flat."""
    both = zip(predictions.probabilities.split(ROWS), predictions.labels.split(ROWS), strict=True)
    return ((shares.double(), labels) for shares, labels in both)


def _by_width(values: Reals, bins: int) -> NDArray[np.int64]:
    edges = np.linspace(0.0, 1.0, bins + 1)
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)


def _binned(sure: Confidences, places: NDArray[np.int64], edges: Sequence[tuple[float, float]]) -> list[Bin]:
    count = len(edges)
    images = np.bincount(places, minlength=count)
    confidence = np.bincount(places, sure.values, count)
    right = np.bincount(places, sure.right, count)
    table = []
    for one in np.flatnonzero(images).tolist():
        low, high = wilson(int(right[one]), int(images[one]))
        table.append(
            Bin(
                low=edges[one][0],
                high=edges[one][1],
                images=int(images[one]),
                confidence=float(confidence[one] / images[one]),
                accuracy=float(right[one] / images[one]),
                interval=(low / 100.0, high / 100.0),
            )
        )
    return table
