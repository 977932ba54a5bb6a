"""Pictures without their shape, without their texture, or without their colour: what is left to go by?

Patches change places (the texture stays, the shape is gone), edges are drawn as lines and things as
silhouettes (the shape stays, the texture is gone), colours become greys. All take and give pixels
uint8 [N, H, W, 3].

Approximate: the pictures are as small as the pack's, nobody marked what is thing and what is ground, and a
network that never saw drawings may fail on them for that alone. Source: Geirhos and others, "ImageNet-trained
CNNs are biased towards texture", arXiv 1811.12231 (2018), §2; there people cut the silhouettes out by hand.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from alexnet.batches.normalisation import LUMA
from alexnet.probing.sheets import PIXELS
from alexnet.problem import UsageProblem

LEAST_PATCH = 3  # pixels; smaller ones hold no texture either
LINES = 0.12  # share of a picture's pixels that may be lines
SOBEL = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
THING = (0.05, 0.75)  # share of a picture that a thing covers, if a silhouette is to mean anything
BORDER = 0.25  # most of the picture's border that the thing may touch


def shuffled(pictures: PIXELS, grid: int, *, seed: int = 0, numbers: Sequence[int] | None = None) -> PIXELS:
    """Cut each picture into grid × grid patches that all change places, by (seed, its number) alone.

    Pixels at the right and lower edges that do not fill a patch stay where they are.
    """
    count, height, width, channels = pictures.shape
    rows, columns = height // grid, width // grid
    if grid < 2 or min(rows, columns) < LEAST_PATCH:
        raise UsageProblem(
            f"pictures of {height} × {width} pixels cannot be cut into {grid} × {grid} patches of "
            f"{LEAST_PATCH} pixels or more; take a grid of 2 … {min(height, width) // LEAST_PATCH}"
        )
    made = pictures.copy()
    inside = pictures[:, : rows * grid, : columns * grid]
    patches = inside.reshape(count, grid, rows, grid, columns, channels).swapaxes(2, 3)
    patches = patches.reshape(count, grid * grid, rows, columns, channels)
    for place, number in enumerate(numbers if numbers is not None else range(count)):
        order = np.random.default_rng((seed, grid, number)).permutation(grid * grid)
        source = np.empty_like(order)
        source[order] = np.roll(order, 1)  # one ring through all places: none keeps its patch
        moved = patches[place][source].reshape(grid, grid, rows, columns, channels).swapaxes(1, 2)
        made[place, : rows * grid, : columns * grid] = moved.reshape(rows * grid, columns * grid, channels)
    return made


def greyed(pictures: PIXELS) -> PIXELS:
    """Take the colour away: three equal channels of the same luma."""
    grey = (pictures.astype(np.float32) @ np.asarray(LUMA, dtype=np.float32)).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3)


def edges(pictures: PIXELS) -> PIXELS:
    """Draw the edges as black lines on white.

    Canny's first steps: the blurred luma's gradient by Sobel's operator, thinned to its ridges; of these the
    strongest are lines, at most one pixel in eight. Pictures without an edge stay white.
    """
    luma = _luma(pictures)  # [N, 1, H, W]
    blur = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    smooth = F.conv2d(F.pad(luma, (2, 2, 2, 2), mode="replicate"), torch.outer(blur, blur)[None, None])
    kernels = torch.stack([SOBEL, SOBEL.T])[:, None]
    across, down = F.conv2d(F.pad(smooth, (1, 1, 1, 1), mode="replicate"), kernels).unbind(
        1
    )  # [N, H, W] each
    strength = torch.hypot(across, down)
    ridges = _ridges(strength, across, down)
    least = torch.quantile(strength.flatten(1), 1 - LINES, dim=1)[:, None, None].clamp_min(8.0)
    return _black(ridges & (strength >= least))


def _ridges(strength: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Where no neighbour along the gradient, in one of four directions, is stronger: bool [N, H, W]."""
    angle = torch.atan2(down, across)
    direction = torch.round(angle / (torch.pi / 4)).long() % 4  # 0 across, 1 down right, 2 down, 3 down left
    framed = F.pad(strength[:, None], (1, 1, 1, 1))[:, 0]
    height, width = strength.shape[1:]
    ridges = torch.zeros_like(strength, dtype=torch.bool)
    for number, (row, column) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = framed[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]
        behind = framed[:, 1 - row : 1 - row + height, 1 - column : 1 - column + width]
        ridges |= (direction == number) & (strength >= ahead) & (strength > behind)
    return ridges


def silhouettes(pictures: PIXELS) -> tuple[PIXELS, NDArray[np.bool_]]:
    """Fill things black on white; and say for which pictures that means anything: bool [N].

    A guess without any mark of what the thing is: pixels are far from the border's colours (their mean and
    spread) or near, parted where both parts differ most (Otsu, 1979). It means something where the thing
    covers 5 to 75 % of the picture and touches at most a quarter of its border.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(pictures)).float()  # [N, H, W, 3]
    border = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, 1:-1, 0], pixels[:, 1:-1, -1]], 1)
    mean = border.mean(1, keepdim=True)
    centred = border - mean
    spread = centred.transpose(1, 2) @ centred / border.size(1) + 25.0 * torch.eye(3)
    away = pixels.flatten(1, 2) - mean  # [N, H · W, 3]
    far = (away * torch.linalg.solve(spread, away.transpose(1, 2)).transpose(1, 2)).sum(2).sqrt()
    thing = (far > _otsu(far)[:, None]).reshape(pixels.shape[:3])
    thing = F.avg_pool2d(thing[:, None].float(), 3, 1, 1, count_include_pad=False)[:, 0] > 0.5  # no specks
    share = thing.float().mean((1, 2))
    rim = torch.cat([thing[:, 0], thing[:, -1], thing[:, 1:-1, 0], thing[:, 1:-1, -1]], 1).float().mean(1)
    sensible = (share >= THING[0]) & (share <= THING[1]) & (rim <= BORDER)
    return _black(thing), sensible.numpy()


def _otsu(values: Tensor, steps: int = 64) -> Tensor:
    """Threshold of each row [N, P] -> [N] that makes the variance between both parts largest."""
    top = values.amax(1, keepdim=True).clamp_min(1e-6)
    bins = (values / top * (steps - 1)).long()
    counts = torch.zeros(len(values), steps).scatter_add_(1, bins, torch.ones_like(values))
    below = counts.cumsum(1) / counts.sum(1, keepdim=True)
    sums = (counts * torch.arange(steps)).cumsum(1) / counts.sum(1, keepdim=True)
    between = (sums[:, -1:] * below - sums).square() / (below * (1 - below)).clamp_min(1e-9)
    return (between[:, :-1].argmax(1) + 1) * top[:, 0] / (steps - 1)


def _luma(pictures: PIXELS) -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(pictures)).float()
    return (pixels @ torch.tensor(LUMA))[:, None]


def _black(where: Tensor) -> PIXELS:
    """Black where true, white elsewhere: bool [N, H, W] -> uint8 [N, H, W, 3]."""
    grey = torch.where(where, 0, 255).to(torch.uint8)
    return np.asarray(grey[..., None].expand(-1, -1, -1, 3).numpy())
