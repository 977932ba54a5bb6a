"""One number that makes probabilities truer: logits are divided by a temperature fitted on held-out pictures.

Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017). The answers stay what they are, only how
sure they are changes. Saved scores are probabilities p; softmax(log p / T) is what dividing the logits gives,
for of one view log p is the logits less a constant. Of several views the averaged probability is tempered.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import Z95
from alexnet.problem import Problem

COLDEST, HOTTEST = 0.05, 20.0
LEAST = 1e-45  # what a probability of 0 in float32 counts as, as in `Predictions.loss`
ROWS = 512  # pictures worked on at a time, in float64


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature: above 1 the network was too sure, below 1 not sure enough."""

    value: float
    images: int  # it was fitted on
    interval: tuple[float, float]  # 95 %, from the curvature of the likelihood
    bounded: bool  # whether the fit went on past what is allowed, 0.05…20


def fit_temperature(predictions: Predictions) -> Temperature:
    """The temperature with the least negative log likelihood of `predictions`; report it on other pictures.

    The likelihood is convex in 1/T, so its slope has one zero, which Brent's method finds. The interval
    also holds where tempered probabilities are not true (the sandwich of White, 1982).
    """
    from scipy.optimize import brentq  # half a second, and few fits ask for it

    if torch.isnan(predictions.probabilities).any():
        raise Problem("probabilities that are not numbers have no temperature: the network is broken")

    def slope(inverse: float) -> float:
        return float(_slopes(predictions, inverse).mean())

    hottest, coldest = slope(1.0 / HOTTEST), slope(1.0 / COLDEST)
    bounded = not hottest < 0.0 < coldest
    if bounded:
        inverse = 1.0 / (HOTTEST if hottest >= 0.0 else COLDEST)
    else:
        inverse = float(brentq(slope, 1.0 / HOTTEST, 1.0 / COLDEST, xtol=1e-10))
    return Temperature(1.0 / inverse, len(predictions.labels), _interval(predictions, inverse), bounded)


def tempered(probabilities: Tensor, temperature: float) -> Tensor:
    """Probabilities [N, C] at a temperature, float64: softmax(log p / T); the order of the classes stays.

    >>> tempered(torch.tensor([[0.8, 0.2]]), 2.0)
    tensor([[0.6667, 0.3333]], dtype=torch.float64)
    """
    if temperature == 1.0:
        return probabilities.double()
    result = torch.empty(probabilities.shape, dtype=torch.float64)
    for rows, piece in zip(result.split(ROWS), probabilities.split(ROWS), strict=True):
        torch.softmax(_logs(piece) / temperature, 1, out=rows)
    return result


def with_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The same predictions, so tempered; probabilities float64, in which no two classes become equal."""
    return Predictions(tempered(predictions.probabilities, temperature), predictions.labels)


def first_half(images: int, seed: int = 0) -> NDArray[np.bool_]:
    """Which of the pictures [N] are in the first of two halves: a hash of seed and number decides.

    A picture keeps its half whatever else is in the split.

    >>> first_half(8).tolist()
    [False, False, False, True, True, False, False, True]
    """
    digests = (hashlib.sha256(f"{seed}:{number}".encode()).digest() for number in range(images))
    return np.array([digest[0] < 128 for digest in digests], dtype=np.bool_)


def cross_fitted(
    predictions: Predictions, *, seed: int = 0
) -> tuple[Predictions, tuple[Temperature, Temperature]]:
    """Each half of the pictures tempered by what the other half fitted; and what the two halves fitted.

    So no picture has a part in the temperature it is reported with, and all of them are reported.
    """
    first = torch.from_numpy(first_half(len(predictions.labels), seed))
    if first.all() or not first.any():
        raise Problem(f"{len(first)} pictures cannot be halved to fit a temperature; evaluate on more")
    halves = [
        Predictions(predictions.probabilities[half], predictions.labels[half]) for half in (first, ~first)
    ]
    fitted = (fit_temperature(halves[0]), fit_temperature(halves[1]))
    result = torch.empty(predictions.probabilities.shape, dtype=torch.float64)
    result[first] = tempered(halves[0].probabilities, fitted[1].value)
    result[~first] = tempered(halves[1].probabilities, fitted[0].value)
    return Predictions(result, predictions.labels), fitted


def _logs(probabilities: Tensor) -> Tensor:
    return probabilities.double().clamp_min(LEAST).log()


def _slopes(predictions: Predictions, inverse: float) -> Tensor:
    """Derivative of each picture's −log likelihood [N] by the inverse temperature."""
    slopes = []
    for piece, labels in _pieces(predictions):
        logs = _logs(piece)
        mean = (torch.softmax(logs * inverse, 1) * logs).sum(1)
        slopes.append(mean - logs.gather(1, labels[:, None]).squeeze(1))
    return torch.cat(slopes)


def _curvature(predictions: Predictions, inverse: float) -> float:
    """Mean second derivative."""
    total = 0.0
    for piece, _ in _pieces(predictions):
        logs = _logs(piece)
        shares = torch.softmax(logs * inverse, 1)
        mean = (shares * logs).sum(1)
        total += float(((shares * logs * logs).sum(1) - mean * mean).sum())
    return total / len(predictions.labels)


def _pieces(predictions: Predictions) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(predictions.probabilities.split(ROWS), predictions.labels.split(ROWS), strict=True)


def _interval(predictions: Predictions, inverse: float) -> tuple[float, float]:
    """95 % interval of the temperature, by that of its inverse."""
    slopes, curvature = _slopes(predictions, inverse), _curvature(predictions, inverse)
    if curvature <= 0.0:
        return COLDEST, HOTTEST
    half = Z95 * float(slopes.std(correction=0)) / (curvature * math.sqrt(len(slopes)))
    low, high = inverse - half, inverse + half
    return 1.0 / min(high, 1.0 / COLDEST), 1.0 / max(low, 1.0 / HOTTEST)
