"""TrivialAugment: every image one distortion of random strength (Müller, Hutter, ICCV 2021), its wide space.

Kinds and strengths are theirs, as in torchvision's `TrivialAugmentWide`; what comes in at an edge has the
training set's mean colour, where torchvision puts black, and a shift is half of the side at most.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from alexnet.batches.draws import DISTORTIONS, uniforms

Colour = tuple[int, int, int]
Distortion = Callable[[Image.Image, float, Colour], Image.Image]
"""(image, strength −1..1, colour of what comes in) -> image of the same size."""

SHEAR, SHIFT, TURN, ENHANCE = 0.99, 32, 135.0, 0.99
STRENGTHS = 31  # from none to the most, evenly


def distort(
    views: NDArray[np.uint8], images: NDArray[np.int64], margin: NDArray[np.uint8], *, seed: int, epoch: int
) -> None:
    """Distort `views` [N, H, W, 3] in place, one draw for each of `images` (indices, [N]) an epoch."""
    draws = uniforms(seed, epoch, images, stream=DISTORTIONS, count=3)  # [N, 3]
    kinds = (draws[:, 0] * len(DISTORTIONS_OF)).astype(int)
    strengths = np.floor(draws[:, 1] * STRENGTHS) / (STRENGTHS - 1) * np.where(draws[:, 2] < 0.5, -1, 1)
    red, green, blue = (int(value) for value in margin)
    for view, kind, strength in zip(views, kinds.tolist(), strengths.tolist(), strict=True):
        view[...] = DISTORTIONS_OF[kind](Image.fromarray(view), strength, (red, green, blue))


def _affine(matrix: Callable[[float, int], tuple[float, ...]]) -> Distortion:
    def distorted(image: Image.Image, strength: float, colour: Colour) -> Image.Image:
        placed = matrix(strength, image.width)
        return image.transform(image.size, Image.Transform.AFFINE, placed, fillcolor=colour)

    return distorted


def _shift(strength: float, side: int) -> float:
    return round(strength * min(SHIFT, side / 2))


def _enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Distortion:
    return lambda image, strength, colour: kind(image).enhance(1.0 + ENHANCE * strength)


def _turned(image: Image.Image, strength: float, colour: Colour) -> Image.Image:
    return image.rotate(TURN * strength, fillcolor=colour)


def _posterized(image: Image.Image, strength: float, colour: Colour) -> Image.Image:
    return ImageOps.posterize(image, 8 - round(6 * abs(strength)))


def _solarized(image: Image.Image, strength: float, colour: Colour) -> Image.Image:
    return ImageOps.solarize(image, round(255 * (1 - abs(strength))))


DISTORTIONS_OF: tuple[Distortion, ...] = (
    lambda image, strength, colour: image,
    _affine(lambda strength, side: (1, SHEAR * strength, -SHEAR * strength * side / 2, 0, 1, 0)),
    _affine(lambda strength, side: (1, 0, 0, SHEAR * strength, 1, -SHEAR * strength * side / 2)),
    _affine(lambda strength, side: (1, 0, _shift(strength, side), 0, 1, 0)),
    _affine(lambda strength, side: (1, 0, 0, 0, 1, _shift(strength, side))),
    _turned,
    _enhanced(ImageEnhance.Brightness),
    _enhanced(ImageEnhance.Color),
    _enhanced(ImageEnhance.Contrast),
    _enhanced(ImageEnhance.Sharpness),
    _posterized,
    _solarized,
    lambda image, strength, colour: ImageOps.autocontrast(image),
    lambda image, strength, colour: ImageOps.equalize(image),
)
