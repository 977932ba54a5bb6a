"""Search by binary codes: Hamming distances by faiss (MIT), which counts bits at the processor's speed."""

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from alexnet.probing.codes import CODES
from alexnet.probing.search import I64, Neighbours
from alexnet.problem import UsageProblem


def nearest_codes(codes: CODES, queries: CODES, k: int) -> Neighbours:
    """The `k` codes [N, bytes] that differ from each query [B, bytes] in the fewest bits, ties by number."""
    faiss = _faiss()
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])
    index.add(codes)
    bits, numbers = index.search(np.ascontiguousarray(queries), min(k, len(codes)))
    return Neighbours(np.asarray(numbers, dtype=np.int64), np.asarray(bits, dtype=np.float64))


def recall(found: I64, exact: I64) -> NDArray[np.float64]:
    """The share of each query's true neighbours [B, k] that are among those found [B, k]: [B], per cent.

    >>> recall(np.array([[3, 1], [0, 2]]), np.array([[1, 3], [2, 4]])).tolist()
    [100.0, 50.0]
    """
    hits = [len(np.intersect1d(*both)) for both in zip(found, exact, strict=True)]
    return np.asarray(100.0 * np.array(hits) / exact.shape[1])


def _faiss() -> ModuleType:
    try:
        import faiss
    except ImportError:
        raise UsageProblem(
            "searching by codes needs faiss: pip install 'alexnet[search]' (the exact search does without)"
        ) from None
    return faiss
