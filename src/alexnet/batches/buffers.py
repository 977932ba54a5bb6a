"""Memory of batches, used again as soon as nothing refers to the batch that lay in it.

Fresh memory costs a page fault for every 4096 bytes, which takes longer than the work on their pixels.
"""

import math
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNED = 64  # bytes: where the processor's widest loads like memory to begin
KEPT = 3  # one that the network reads, one that is ready, one in the making


class Buffers:
    """Arrays [up to `most`, *shape] that no one else refers to; their contents are not set.

    One is free again when the array that was taken, and every tensor over it, have gone; views of a tensor
    count. Slices that NumPy makes do not: who writes through one must hold the array itself.
    """

    def __init__(self, most: int, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape, self.dtype = (most, *shape), np.dtype(dtype)
        self.free: list[NDArray[Any]] = []

    def take(self, count: int) -> NDArray[Any]:
        """Return an array [count, *shape]."""
        whole = self.free.pop() if self.free else self._fresh()
        lent = whole[:count]
        weakref.finalize(lent, self._give_back, whole).atexit = False
        return lent

    def _fresh(self) -> NDArray[Any]:
        size = math.prod(self.shape) * self.dtype.itemsize
        room = np.empty(size + ALIGNED, np.uint8)
        start = -room.ctypes.data % ALIGNED
        return room[start : start + size].view(self.dtype).reshape(self.shape)

    def _give_back(self, whole: NDArray[Any]) -> None:
        if len(self.free) < KEPT:
            self.free.append(whole)
