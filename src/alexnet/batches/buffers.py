"""Memory of batches, used again as soon as nothing refers to the batch that lay in it.

Fresh memory costs a page fault for every 4096 bytes, which takes longer than the work on their pixels.
"""

import weakref
from typing import Any

import torch
from numpy.typing import NDArray

KEPT = 3  # one that the network reads, one that is ready, one in the making


class Buffers:
    """Arrays [up to `most`, *shape] that no one else refers to; their contents are not set.

    One is free again when the array that was taken, and every tensor over it, have gone; views of a tensor
    count. Slices that NumPy makes do not: who writes through one must hold the array itself.
    """

    def __init__(self, most: int, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        self.shape, self.dtype = (most, *shape), dtype
        self.free: list[NDArray[Any]] = []

    def take(self, count: int) -> NDArray[Any]:
        """Return an array [count, *shape]."""
        # torch's memory begins where the processor's widest loads like it, NumPy's need not
        whole = self.free.pop() if self.free else torch.empty(self.shape, dtype=self.dtype).numpy()
        lent = whole[:count]
        weakref.finalize(lent, self._give_back, whole).atexit = False
        return lent

    def _give_back(self, whole: NDArray[Any]) -> None:
        if len(self.free) < KEPT:
            self.free.append(whole)
