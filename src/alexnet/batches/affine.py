"""Random turns, scales, squeezes, shears and shifts of training views, in one bilinear resampling.

[L] LeCun, Bottou, Bengio, Haffner (1998), §III.A, distorts digits so: shifts, scales, squeezes (wider and as
much lower, or the reverse) and horizontal shears, which took LeNet-5 from 0.95 to 0.8 %; turns are added.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alexnet.batches.draws import AFFINES, uniforms
from alexnet.ingredients import Affine


def move(
    views: NDArray[np.uint8],
    affine: Affine,
    images: NDArray[np.int64],
    margin: NDArray[np.uint8],
    *,
    seed: int,
    epoch: int,
) -> None:
    """Move what `views` [N, H, W, 3] show, in place: one draw for each of `images` (indices, [N]) an epoch.

    What comes in at an edge has the colour `margin` [3].
    """
    height, width = views.shape[1:3]
    fill = tuple(margin.tolist())
    draws = 2.0 * uniforms(seed, epoch, images, stream=AFFINES, count=6) - 1.0  # [N, 6], −1..1
    back = backward(affine, draws, height, width)
    for view, row in zip(views, back.tolist(), strict=True):
        moved = Image.fromarray(view).transform(
            (width, height), Image.Transform.AFFINE, row, Image.Resampling.BILINEAR, fillcolor=fill
        )
        view[...] = moved


def backward(affine: Affine, draws: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Where each pixel of a view comes from, [N, 6]: x ← a·x + b·y + c, y ← d·x + e·y + f.

    `draws` [N, 6], −1..1, are of turn, scale, squeeze, shear and the two shifts. About the middle of the
    picture a point is sheared, scaled and turned, then shifted; this is the way back.
    """
    turn = np.deg2rad(affine.turn) * draws[:, 0]
    lowest, highest = np.log(affine.scale)
    scale = np.exp(lowest + (highest - lowest) * (draws[:, 1] + 1.0) / 2.0)
    squeeze = (1.0 + affine.squeeze) ** draws[:, 2]  # times as wide, and as much lower
    shear = affine.shear * draws[:, 3]
    down, right = affine.shift * draws[:, 4] * height, affine.shift * draws[:, 5] * width
    cosine, sine = np.cos(turn), np.sin(turn)
    wide, high = scale * squeeze, scale / squeeze
    d, e = -sine / high, cosine / high
    a, b = cosine / wide - shear * d, sine / wide - shear * e
    x, y = width / 2.0, height / 2.0  # the middle, which ends at (x + right, y + down)
    c, f = x - a * (x + right) - b * (y + down), y - d * (x + right) - e * (y + down)
    return np.stack([a, b, c, d, e, f], axis=1)
