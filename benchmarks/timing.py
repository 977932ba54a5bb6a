"""Time alternatives in turn, so that a noisy machine disturbs all alike."""

import time
from collections.abc import Callable
from statistics import median, quantiles


def interleaved(alternatives: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each alternative in each round, after one round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for number in range(rounds + 1):
        for name, work in alternatives.items():
            began = time.perf_counter()
            work()
            if number:
                times[name].append(time.perf_counter() - began)
    return times


def ratio(peer: list[float], ours: list[float]) -> tuple[float, float, float]:
    """Median of the rounds' ratios peer / ours, and their quartiles: above one where ours is faster."""
    each = [slow / fast for slow, fast in zip(peer, ours, strict=True)]
    low, _, high = quantiles(each, n=4)
    return median(each), low, high
