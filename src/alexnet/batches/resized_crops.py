"""Crops of random size brought to one: random area and shape, or a random scale of the whole image.

[S] Szegedy et al., "Going Deeper with Convolutions" (2014), §6: area and shape. [V] Simonyan, Zisserman
(2014), §3.1, and [R] He et al. (2015), §3.4: scale. Packed images are squares, with --fit crop the middle of
their pictures: what lay outside is never seen, where [S], [V] and [R] cut from the whole picture.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.draws import RESIZED_CROPS, uniforms
from alexnet.batches.views import Images, crop_of, draw_keys, flips_of, place
from alexnet.recipe import Recipe

TRIES = 10  # windows drawn for an image until one lies inside, as in torchvision


class ResizedWindows(NamedTuple):
    """The views of a batch: corners and sides int64 [N], in pixels of the packed image; mirrored bool [N]."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]
    flips: NDArray[np.bool_]

    def at(self, share: slice) -> "ResizedWindows":
        """Those of a share of the batch."""
        sides = self.heights[share], self.widths[share]
        return ResizedWindows(self.rows[share], self.columns[share], *sides, self.flips[share])


def resized_windows(
    recipe: Recipe, size: int, *, epoch: int, images: NDArray[np.int64], positions: NDArray[np.int64]
) -> ResizedWindows:
    """Windows of the recipe's `area` or `scales` for `images` (indices, [N]).

    They stand at `positions` of the epoch's order. Every place inside the image is as likely.
    """
    keys = draw_keys(recipe, images, positions)
    draws = uniforms(recipe.seed, epoch, keys, stream=RESIZED_CROPS, count=3 + 2 * TRIES)
    if recipe.scales:
        heights = widths = sides_of_scale(recipe.scales, crop_of(recipe, size), size, draws[:, 3])
    else:
        heights, widths = sides_of_area(recipe.area or (1.0, 1.0), recipe.ratio, size, draws[:, 3:])
    rows = (draws[:, 0] * (size - heights + 1)).astype(np.int64)
    columns = (draws[:, 1] * (size - widths + 1)).astype(np.int64)
    return ResizedWindows(
        rows, columns, heights, widths, flips_of(recipe, draws[:, 2], epoch=epoch, keys=keys)
    )


def sides_of_area(
    area: tuple[float, float], ratio: tuple[float, float], size: int, draws: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Heights and widths, [N] each, from `draws` [N, 2 · tries].

    Areas are uniform, and so are logarithms of width / height. A window that the square cannot hold is drawn
    again; after the last try it is the largest of the ratio nearest to a square.

    >>> sides_of_area((0.25, 0.25), (1, 1), 100, np.zeros((1, 2)))
    (array([50]), array([50]))
    """
    tries = draws.shape[1] // 2
    shares = area[0] + (area[1] - area[0]) * draws[:, :tries]  # [N, tries]
    lowest, highest = np.log(ratio)
    ratios = np.exp(lowest + (highest - lowest) * draws[:, tries:])  # [N, tries], width / height
    sides = np.rint(size * np.sqrt(np.stack([shares / ratios, shares * ratios])))  # [2, N, tries]
    sides = np.maximum(sides, 1).astype(np.int64)
    fits = (sides <= size).all(axis=0)  # [N, tries]
    heights, widths = np.take_along_axis(sides, fits.argmax(axis=1)[None, :, None], axis=2)[:, :, 0]
    nearest = min(max(1.0, ratio[0]), ratio[1])
    largest = max(1, round(size * min(1, 1 / nearest))), max(1, round(size * min(1, nearest)))
    inside = fits.any(axis=1)
    return np.where(inside, heights, largest[0]), np.where(inside, widths, largest[1])


def sides_of_scale(
    scales: tuple[int, int], crop: int, size: int, draws: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Sides, [N], of windows that are `crop` pixels of the image brought to a random whole side, `draws` [N].

    A crop of 224 from an image of side S is a window of 224 · P / S of the same image at P pixels; it is
    rounded to whole pixels.

    >>> sides_of_scale((256, 512), 224, 384, np.array([0.0, 0.9999])).tolist()
    [336, 168]
    """
    drawn = scales[0] + np.floor(draws * (scales[1] - scales[0] + 1))
    return np.clip(np.rint(crop * size / drawn), 1, size).astype(np.int64)


def gather_resized(
    images: Images,
    indices: NDArray[np.int64],
    windows: ResizedWindows,
    crop: int,
    *,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Cut one window from each image and bring it to [N, crop, crop, 3]: bilinear, with antialias."""
    views = np.empty((len(indices), crop, crop, 3), dtype=np.uint8) if out is None else out
    parts = zip(*(part.tolist() for part in windows), strict=True)
    for view, index, (row, column, height, width, flip) in zip(views, indices.tolist(), parts, strict=True):
        window = images[index][row : row + height, column : column + width]
        place(window if height == width == crop else _resized(window, crop), view, flip)
    return views


def _resized(window: NDArray[np.uint8], crop: int) -> NDArray[np.uint8]:
    import torch  # not at the top, as in maker.py
    from torch.nn import functional as F

    planes = torch.from_numpy(np.require(window, requirements=["C", "W"])).permute(2, 0, 1)[None]
    sized = F.interpolate(planes, (crop, crop), mode="bilinear", antialias=True, align_corners=False)
    return sized[0].permute(1, 2, 0).numpy()
