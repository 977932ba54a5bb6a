"""Two networks on the same pictures: is the one better, or is the difference noise?

The pictures that both get right or both get wrong tell nothing; what counts are those that only one gets
wrong (McNemar 1947). The mid-p test is as Fagerland, Lydersen, Laake, "The McNemar test for binary
matched-pairs data: mid-p and asymptotic are better than exact conditional" (2013) recommend.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.statistics import Z95, Difference, Wrong
from alexnet.problem import Problem

FEW = 25  # pictures that only one gets wrong: below it the exact test
LEVEL = 0.05
BYTES = 64 * 2**20  # of a bootstrap's counts at a time


@dataclass(frozen=True)
class McNemar:
    """How probable so uneven a split is if both err equally often; `test` is "exact" or "mid-p"."""

    only_first: int  # pictures that only the first gets wrong
    only_second: int
    p: float
    test: str


@dataclass(frozen=True)
class Pair:
    """The second run against the first; the difference is in points of error, positive where it is worse."""

    first: str
    second: str
    difference: Difference
    mcnemar: McNemar
    adjusted_p: float  # Holm's, over all pairs that were compared

    @property
    def noise(self) -> bool:
        """Whether chance explains the difference, among so many comparisons."""
        return self.adjusted_p >= LEVEL

    @property
    def reading(self) -> str:
        """The difference in words, as far as these pictures carry it."""
        if self.noise:
            return "this difference is noise"
        better = self.first if self.difference.points > 0 else self.second
        return f"{better} is better"


def mcnemar(first: Wrong, second: Wrong) -> McNemar:
    """Test two runs' errors bool [N] on the same pictures.

    Where only one errs on fewer than 25 pictures the test is exact, two-sided over the binomial; else it is
    mid-p, which counts the split that was seen by half and is less timid.

    >>> mcnemar(np.arange(12) < 10, np.arange(12) < 2)
    McNemar(only_first=8, only_second=0, p=0.0078125, test='exact')
    """
    from scipy.stats import binom

    only_first, only_second = _only_one(first, second)
    fewer, either = min(only_first, only_second), only_first + only_second
    if only_first == only_second:
        p = 1.0 if either < FEW else 1.0 - 0.5 * float(binom.pmf(fewer, either, 0.5))
    elif either < FEW:
        p = min(1.0, 2.0 * float(binom.cdf(fewer, either, 0.5)))
    else:
        p = 2.0 * float(binom.cdf(fewer, either, 0.5)) - float(binom.pmf(fewer, either, 0.5))
    return McNemar(only_first, only_second, p, "exact" if either < FEW else "mid-p")


def paired_interval(first: Wrong, second: Wrong) -> Difference:
    """How much more often the second errs, in points, with a closed 95 % interval.

    Agresti, Min, "Simple improved confidence intervals for comparing matched proportions" (2005): half a
    picture is added to each of the four cases, which makes the normal distribution hold for few, too.
    """
    only_first, only_second = _only_one(first, second)
    images = len(first)
    points = 100.0 * (only_second - only_first) / images
    more, centre = images + 2.0, (only_second - only_first) / (images + 2.0)
    half = Z95 * math.sqrt(max(only_first + only_second + 1.0 - more * centre * centre, 0.0)) / more
    return Difference(points, (100.0 * max(centre - half, -1.0), 100.0 * min(centre + half, 1.0)))


def bootstrapped(
    first: NDArray[np.float64] | Wrong,
    second: NDArray[np.float64] | Wrong,
    *,
    rounds: int = 2000,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """Mean of second − first [N] and its 95 % interval, by drawing the pictures anew in pairs.

    For errors, losses or squared distances; figures that are no mean over pictures need their own drawing.
    """
    values, counts = np.unique(
        np.asarray(second, np.float64) - np.asarray(first, np.float64), return_counts=True
    )
    images = int(counts.sum())
    generator = np.random.default_rng(seed)
    at_a_time = max(1, BYTES // (8 * len(values)))
    means = [
        generator.multinomial(images, counts / images, size=min(at_a_time, rounds - done)) @ values / images
        for done in range(0, rounds, at_a_time)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(counts @ values / images), (float(low), float(high))


def holm(values: Sequence[float]) -> list[float]:
    """Each p value of several, so raised that one below 0.05 is false in 5 of 100 such families (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda one: values[one])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def all_pairs(wrong: Mapping[str, Wrong]) -> list[Pair]:
    """Every two of several runs, errors bool [N] by name, with Holm's correction over all pairs."""
    pairs = list(itertools.combinations(wrong, 2))
    tests = [mcnemar(wrong[one], wrong[other]) for one, other in pairs]
    raised = holm([test.p for test in tests])
    return [
        Pair(one, other, paired_interval(wrong[one], wrong[other]), test, p)
        for (one, other), test, p in zip(pairs, tests, raised, strict=True)
    ]


def _only_one(first: Wrong, second: Wrong) -> tuple[int, int]:
    if len(first) != len(second):
        raise Problem(
            f"{len(first)} and {len(second)} pictures cannot be paired; evaluate both on the same data"
        )
    return int((first & ~second).sum()), int((second & ~first).sum())
