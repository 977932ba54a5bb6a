"""An image added to sums and products of a split in one pass, compiled: sums.c.

Where there is no compiler NumPy does it, to the same integers.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.compiled import compiled

SOURCE = Path(__file__).with_name("sums.c")


@cache
def kernels() -> ctypes.CDLL | None:
    """`add_image` of sums.c; None where it cannot be had."""
    library = compiled(SOURCE)
    if library is not None:
        pointer = ctypes.c_void_p
        library.add_image.argtypes = (pointer, ctypes.c_long, pointer, pointer)
        library.add_image.restype = None
    return library


def add_image(image: NDArray[np.uint8], sums: NDArray[np.uint16], products: NDArray[np.int64]) -> None:
    """Add an image [H, W, 3] to `sums` of its shape, and its red times red, red times green … to [3, 3].

    >>> sums, products = np.zeros((1, 2, 3), np.uint16), np.zeros((3, 3), np.int64)
    >>> add_image(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), sums, products)
    >>> products.tolist()
    [[17, 22, 27], [22, 29, 36], [27, 36, 45]]
    """
    library = kernels()
    if library is None or not image.flags.c_contiguous:
        sums += image
        pixels = image.reshape(-1, 3).astype(np.float64)  # exact: 4096² products stay far below 2^53
        products += (pixels.T @ pixels).astype(np.int64)
        return
    library.add_image(image.ctypes.data, image.size // 3, sums.ctypes.data, products.ctypes.data)
