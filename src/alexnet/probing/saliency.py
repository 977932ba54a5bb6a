"""Where in a picture a network's answer comes from: by gradient, by the last maps, by hiding parts.

[S] Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", arXiv 1312.6034 (2013), §3.
[G] Selvaraju and others, "Grad-CAM", arXiv 1610.02391 (2016), §3.
[Z] Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", arXiv 1311.2901 (2013), §4.2.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks.tracing import Passed, trace
from alexnet.probing.activations import require_layer
from alexnet.problem import UsageProblem


def saliency(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """How much each pixel moves the logit of `labels`, [S]: images [N, C, H, W] -> [N, H, W].

    The size of the gradient, of the channel where it is largest. The network must be in `eval` mode; its own
    `.grad` stays as it is.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(_logits(network(images), labels).sum(), [images])
    return gradient.abs().amax(1)


def gradcam(network: nn.Module, images: Tensor, labels: Tensor, *, layer: str) -> Tensor:
    """Grad-CAM [G] of `labels` at `layer`: images [N, C, H, W] -> [N, H, W], nothing negative.

    The layer's maps, weighted by their mean gradient and cut off below zero, are stretched to the image. A
    UsageProblem lists the layers there are, or says that this one answers no maps.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        kept[:] = [output]
        return output.clone()  # what comes next may work in place

    handle = require_layer(network, layer).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = network(images.detach().requires_grad_())
            if not kept or kept[0].dim() != 4:
                raise UsageProblem(f"{layer} answers no maps to show on a picture; name a convolution")
            (gradient,) = torch.autograd.grad(_logits(logits, labels).sum(), [kept[0]])
    finally:
        handle.remove()
    maps = (kept[0].detach() * gradient.mean((2, 3), keepdim=True)).sum(1, keepdim=True).clamp_min(0)
    size = (images.size(2), images.size(3))
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)[:, 0]


def last_maps(network: nn.Module, image: tuple[int, int, int]) -> str:
    """Name of the last convolution that has more than one place, or of the block of branches it stands in."""
    passed = trace(network, image)
    maps = {one.name for one in passed if _has_places(one)}
    names = [one.name for one in passed if _convolves(one.module) and one.name in maps]
    if not names:
        raise UsageProblem("this network has no convolution whose maps could be shown")
    parts = names[-1].split(".")
    above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
    modules = dict(network.named_modules())
    # in a chain the convolution itself; where branches meet, what they come to together
    blocks = [name for name in above if name in maps and not isinstance(modules[name], nn.Sequential)]
    return (blocks or [names[-1]])[0]


def _convolves(module: nn.Module) -> bool:
    """Whether it has windows and kernels: a convolution, also one with gaps or of unshared weights."""
    weight = getattr(module, "weight", None)
    return hasattr(module, "kernel_size") and isinstance(weight, Tensor) and weight.dim() >= 3


def _has_places(one: Passed) -> bool:
    return len(one.output) == 3 and one.output[1] * one.output[2] > 1


@torch.inference_mode()
def occlusion(
    network: nn.Module, image: Tensor, label: int, *, patch: int, stride: int, batch: int = 64
) -> Tensor:
    """How much the probability of `label` falls when a part is hidden, [Z]: image [1, C, H, W] -> [H, W].

    A square of `patch` pixels in the picture's mean colour goes over it by `stride`, to both edges; a pixel
    has the mean over the squares that hid it. Negative where hiding helps. Memory: `batch` pictures.
    """
    height, width = image.shape[-2:]
    if not 1 <= stride <= patch <= min(height, width):
        raise UsageProblem(
            f"a patch of {patch} pixels by {stride} does not cover a view of {height} × {width}; "
            f"take 1 <= stride <= patch <= {min(height, width)}"
        )
    corners = [
        (row, column) for row in _starts(height, patch, stride) for column in _starts(width, patch, stride)
    ]
    whole = torch.softmax(network(image).float(), 1)[0, label].item()
    colour = image.mean((2, 3), keepdim=True)[0]  # [C, 1, 1]
    falls, times = torch.zeros(height, width), torch.zeros(height, width)
    for first in range(0, len(corners), batch):
        share = corners[first : first + batch]
        hidden = image.repeat(len(share), 1, 1, 1)
        for one, (row, column) in zip(hidden, share, strict=True):
            one[:, row : row + patch, column : column + patch] = colour
        left = torch.softmax(network(hidden).float(), 1)[:, label].tolist()
        for probability, (row, column) in zip(left, share, strict=True):
            falls[row : row + patch, column : column + patch] += whole - probability
            times[row : row + patch, column : column + patch] += 1
    return falls / times


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Where squares begin along a side; the last one ends at the edge."""
    return sorted({*range(0, side - patch + 1, stride), side - patch})


def off_centre(heat: Tensor) -> float:
    """How far the middle of positive heat [H, W] lies from the picture's, in half sides; 0 if it has none.

    >>> heat = torch.zeros(4, 4)
    >>> heat[0, 0] = 1
    >>> round(off_centre(heat), 3)  # 1.5 of 2 pixels, along both sides
    1.061
    """
    heat = heat.double().cpu().clamp_min(0)
    if heat.sum() == 0:
        return 0.0
    height, width = heat.shape
    row, column = middle(heat)
    return float(torch.hypot(torch.tensor(row / height - 0.5), torch.tensor(column / width - 0.5))) * 2


def scatter(heat: Tensor) -> float:
    """How far positive heat [H, W] lies from its own middle, root mean square in half sides.

    >>> round(scatter(torch.ones(2, 2)), 3), scatter(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    (0.707, 0.0)
    """
    heat = heat.double().cpu().clamp_min(0)
    row, column = middle(heat)
    rows = (torch.arange(heat.size(0)) + 0.5 - row) / heat.size(0) * 2
    columns = (torch.arange(heat.size(1)) + 0.5 - column) / heat.size(1) * 2
    squares = rows[:, None] ** 2 + columns**2
    return float(((heat * squares).sum() / heat.sum().clamp_min(1e-300)).sqrt())


def middle(heat: Tensor) -> tuple[float, float]:
    """Row and column of the centre of mass of heat [H, W], pixels; the picture's middle if it has none."""
    heat = heat.double().cpu().clamp_min(0)
    height, width = heat.shape
    if heat.sum() == 0:
        return height / 2, width / 2
    share = heat / heat.sum()
    rows = torch.arange(height, dtype=torch.float64) + 0.5
    columns = torch.arange(width, dtype=torch.float64) + 0.5
    return float(share.sum(1) @ rows), float(share.sum(0) @ columns)


def _logits(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, labels[:, None].to(logits.device))
