"""A rate to start from: the loss while the rate rises from far too low to far too high.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2015), §3.3: the range test.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SMOOTHED = 0.9  # of the running mean of losses
LAG = 5  # steps by which the running mean is behind
RISEN = 1.5  # times its least (above 0): there the loss has left
BELOW = 3.0  # the rate at the least loss, divided by so much, is a highest rate that still holds


@dataclass(frozen=True)
class RangeTest:
    """Rates that were tried and the loss at each, smoothed; `suggested` is a highest rate for a schedule."""

    rates: list[float]
    losses: list[float]  # nats
    suggested: float | None  # None: the loss never fell


def rising(lowest: float, highest: float, steps: int) -> list[float]:
    """Rates from `lowest` to `highest`, each by the same factor above the last.

    >>> [round(rate, 6) for rate in rising(0.001, 10, 5)]
    [0.001, 0.01, 0.1, 1.0, 10.0]
    """
    factor = (highest / lowest) ** (1 / max(steps - 1, 1))
    return [lowest * factor**step for step in range(steps)]


def smoothed(losses: Sequence[float]) -> Iterator[float]:
    """The running mean of losses, from the first on without a bias to zero.

    >>> list(smoothed([2.0, 2.0]))
    [2.0, 2.0]
    """
    mean = 0.0
    for count, loss in enumerate(losses, 1):
        mean = SMOOTHED * mean + (1 - SMOOTHED) * loss
        yield mean / (1 - SMOOTHED**count)


def has_left(losses: Sequence[float]) -> bool:
    """Whether the loss has risen for good: no higher rate needs to be tried.

    >>> has_left([2.3, 2.0, 2.1]), has_left([2.3, 2.0, 9.0]), has_left([2.3, math.nan])
    (False, True, True)
    """
    return not math.isfinite(losses[-1]) or losses[-1] > RISEN * min(losses)


def range_test(rates: Sequence[float], losses: Sequence[float]) -> RangeTest:
    """What the raw `losses` at rising `rates` say."""
    finite = [(rate, loss) for rate, loss in zip(rates, losses, strict=True) if math.isfinite(loss)]
    tried, curve = [rate for rate, _ in finite], list(smoothed([loss for _, loss in finite]))
    if not curve or min(curve) > 0.98 * curve[0]:
        return RangeTest(tried, curve, None)
    return RangeTest(tried, curve, tried[max(curve.index(min(curve)) - LAG, 0)] / BELOW)
