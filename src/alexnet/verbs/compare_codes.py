"""`alexnet codes --compare`: how many true neighbours each kind of code finds, its size and its speed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from alexnet.evaluation.statistics import mean_interval
from alexnet.probing.autoencoder import STEPS, learned
from alexnet.probing.codes import (
    CODES,
    Coder,
    principal_axes,
    random_projections,
    raw_signs,
    require_bits,
    turned_axes,
)
from alexnet.probing.features import FEATURES, HIDDEN
from alexnet.probing.hamming import nearest_codes, recall
from alexnet.probing.search import I64
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.verbs.index import open_index
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.probe.chosen import spread

NEIGHBOURS = 100
QUERIES = 500
WAYS: dict[str, Callable[..., Coder]] = {
    "learned": learned,
    "turned axes (ITQ)": turned_axes,
    "principal axes": principal_axes,
    "random projections": random_projections,
}


@dataclass(frozen=True)
class Compared:
    """One kind of code: recall in per cent with its 95 % interval over queries, bytes, queries a second."""

    way: str
    bits: int
    seed: int | None
    recall: float | None  # None: there are fewer axes than bits
    recall_interval: tuple[float, float] | None
    bytes_a_picture: int
    queries_a_second: float | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def compare_codes(
    run: str | Path | Run,
    *,
    bits: Sequence[int] = (128,),
    seeds: int = 3,
    from_: str = "val",
    layer: str = HIDDEN,
    split: str = "train",
    steps: int = STEPS,
    data: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> list[Compared]:
    """Recall at 100 of each kind of code against exact neighbours, for 500 pictures of the split `from_`."""
    for length in bits:
        require_bits(length)
    index = open_index(asked_of(run, data=data, device=device, progress=progress), layer=layer, split=split)
    looked = index.asked.packed.split(from_)
    queries = index.queries(looked.pixels(spread(len(looked), QUERIES)))
    began = time.perf_counter()
    exact = index.nearest(queries, min(NEIGHBOURS, len(index.features)))
    rate = len(queries) / (time.perf_counter() - began)
    width = index.features.shape[1]
    trial = Trial(index.features, queries, exact.numbers)
    rows = [Compared("exact", 32 * width, None, 100.0, (100.0, 100.0), 4 * width, round(rate, 1))]
    rows.append(trial.row("raw signs", width, None, raw_signs))
    ways = WAYS | {"learned": partial(learned, steps=steps, progress=progress)}
    return rows + [trial.tried(*each, ways) for each in combinations(bits, seeds)]


def combinations(bits: Sequence[int], seeds: int) -> Iterator[tuple[str, int, int]]:
    """Every way, length and seed; principal axes are the same with every seed."""
    for length, way in product(bits, WAYS):
        for seed in range(1 if way == "principal axes" else seeds):
            yield way, length, seed


@dataclass(frozen=True)
class Trial:
    """What every code is tried on: rows [N, F], queries [B, F], and their true neighbours [B, k]."""

    features: FEATURES
    queries: FEATURES
    exact: I64

    def tried(self, way: str, bits: int, seed: int, ways: Mapping[str, Callable[..., Coder]]) -> Compared:
        """Make a coder and measure it."""
        try:
            return self.row(way, bits, seed, ways[way](self.features, bits, seed=seed))
        except UsageProblem:  # fewer axes than bits
            return Compared(way, bits, seed, None, None, bits // 8, None)

    def row(self, way: str, bits: int, seed: int | None, code: Callable[[FEATURES], CODES]) -> Compared:
        """Recall and speed of one code; the speed is that of the search alone."""
        codes, asked = code(self.features), code(self.queries)
        began = time.perf_counter()
        found = nearest_codes(codes, asked, self.exact.shape[1])
        rate = len(asked) / (time.perf_counter() - began)
        mean, (low, high) = mean_interval(recall(found.numbers, self.exact))
        interval = (round(low, 2), round(high, 2))
        return Compared(way, bits, seed, round(mean, 2), interval, codes.shape[1], round(rate, 1))
