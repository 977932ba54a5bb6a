"""A picture as 8 x 8 pixels, each the mean of what it covers: the sums compiled, rendering.c.

Where there is no compiler NumPy adds them up, to the same integers. A pixel of the picture belongs to the
one field that holds its centre, as in Pillow's box filter, which rounds twice.
"""

import ctypes
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.compiled import compiled

__all__ = ["SIDE", "rendering"]

SIDE = 8
"""Of a rendering: a picture as [8, 8, 3]."""

SOURCE = Path(__file__).with_name("rendering.c")
PIXEL = 3  # bytes

Integers = NDArray[np.int64]


def rendering(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3] as [8, 8, 3]: the mean of what each field covers.

    >>> rendering(np.repeat(np.arange(16, dtype=np.uint8), 48).reshape(16, 16, 3))[:3, 0, 0]
    array([1, 3, 5], dtype=uint8)
    """
    down, across = spans(pixels.shape[0]), spans(pixels.shape[1])
    counts = np.multiply.outer(down[1] - down[0], across[1] - across[0])[..., None]
    means: Integers = (2 * field_sums(pixels, down, across) + counts) // (2 * counts)
    return means.astype(np.uint8)


@lru_cache(maxsize=1024)
def spans(side: int) -> Integers:
    """The first pixel of each field along a side, and the one past its last: [2, 8].

    >>> spans(20).tolist(), spans(4).tolist()[0]
    ([[0, 3, 5, 8, 10, 13, 15, 18], [3, 5, 8, 10, 13, 15, 18, 20]], [0, 0, 1, 1, 2, 2, 3, 3])
    """
    if side < SIDE:  # fields share pixels
        nearest = ((2 * np.arange(SIDE) + 1) * side) // (2 * SIDE)
        return np.stack([nearest, nearest + 1])
    edges = (2 * np.arange(SIDE + 1) * side + SIDE) // (2 * SIDE)
    return np.stack([edges[:-1], edges[1:]])


def field_sums(pixels: NDArray[np.uint8], down: Integers, across: Integers) -> Integers:
    """Of [H, W, 3] the sums over the fields that spans of rows and columns make: [8, 8, 3]."""
    library = kernels()
    if library is None or pixels.strides[1:] != (PIXEL, 1):
        bands = [pixels[first:end].sum(axis=0, dtype=np.int64) for first, end in down.T]
        fields = [[band[first:end].sum(axis=0) for first, end in across.T] for band in bands]
        return np.array(fields)
    sums = np.zeros((SIDE, SIDE, PIXEL), np.int64)
    columns = np.empty(PIXEL * pixels.shape[1], np.uint32)
    library.field_sums(
        *(pixels.ctypes.data, pixels.strides[0], pixels.shape[1], down.ctypes.data, across.ctypes.data),
        *(SIDE, columns.ctypes.data, sums.ctypes.data),
    )
    return sums


@cache
def kernels() -> ctypes.CDLL | None:
    """`field_sums` of rendering.c; None where it cannot be had."""
    library = compiled(SOURCE)
    if library is not None:
        pointer, long = ctypes.c_void_p, ctypes.c_long
        library.field_sums.argtypes = (pointer, long, long, pointer, pointer, long, pointer, pointer)
        library.field_sums.restype = None
    return library
