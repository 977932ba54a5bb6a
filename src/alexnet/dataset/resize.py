"""Fits a picture to a square: [P] §2 brings the shorter side to 256 and takes the centre.

Bicubic with antialias on bytes (resample.py); the same function serves preparing and predicting.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.resample import resample

Fit = Literal["crop", "letterbox", "stretch"]
FITS: tuple[Fit, ...] = get_args(Fit)

RESIZE_METHOD = "bicubic with antialias on uint8, Pillow's to the bit"

BAR_GREY = 128
"""The bars of a letterbox, pixels 0..255."""

LONGEST = 4
"""A strip longer than so many times its shorter side is cut before it is enlarged, to spare memory."""


def fit(image: NDArray[np.uint8], size: int, how: Fit) -> NDArray[np.uint8]:
    """Image uint8 [H, W, 3] -> [size, size, 3]; one that is right already comes back bit for bit.

    crop: the shorter side to `size`, then the centre. letterbox: the longer side to `size`, with grey bars.
    stretch: both sides to `size`.

    >>> fit(np.zeros((12, 20, 3), np.uint8), 10, "letterbox")[:, 0, 0].tolist()
    [128, 128, 0, 0, 0, 0, 0, 0, 128, 128]
    """
    if image.shape[:2] == (size, size):
        return image
    if how == "crop":
        return _crop(image, size)
    return _letterbox(image, size) if how == "letterbox" else np.ascontiguousarray(_resize(image, size, size))


def _crop(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    shorter = min(image.shape[:2])
    image = _centre(image, LONGEST * shorter, LONGEST * shorter)
    height, width = (max(size, round(side * size / shorter)) for side in image.shape[:2])
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(_centre(image, size, size))
    corner = (height - size) // 2, (width - size) // 2
    return resample(image, (height, width), corner=corner, window=(size, size))


def _centre(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The central [height, width, 3] of an image, or all of a side that is not longer."""
    top, left = max(0, (image.shape[0] - height) // 2), max(0, (image.shape[1] - width) // 2)
    return image[top : top + height, left : left + width]


def _letterbox(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    longer = max(image.shape[:2])
    height, width = (max(1, round(side * size / longer)) for side in image.shape[:2])
    box = np.full((size, size, 3), BAR_GREY, np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    box[top : top + height, left : left + width] = _resize(image, height, width)
    return box


def _resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    return image if image.shape[:2] == (height, width) else resample(image, (height, width))
