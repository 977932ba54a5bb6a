"""The loader's inner loops, compiled: inner_loops.c.

Where there is no compiler, `views`, `conversion` and `order` do the same in NumPy, to the same bits.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.compiled import compiled

SOURCE = Path(__file__).with_name("inner_loops.c")
POINTER, LONG = ctypes.c_void_p, ctypes.c_long
Rows = NDArray[np.float32]


@cache
def kernels() -> ctypes.CDLL | None:
    """`mirror`, `convert` and `shuffle` of inner_loops.c; None where they cannot be had."""
    library = compiled(SOURCE)
    if library is not None:
        library.mirror.argtypes = (POINTER, LONG, POINTER, LONG, LONG)
        library.convert.argtypes = (*(POINTER,) * 2, *(LONG,) * 3, *(POINTER, LONG) * 2, POINTER)
        library.shuffle.argtypes = (POINTER, LONG, POINTER, POINTER)
        library.mirror.restype = library.convert.restype = library.shuffle.restype = None
    return library


def mirror_compiled(window: NDArray[np.uint8], view: NDArray[np.uint8]) -> bool:
    """Copy `window` [H, W, 3] mirrored to `view`; whether that could be done here."""
    library = kernels()
    if library is None or window.strides[1:] != (3, 1) or not view.flags.c_contiguous:
        return False
    library.mirror(window.ctypes.data, window.strides[0], view.ctypes.data, *view.shape[:2])
    return True


def convert_compiled(
    views: NDArray[np.uint8], out: Rows, *, mean: Rows, noise: Rows | None, divisor: Rows | None
) -> bool:
    """Views [N, H, W, 3] -> `out` as `conversion` does it; whether that could be done here.

    `mean` is [H or 1, 3 · W], `noise` [N, 3 · W] and `divisor` [1, 3 · W].
    """
    library = kernels()
    if library is None or out.shape[3] != 3 or not (views.flags.c_contiguous and out.flags.c_contiguous):
        return False
    count, height, width = out.shape[0], out.shape[1], 3 * out.shape[2]
    colour = np.zeros(width, np.float32) if noise is None else noise
    library.convert(
        *(views.ctypes.data, out.ctypes.data, count, height, width),
        *(mean.ctypes.data, width if len(mean) > 1 else 0),
        *(colour.ctypes.data, 0 if noise is None else width),
        None if divisor is None else divisor.ctypes.data,
    )
    return True


def shuffle_compiled(order: NDArray[np.integer], generator: np.random.Generator) -> bool:
    """Shuffle `order` [N] in place as `generator.shuffle` does; whether that could be done here."""
    library = kernels()
    if library is None or order.dtype != np.int32 or not order.flags.c_contiguous:
        return False
    bits = generator.bit_generator.ctypes  # NumPy's way to draw from C
    library.shuffle(order.ctypes.data, len(order), ctypes.cast(bits.next_uint32, POINTER), bits.state_address)
    return True
