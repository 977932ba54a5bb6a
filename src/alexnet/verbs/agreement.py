"""How often neighbours are of the same class: by features, and by pixels for contrast."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.probing.agreement import Agreement, agreement_at
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
    return [agreement_at(each, by_features, by_pixels) for each in k]


def _same_class(index: Index, from_: str, numbers: NDArray[np.int64], k: int) -> list[NDArray[np.bool_]]:
    """Whether each of the k nearest is of the query's class, [B, k]: by features, by pixels."""
    asked = index.asked
    looked, split = asked.packed.split(from_), asked.packed.split(index.split)
    pixels = looked.pixels(numbers)
    truth = labels_for(asked.run, asked.packed, looked)[numbers]
    labels = labels_for(asked.run, asked.packed, split)
    found = index.nearest(index.queries(pixels), k), pixel_neighbours(index, pixels, k)
    return [labels[each.numbers] == truth[:, None] for each in found]
