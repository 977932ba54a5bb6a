"""A trained network as one module of plain operations, from pictures of any size to probabilities.

Response norms are written as other engines run them soonest (docs/export.md has the times): in float32 as a
convolution of 1 × 1 with a band of α/n, in int8 as ONNX's own LRN, for which OpenVINO has a kernel.
"""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.batches.preprocessing import Preprocessing, grey
from alexnet.networks.layers import ColumnLinear, PaperDropout, ResponseNorm
from alexnet.serving.fitting import Fitting


class Answering(nn.Module):
    """Views uint8 [N, crop, crop, 3] -> probabilities [N, classes]."""

    mean: Tensor
    divisor: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing, temperature: float = 1.0) -> None:
        super().__init__()
        self.network, self.temperature, self.channels = network, temperature, preprocessing.channels
        self.register_buffer("mean", preprocessing.mean[None].clone())
        self.register_buffer("divisor", preprocessing.divisor[None].clone())

    def forward(self, views: Tensor) -> Tensor:  # noqa: D102
        pixels = views.permute(0, 3, 1, 2).to(torch.float32)
        if self.channels == 1:
            pixels = grey(pixels)
        logits = self.network((pixels - self.mean) / self.divisor)
        return torch.softmax(logits / self.temperature, dim=1)


class Whole(nn.Module):
    """Pictures uint8 [N, H, W, 3], all of one size, whichever -> probabilities [N, classes]."""

    def __init__(self, fitting: Fitting, answering: Answering) -> None:
        super().__init__()
        self.fitting, self.answering = fitting, answering

    def forward(self, image: Tensor) -> Tensor:  # noqa: D102
        probabilities: Tensor = self.answering(self.fitting(image))
        return probabilities


class BandedNorm(nn.Module):
    """`ResponseNorm` as a convolution of 1 × 1 over squares: k and α/n are its bias and weights."""

    band: Tensor
    k: Tensor

    def __init__(self, norm: ResponseNorm, maps: int) -> None:
        super().__init__()
        self.columns, self.beta = norm.columns, norm.beta
        place = torch.arange(maps // norm.columns)
        near = (place[:, None] - place).abs() <= norm.size // 2
        band = near.to(torch.float32) * (norm.alpha / norm.size)
        self.register_buffer("band", band.repeat(norm.columns, 1)[:, :, None, None])
        self.register_buffer("k", torch.full((maps,), float(norm.k)))

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        scale = F.conv2d(maps * maps, self.band, self.k, groups=self.columns)
        if self.beta != 0.75:
            return maps * scale.pow(-self.beta)
        root = scale.rsqrt()
        return maps * (root * root.sqrt())


class OperatorNorm(nn.Module):
    """`ResponseNorm` as ONNX's operator LRN, column by column; it computes nothing here."""

    def __init__(self, norm: ResponseNorm, maps: int) -> None:
        super().__init__()
        self.columns, self.width = norm.columns, maps // norm.columns
        self.settings: dict[str, Any] = {
            "size": norm.size,
            "alpha": float(norm.alpha),
            "beta": float(norm.beta),
            "bias": float(norm.k),
        }

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        columns = [
            torch.onnx.ops.symbolic(
                "LRN", (column,), self.settings, dtype=column.dtype, shape=column.shape, version=13
            )
            for column in maps.split(self.width, dim=1)
        ]
        return columns[0] if self.columns == 1 else torch.cat(columns, dim=1)


Norm = Callable[[ResponseNorm, int], nn.Module]


def portable(
    network: nn.Module, preprocessing: Preprocessing, *, temperature: float = 1.0, norm: Norm = BandedNorm
) -> Whole:
    """The whole way for a network on a processor in evaluation mode, which stays as it is."""
    how = preprocessing
    plain = deepcopy(network).eval().to(memory_format=torch.contiguous_format)
    _without_drops(plain)
    plain = _with_norms(plain, how, norm)
    return Whole(Fitting(how.size, how.fit, how.crop), Answering(plain, how, temperature)).eval()


def _with_norms(network: nn.Module, how: Preprocessing, norm: Norm) -> nn.Module:
    """Put `norm` in place of every `ResponseNorm`; how many maps each has, one picture shows."""
    maps: dict[str, int] = {}

    def noting(name: str) -> Callable[..., None]:
        return lambda _module, inputs: maps.__setitem__(name, inputs[0].shape[1])

    norms = {name: module for name, module in network.named_modules() if isinstance(module, ResponseNorm)}
    if not norms:
        return network
    hooks = [module.register_forward_pre_hook(noting(name)) for name, module in norms.items()]
    with torch.inference_mode():
        network(torch.zeros(1, how.channels, how.crop, how.crop))
    for hook in hooks:
        hook.remove()
    for name, module in norms.items():
        network.set_submodule(name, norm(module, maps[name]))
    return network


@torch.no_grad()
def _without_drops(network: nn.Module) -> None:
    """Multiply the weights behind a dropout of the paper by the share that it keeps, in place of its output.

    A product between ReLU and what rounds for the next layer keeps ONNX Runtime from computing in eight bits.
    """
    for parent in network.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        for (name, drop), (_, layer) in pairwise(list(parent.named_children())):
            if isinstance(drop, PaperDropout) and isinstance(layer, nn.Linear | ColumnLinear):
                layer.weight.mul_(1 - drop.p)
                setattr(parent, name, nn.Identity())
