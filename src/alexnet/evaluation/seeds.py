"""Several trainings of one recipe: what chance between seeds does, beside the chance of the test pictures.

Whoever compares two single trainings compares two draws of either. More seeds make the first smaller, more
pictures the second (Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", 2021).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from alexnet.evaluation.statistics import Difference, Wrong, paired_difference, pooled_deviation
from alexnet.problem import UsageProblem


@dataclass(frozen=True)
class Spread:
    """Errors of one recipe's runs in per cent, on the same pictures; deviations in points."""

    mean: float
    interval: tuple[float, float]  # 95 % of the mean, over seeds
    seed_deviation: float  # of one run's error, from seed to seed
    picture_deviation: float  # of one run's error, had other pictures been drawn
    seeds: int

    @property
    def reading(self) -> str:
        """Which chance is the larger one, in words."""
        if self.seed_deviation > self.picture_deviation:
            return "seeds differ by more than the pictures' noise: compare means over seeds"
        return "seeds differ by less than the pictures' noise: more pictures would tell more than more seeds"


@dataclass(frozen=True)
class Between:
    """The second recipe against the first: points of error, positive where it is worse."""

    first: str
    second: str
    difference: Difference  # over pictures and seeds

    @property
    def reading(self) -> str:
        """The difference in words, as far as these runs carry it."""
        if self.difference.noise:
            return "this difference is noise"
        return f"{self.first if self.difference.points > 0 else self.second} is better"


def spread(wrong: Wrong) -> Spread:
    """Of runs with different seeds, errors bool [seeds, N] on the same pictures.

    >>> import numpy as np
    >>> found = spread(np.arange(100) < np.array([[10], [12], [14]]))
    >>> found.mean, round(found.seed_deviation, 6), [round(bound, 2) for bound in found.interval]
    (12.0, 2.0, [7.03, 16.97])
    """
    from scipy.stats import t as student  # half a second, which few need

    seeds, images = wrong.shape
    if seeds < 2:
        raise UsageProblem("one seed tells nothing of chance between runs; take two or more")
    errors = 100.0 * wrong.mean(axis=1)  # [seeds]
    mean, deviation = float(errors.mean()), float(errors.std(ddof=1))
    half = float(student.ppf(0.975, seeds - 1)) * deviation / math.sqrt(seeds)
    rate = mean / 100.0
    by_pictures = 100.0 * math.sqrt(rate * (1.0 - rate) / images)
    return Spread(mean, (max(mean - half, 0.0), min(mean + half, 100.0)), deviation, by_pictures, seeds)


def between(recipes: Mapping[str, Wrong]) -> list[Between]:
    """Every two of several recipes, errors bool [seeds, N] by name; chance of seeds is pooled over all."""
    if len(recipes) < 2:
        return []
    deviation, freedom = pooled_deviation(list(recipes.values()))
    return [
        Between(
            one,
            other,
            paired_difference(recipes[other], recipes[one], seed_deviation=deviation, freedom=freedom),
        )
        for one, other in combinations(recipes, 2)
    ]
