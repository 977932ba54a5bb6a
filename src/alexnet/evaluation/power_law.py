"""Error by the number of training pictures, as a power law: error = factor · pictures ** −exponent.

Cortes et al., "Learning Curves: Asymptotic Values and Rate of Convergence" (NIPS 1993); Hestness et al.,
"Deep Learning Scaling is Predictable, Empirically" (2017). No asymptote is fitted: four points tell none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.problem import UsageProblem

Reals = NDArray[np.float64]
FAR = 0.5


@dataclass(frozen=True)
class PowerLaw:
    """A straight line in the logarithms; `misfit` is how far a point lies from it at most, as a share."""

    factor: float  # error in per cent at one picture, so far as the line goes there
    exponent: float
    misfit: float
    points: int

    @property
    def fits(self) -> bool:
        """Whether every point lies within half of the law's error; else the law says nothing beyond them."""
        return self.misfit <= FAR

    def at(self, pictures: float) -> float:
        """Error in per cent that the law gives for so many training pictures, 100 at most."""
        return min(100.0, self.factor * math.pow(pictures, -self.exponent))


@dataclass(frozen=True)
class Extrapolation:
    """What the law says where nothing was measured."""

    images: int
    error: float  # per cent
    interval: tuple[float, float]  # 95 %, if the law goes on to hold, which no figure here says


def fit_power_law(images: Sequence[int], errors: Sequence[float]) -> PowerLaw:
    """Least squares over the logarithms of training pictures and errors in per cent, two points or more.

    >>> law = fit_power_law([100, 400, 1600], [40.0, 20.0, 10.0])
    >>> round(law.exponent, 6), round(law.at(6400), 6)
    (0.5, 5.0)
    """
    across, up = _logarithms(images, errors)
    slope, height = np.polyfit(across, up, 1)
    misfit = float(np.abs(np.expm1(up - (slope * across + height))).max())
    return PowerLaw(float(np.exp(height)), -float(slope), misfit, len(images))


def extrapolated(images: Sequence[int], errors: Sequence[float], to: int) -> Extrapolation | None:
    """The error at `to` training pictures, with an interval by Student's t; None of fewer than three."""
    if len(images) < 3:
        return None
    from scipy.stats import t as student

    across, up = _logarithms(images, errors)
    law, freedom = fit_power_law(images, errors), len(images) - 2
    rest = up - np.log([law.factor * one**-law.exponent for one in images])
    spread = math.sqrt(float(rest @ rest) / freedom)
    far = math.log(to) - float(across.mean())
    leverage = 1.0 / len(images) + far * far / float(((across - across.mean()) ** 2).sum())
    half = float(student.ppf(0.975, freedom)) * spread * math.sqrt(1.0 + leverage)
    middle = math.log(law.factor) - law.exponent * math.log(to)
    low, high = (min(100.0, math.exp(min(end, 700.0))) for end in (middle - half, middle + half))
    return Extrapolation(to, law.at(to), (low, high))


def _logarithms(images: Sequence[int], errors: Sequence[float]) -> tuple[Reals, Reals]:
    if len(images) < 2 or min(errors) <= 0.0:
        raise UsageProblem("a power law needs two sizes or more, and errors above 0")
    return np.log(np.asarray(images, np.float64)), np.log(np.asarray(errors, np.float64))
