"""Layers one after another, a ReLU and the response norm behind it in one pass over the maps.

In turn each of the two reads and writes maps as large as any in AlexNet, forward and backward, and both keep
theirs for the gradient; in one they read once, write once, and keep what came in.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from alexnet.networks.layers import ResponseNorm


class Chain(nn.Sequential):
    """`nn.Sequential`, with the same values and gradients in fewer passes over memory where that can be."""

    def forward(self, images: Tensor) -> Tensor:  # noqa: D102
        layers, maps, place = list(self), images, 0
        while place < len(layers):
            fused = _rectified_norm(layers[place : place + 2], maps)
            maps = layers[place](maps) if fused is None else fused
            place += 1 if fused is None else 2
        return maps


def _rectified_norm(layers: Sequence[nn.Module], maps: Tensor) -> Tensor | None:
    """What a ReLU and a norm make of the maps, in one; None of other layers, or where somebody looks on."""
    if len(layers) < 2 or torch.compiler.is_compiling():
        return None
    relu, norm = layers
    if type(relu) is not nn.ReLU or type(norm) is not ResponseNorm or _watched(relu) or _watched(norm):
        return None
    return norm.of_rectified(maps)


def _watched(layer: nn.Module) -> bool:
    """Whether hooks see what goes in or out."""
    own = (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks)
    return any(own) or bool(_has_any_global_hook())
