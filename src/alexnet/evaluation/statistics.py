"""How far a measured error can be trusted."""

import math

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
    return 100.0 * max(centre - half, 0.0), 100.0 * min(centre + half, 1.0)
