"""A look inside while a network answers a picture: kernels, feature maps, where the answer comes from."""

import base64
import io
import math
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from alexnet.probing.activations import activations, first_convolution, strongest_maps
from alexnet.probing.kernels import from_grey_to_colour, kernels_of
from alexnet.probing.saliency import gradcam, last_maps, saliency
from alexnet.probing.sheets import PIXELS, kernel_pictures, map_pictures, tiled
from alexnet.problem import UsageProblem

MAPS = 64  # shown of a layer, those with the largest mean
SIDE = 224  # pixels that a view is enlarged to at least


def url(pixels: PIXELS) -> str:
    """A picture [H, W, 3] or [H, W, 4] as a data URL (PNG)."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def png(pixels: PIXELS) -> bytes:
    """A picture [H, W, 3] or [H, W, 4] as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def kernel_sheet(network: nn.Module) -> tuple[str, str] | None:
    """The first convolution's name and its kernels as a data URL; None where there is no convolution."""
    try:
        kernels = kernels_of(network, "")
    except UsageProblem:
        return None
    pictures = kernel_pictures(kernels.weights)[from_grey_to_colour(kernels)]
    return kernels.layer, url(_sheet(pictures, 480))


def map_sheet(network: nn.Module, images: Tensor) -> str | None:
    """What the first convolution answers to one image [1, C, H, W], as a data URL."""
    answer = activations(network, images, first_convolution(network))[0].float().cpu()
    return url(_sheet(map_pictures(answer[strongest_maps(answer, MAPS)]), 640))


def heat_sheets(network: nn.Module, images: Tensor, label: int, view: PIXELS) -> tuple[str, str | None]:
    """Saliency and, where there are maps, Grad-CAM of one image over its view [H, W, 3], as data URLs."""
    labels = torch.tensor([label])
    pixels = saliency(network, images, labels)[0].float().cpu()
    try:
        layer = last_maps(network, (images.size(1), images.size(2), images.size(3)))
        places = gradcam(network, images, labels, layer=layer)[0].float().cpu()
    except UsageProblem:
        return url(_hot(_smooth(pixels), view)), None
    return url(_hot(_smooth(pixels), view)), url(_hot(places, view))


def enlarged(view: PIXELS) -> PIXELS:
    """A small view [H, W, 3] with each pixel as a square of them."""
    times = max(1, math.ceil(SIDE / view.shape[0]))
    return view.repeat(times, axis=0).repeat(times, axis=1)


def _sheet(pictures: PIXELS, width: int) -> PIXELS:
    """Pictures [K, h, w, 3] in rows, about `width` pixels wide."""
    count = len(pictures)
    rows = min(
        (each for each in range(1, count + 1) if count % each == 0), key=lambda n: abs(1.5 * n * n - count)
    )
    across = count // rows if count // rows <= 4 * rows else math.ceil(math.sqrt(1.5 * count))
    times = max(1, round(width / (across * (pictures.shape[2] + 1))))
    return tiled(pictures, across, gap=max(1, times // 2), enlarged=times)


def _smooth(heat: Tensor) -> Tensor:
    """Single pixels of a gradient are noise to the eye: the mean over a twentieth of the side."""
    side = max(1, heat.size(0) // 40) * 2 + 1
    return torch.nn.functional.avg_pool2d(heat[None, None], side, 1, side // 2, count_include_pad=False)[0, 0]


def _hot(heat: Tensor, view: PIXELS) -> PIXELS:
    """Heat [H, W] over the view in grey: dark where it is cold, `inferno` where it is hot."""
    from matplotlib import colormaps

    least, most = float(heat.min()), float(heat.quantile(0.995))
    strength = ((heat - least) / max(most - least, 1e-12)).clamp(0, 1).numpy()[..., None]
    colours: Any = colormaps["inferno"](0.15 + 0.85 * strength[..., 0])[..., :3] * 255
    grey = 0.55 * view.mean(axis=2, keepdims=True)
    return enlarged((strength**0.7 * colours + (1 - strength**0.7) * grey).round().astype(np.uint8))
