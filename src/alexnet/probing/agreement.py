"""How often neighbours are of the same class: by features, and by pixels for contrast."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.statistics import mean_interval

BOOLS = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """Of the `k` nearest pictures the share that is of the query's class, per cent with 95 % intervals."""

    k: int
    queries: int
    features: float
    features_interval: tuple[float, float]
    pixels: float
    pixels_interval: tuple[float, float]
    difference: float  # features − pixels, in points, paired over the queries
    difference_interval: tuple[float, float]

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def agreement_at(k: int, by_features: BOOLS, by_pixels: BOOLS) -> Agreement:
    """Count it: whether each neighbour is of the query's class, nearest first, bool [Q, K], K at least `k`.

    >>> same, other = np.array([[True, False], [True, True]]), np.array([[False, False], [True, False]])
    >>> found = agreement_at(2, same, other)
    >>> found.features, found.pixels, found.difference
    (75.0, 25.0, 50.0)
    """
    shares = [100.0 * same[:, :k].mean(axis=1) for same in (by_features, by_pixels)]  # [Q]
    told = [mean_interval(each) for each in (*shares, shares[0] - shares[1])]
    values = [value for mean, interval in told for value in (mean, interval)]
    return Agreement(k, len(by_features), *values)  # type: ignore[arg-type]
