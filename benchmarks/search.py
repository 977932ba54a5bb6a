"""Exact search, 50,000 rows of 4096 float32, beside faiss's flat index, which compares with every row too.

Both answer from memory with the six nearest by Euclidean distance; faiss measures in float32, ours in
float64. Each is used as its user would: rows are added once, before the clock runs (that is where ours rounds
them to eight bits), and both may use all threads. Rows are of two kinds: what a ReLU makes of mixtures of 64
factors, as features are, and independent normal values, among which nothing is much nearer than the rest: the
worst case for a search that excludes.
"""

from collections.abc import Iterator
from statistics import median

import faiss
import numpy as np
import torch

from alexnet.probing.coarse import coarse_of
from alexnet.probing.features import FEATURES
from alexnet.probing.search import nearest
from benchmarks.table import Row, compared
from benchmarks.timing import interleaved

ROWS, WIDTH, QUERIES, K = 50_000, 4096, 100, 6
ROUNDS = 7
PEER = "faiss IndexFlatL2"


def rows() -> Iterator[Row]:
    """Batches of 100 queries and of one, over both kinds of rows."""
    faiss.omp_set_num_threads(torch.get_num_threads())
    yield from search("features of 64 factors", factors())
    yield from search("normal values", normal())


def factors() -> FEATURES:
    """Rows and queries as behind a ReLU."""
    draw = np.random.default_rng(0)
    mixing = draw.standard_normal((64, WIDTH), dtype=np.float32)
    made = draw.standard_normal((ROWS + QUERIES, 64), dtype=np.float32) @ mixing
    return np.maximum(made, 0, out=made)


def normal() -> FEATURES:
    """Rows and queries without any order."""
    return np.random.default_rng(0).standard_normal((ROWS + QUERIES, WIDTH), dtype=np.float32)


def search(what: str, made: FEATURES) -> Iterator[Row]:
    """Time both on the same rows, after they have found the same."""
    features, queries = made[:ROWS], made[ROWS:]
    coarse, index = coarse_of(features), faiss.IndexFlatL2(WIDTH)
    index.add(features)
    ours = nearest(features, queries, K, coarse).numbers
    assert (ours == index.search(queries, K)[1]).mean() > 0.99, "float32 may swap the nearly equal, not more"
    for batch in (QUERIES, 1):
        asked = queries[:batch]
        times = interleaved(
            {
                "ours": lambda asked=asked: nearest(features, asked, K, coarse),
                "peer": lambda asked=asked: index.search(asked, K),
            },
            ROUNDS if batch > 1 else 5 * ROUNDS,
        )
        rate = f"{batch / median(times['ours']):.0f}"
        name = f"exact search, {ROWS:,} x {WIDTH}, {what}, batches of {batch}"
        yield compared(name, PEER, times, rate, "queries/s")
