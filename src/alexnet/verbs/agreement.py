"""How often neighbours are of the same class: by features, and by pixels for contrast."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.statistics import mean_interval
from alexnet.probing.features import HIDDEN
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.verbs.index import Index, open_index
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.probe.chosen import spread
from alexnet.verbs.scores import labels_for
from alexnet.verbs.similar import pixel_neighbours

QUERIES = 1000
SHARE = 250  # queries at a time


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


def agreement(
    run: str | Path | Run,
    *,
    k: Sequence[int] = (1, 6, 20),
    from_: str = "val",
    queries: int = QUERIES,
    layer: str = HIDDEN,
    split: str = "train",
    data: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> list[Agreement]:
    """Compare for at most `queries` pictures, evenly over the split `from_`, with the pictures of `split`."""
    index = open_index(asked_of(run, data=data, device=device, progress=progress), layer=layer, split=split)
    numbers = spread(len(index.asked.packed.split(from_)), queries)
    parts = []
    with progress(f"neighbours of {from_}", len(numbers)) as advance:
        for start in range(0, len(numbers), SHARE):
            share = numbers[start : start + SHARE]
            parts.append(_same_class(index, from_, share, max(k)))
            advance(len(share))
    by_features, by_pixels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return [_counted(by_features, by_pixels, each) for each in k]


def _same_class(index: Index, from_: str, numbers: NDArray[np.int64], k: int) -> list[NDArray[np.bool_]]:
    """Whether each of the k nearest is of the query's class, [B, k]: by features, by pixels."""
    asked = index.asked
    looked, split = asked.packed.split(from_), asked.packed.split(index.split)
    pixels = looked.pixels(numbers)
    truth = labels_for(asked.run, asked.packed, looked)[numbers]
    labels = labels_for(asked.run, asked.packed, split)
    found = index.nearest(index.queries(pixels), k), pixel_neighbours(index, pixels, k)
    return [labels[each.numbers] == truth[:, None] for each in found]


def _counted(by_features: NDArray[np.bool_], by_pixels: NDArray[np.bool_], k: int) -> Agreement:
    shares = [100.0 * same[:, :k].mean(axis=1) for same in (by_features, by_pixels)]  # [Q]
    told = [mean_interval(each) for each in (*shares, shares[0] - shares[1])]
    values = [value for mean, interval in told for value in (mean, interval)]
    return Agreement(k, len(by_features), *values)  # type: ignore[arg-type]
