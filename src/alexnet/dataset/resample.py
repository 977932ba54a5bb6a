"""Pillow's bicubic with antialias of no more of a picture than is asked for; compiled: resample.c.

Where there is no compiler Pillow itself does it, of the whole picture, to the same bits: the columns, then
the rows, with weights of 22 bits, and sums rounded to bytes both times. Source: Pillow,
libImaging/Resample.c, which begins with the rows where that leaves much less to do: never where both sides
shrink alike.
"""

import ctypes
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alexnet.compiled import compiled

SOURCE = Path(__file__).with_name("resample.c")
POINTER, LONG = ctypes.c_void_p, ctypes.c_long
SUPPORT = 2.0  # pixels of the result that the bicubic kernel reaches to either side
PRECISION = 22  # bits of a weight
PIXEL = 3  # bytes
LANES = 16  # rows that are filtered across at a time
BLOCK = 64  # bytes that are filtered down at a time

Pixels = NDArray[np.uint8]
Shape = tuple[int, int]


def resample(image: Pixels, shape: Shape, *, corner: Shape = (0, 0), window: Shape | None = None) -> Pixels:
    """Image [H, W, 3] brought to `shape`, of that the `window` (rows, columns) whose first pixel is `corner`.

    >>> resample(np.full((9, 7, 3), 200, np.uint8), (4, 5), corner=(1, 1), window=(2, 3)).tolist()[0]
    [[200, 200, 200], [200, 200, 200], [200, 200, 200]]
    """
    rows, columns = window or shape
    library = kernels()
    if library is None:
        whole = by_pillow(image, shape)[corner[0] :, corner[1] :]
        return np.ascontiguousarray(whole[:rows, :columns])
    image = image if image.strides[1:] == (PIXEL, 1) else np.ascontiguousarray(image)
    down = filters(image.shape[0], shape[0], corner[0], rows)
    across = filters(image.shape[1], shape[1], corner[1], columns)
    lines = _whole(int(down[:, 1].max()) + LANES - 1, LANES)
    step = _whole(PIXEL * columns, BLOCK)
    upright = PIXEL * (image.shape[1] + columns) + 3 * LANES
    scratch = np.empty(lines * step + LANES * upright, np.uint8)
    out = np.empty((rows, columns, PIXEL), np.uint8)
    library.resample(
        *(image.ctypes.data, image.strides[0], image.shape[0], out.ctypes.data, rows, columns),
        *(down.ctypes.data, down.shape[1], across.ctypes.data, across.shape[1]),
        *(scratch.ctypes.data, lines, step),
    )
    return out


def by_pillow(image: Pixels, shape: Shape) -> Pixels:
    """The same by Pillow, all of it."""
    columns = Image.fromarray(image).resize((shape[1], image.shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(columns.resize(shape[::-1], Image.Resampling.BICUBIC))


@cache
def kernels() -> ctypes.CDLL | None:
    """`resample` of resample.c; None where it cannot be had."""
    library = compiled(SOURCE)
    if library is not None:
        pair = (POINTER, LONG)
        library.resample.argtypes = (*pair, LONG, *pair, LONG, *pair, *pair, *pair, LONG)
        library.resample.restype = None
    return library


@lru_cache(maxsize=1024)  # photographs have few lengths, and a filter takes some ten kilobytes
def filters(side: int, length: int, first: int, count: int) -> NDArray[np.int32]:
    """What pixels `first` … of `side` pixels brought to `length` are sums of: [count, 2 + most taps].

    Of each the first pixel that it weighs, how many, and their weights. Sums and roundings go as in Pillow.

    >>> filters(4, 4, 1, 1)[0, :2].tolist(), int(filters(4, 4, 1, 1)[0, 2:].max()) == 1 << PRECISION
    ([0, 4], True)
    """
    scale = side / length
    widened = max(scale, 1.0)
    centres = (np.arange(first, first + count) + 0.5) * scale
    starts = np.maximum((centres - SUPPORT * widened + 0.5).astype(np.int64), 0)
    counts = np.minimum((centres + SUPPORT * widened + 0.5).astype(np.int64), side) - starts
    taps = np.arange(counts.max())
    places = (taps + starts[:, None] - centres[:, None] + 0.5) * (1.0 / widened)
    weights = np.where(taps < counts[:, None], _bicubic(np.abs(places)), 0.0)
    weights /= weights.cumsum(axis=1)[:, -1:]  # not `sum`, which adds in another order
    fixed = (np.where(weights < 0, -0.5, 0.5) + weights * (1 << PRECISION)).astype(np.int32)
    return np.ascontiguousarray(np.hstack([starts[:, None], counts[:, None], fixed]), np.int32)


def _bicubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel with a = −0.5, of distances."""
    near, far = (1.5 * x - 2.5) * x * x + 1, (((x - 5) * x + 8) * x - 4) * -0.5
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _whole(count: int, of: int) -> int:
    return -(-count // of) * of
