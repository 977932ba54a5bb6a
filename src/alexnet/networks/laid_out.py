"""Kernels laid out once as a processor's library reads them, for networks that only answer.

torch hands oneDNN a convolution's kernels in an order of its own; the library brings them into the order of
its inner loop at every call. For one picture at a time that is a tenth of AlexNet's answer.
"""

from typing import Any

import torch
from torch import Tensor, nn


class LaidOutConv2d(nn.Module):
    """A convolution whose kernels are in the library's order; it has no gradient."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        self.shape: dict[str, Any] = {
            "padding": list(layer.padding),
            "stride": list(layer.stride),
            "dilation": list(layer.dilation),
            "groups": layer.groups,
        }
        self.kernels = torch.ops.mkldnn._reorder_convolution_weight(layer.weight.detach(), **self.shape)

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            answer: Tensor = self.layer(maps)
            return answer
        laid: Tensor = torch.ops.mkldnn._convolution_pointwise(
            maps, self.kernels, self.layer.bias, **self.shape, attr="none", scalars=[], algorithm=""
        )
        return laid


def laid_out(network: nn.Module) -> nn.Module:
    """`network`, its convolutions laid out where it is on a processor whose library does that; else as it is.

    The network is changed in place; with gradients asked for, its layers do what they did.
    """
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return network
    for name, layer in list(network.named_modules()):
        if name and isinstance(layer, nn.Conv2d) and _suits(layer):
            network.set_submodule(name, LaidOutConv2d(layer))
    return network


def _suits(layer: nn.Conv2d) -> bool:
    plain = not isinstance(layer.padding, str) and layer.padding_mode == "zeros"
    weight = layer.weight
    return plain and weight.dtype == torch.float32 and weight.device.type == "cpu"
