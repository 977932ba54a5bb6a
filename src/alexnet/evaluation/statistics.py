"""How far a measured error can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.problem import UsageProblem

Wrong = NDArray[np.bool_]
Z95 = 1.959963984540054  # the normal distribution's 97.5 % point


def wilson(errors: int, images: int, z: float = Z95) -> tuple[float, float]:
    """95 % interval of an error rate in per cent, by Wilson's score (1927): sensible at 0 and at few images.

    >>> [round(bound, 2) for bound in wilson(0, 100)], [round(bound, 2) for bound in wilson(20, 100)]
    ([0.0, 3.7], [13.34, 28.88])
    """
    if not images:
        return 0.0, 100.0
    rate, square = errors / images, z * z
    centre = (rate + square / (2 * images)) / (1 + square / images)
    half = z / (1 + square / images) * math.sqrt(rate * (1 - rate) / images + square / (4 * images * images))
    # of none and of all one bound is the rate itself, which rounding misses by an ulp
    return 100.0 * min(max(centre - half, 0.0), rate), 100.0 * max(min(centre + half, 1.0), rate)


def at_least(right: int, images: int, *, level: float = 0.95) -> float:
    """What a share in per cent is at least, at a one-sided level: Clopper and Pearson's exact bound (1934).

    >>> round(at_least(100, 100), 2), round(at_least(95, 100), 2)
    (97.05, 89.77)
    """
    from scipy.stats import beta

    return 100.0 * float(beta.ppf(1.0 - level, right, images - right + 1)) if right else 0.0


def mean_interval(values: NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """The mean of independent values [N] and its 95 % interval by the normal distribution.

    >>> mean_interval(np.array([0.0, 100.0] * 200))[1]
    (45.093..., 54.906...)
    """
    mean = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return mean, (mean - half, mean + half)


@dataclass(frozen=True)
class Difference:
    """How much worse one recipe is than another, in points of error; positive is worse."""

    points: float
    interval: tuple[float, float]  # 95 %, over images and seeds

    @property
    def noise(self) -> bool:
        """Whether zero lies in the interval: these runs do not show a difference."""
        return self.interval[0] <= 0.0 <= self.interval[1]


def paired_difference(changed: Wrong, base: Wrong, *, seed_deviation: float, freedom: int) -> Difference:
    """Compare runs of two recipes on the same images: bool [seeds, N], True where wrong.

    Two sources of chance are added: the images (the spread of the differences of the means over seeds),
    and the seeds: `seed_deviation`, one run's standard deviation in points with `freedom` degrees of freedom,
    best pooled over every recipe of a study (`pooled_deviation`).
    """
    from scipy.stats import t as student  # half a second, and only ablations need it

    each = changed.mean(axis=0) - base.mean(axis=0)  # [N]
    by_images = 100.0 * each.std(ddof=1) / math.sqrt(len(each))
    by_seeds = seed_deviation * math.sqrt(1.0 / len(changed) + 1.0 / len(base))
    half = float(student.ppf(0.975, freedom)) * math.hypot(by_images, by_seeds)
    points = 100.0 * float(each.mean())
    return Difference(points, (points - half, points + half))


def pooled_deviation(recipes: Sequence[Wrong]) -> tuple[float, int]:
    """One run's standard deviation in points, pooled over recipes [seeds, N]; and its degrees of freedom."""
    squares, freedom = 0.0, 0
    for wrong in recipes:
        errors = 100.0 * wrong.mean(axis=1)  # [seeds]
        squares += float(((errors - errors.mean()) ** 2).sum())
        freedom += len(errors) - 1
    if not freedom:
        raise UsageProblem("one seed tells nothing of chance between runs; take two or more")
    return math.sqrt(squares / freedom), freedom
