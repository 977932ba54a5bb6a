"""Layers as a processor's library computes them best, for networks that only answer.

torch hands oneDNN a convolution's kernels in an order of its own; the library brings them into the order of
its inner loop at every call. For one picture at a time that is a tenth of AlexNet's answer. Dense layers it
leaves to another library, which for four to a hundred pictures takes up to twice as long.
"""

from typing import Any

import torch
from torch import Tensor, nn

ASKED = ("_convolution_pointwise", "_linear_pointwise")  # of torch's operators over oneDNN


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


class FewRowsLinear(nn.Module):
    """A dense layer for some pictures at a time; it has no gradient.

    AlexNet's three take 19 ms for 4 pictures, 25 for 12 and 33 for 32, with torch's own choice 24, 51 and 40
    (two cores). For fewer than 4 its own is faster, for 128 they are alike.
    """

    FEW = range(4, 128)

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        plain = torch.is_grad_enabled() or torch.compiler.is_compiling()
        if plain or features.dim() != 2 or len(features) not in self.FEW:
            answer: Tensor = self.layer(features)
            return answer
        few: Tensor = torch.ops.mkldnn._linear_pointwise(
            features, self.layer.weight, self.layer.bias, "none", [], ""
        )
        return few


def laid_out(network: nn.Module) -> nn.Module:
    """`network`, its layers as above where it is on a processor whose library does that; else as it is.

    The network is changed in place; with gradients asked for, its layers do what they did.
    """
    if not torch.backends.mkldnn.is_available() or not all(hasattr(torch.ops.mkldnn, name) for name in ASKED):
        return network
    for name, layer in list(network.named_modules()):
        if not name or not _suits(layer):
            continue
        if isinstance(layer, nn.Conv2d):
            network.set_submodule(name, LaidOutConv2d(layer))
        elif isinstance(layer, nn.Linear):
            network.set_submodule(name, FewRowsLinear(layer))
    return network


def _suits(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d) and (isinstance(layer.padding, str) or layer.padding_mode != "zeros"):
        return False
    weight = getattr(layer, "weight", None)
    return isinstance(weight, Tensor) and weight.dtype == torch.float32 and weight.device.type == "cpu"
