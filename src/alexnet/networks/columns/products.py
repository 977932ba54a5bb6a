"""Convolutions and dense layers that see all columns: [P] figure 2, where the GPUs of 2012 communicate.

A rank holds the kernels of its own column, over the maps of all. It multiplies its own maps while those of
the others come, and takes the gradient of its kernels while those of the maps go back.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import grad

from alexnet.networks.columns.exchange import Column, Line, packed, unpacked


class Product(Protocol):
    """A layer's sum of products and its two gradients."""

    def __call__(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor: ...  # noqa: D102
    def to_maps(self, gradient: Tensor, weight: Tensor, maps: Tensor) -> Tensor: ...  # noqa: D102
    def to_weight(self, gradient: Tensor, maps: Tensor, weight: Tensor) -> Tensor: ...  # noqa: D102


@dataclass(frozen=True)
class Dense:
    """Features [N, inputs] times weights [outputs, inputs]."""

    def __call__(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return [N, outputs]."""
        return F.linear(maps, weight, bias)

    def to_maps(self, gradient: Tensor, weight: Tensor, maps: Tensor) -> Tensor:
        """From the gradient of the outputs to that of the inputs."""
        return gradient @ weight

    def to_weight(self, gradient: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
        """From the gradient of the outputs to that of the weights."""
        return gradient.t() @ maps


@dataclass(frozen=True)
class Convolution:
    """Maps [N, C, H, W] under kernels [outputs, C, h, w]."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def __call__(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return [N, outputs, H', W']."""
        return F.conv2d(maps, weight, bias, self.stride, self.padding, self.dilation)

    def to_maps(self, gradient: Tensor, weight: Tensor, maps: Tensor) -> Tensor:
        """From the gradient of the outputs to that of the maps."""
        answer: Tensor = grad.conv2d_input(
            maps.shape, weight, gradient, self.stride, self.padding, self.dilation
        )
        return answer

    def to_weight(self, gradient: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
        """From the gradient of the outputs to that of the kernels."""
        answer: Tensor = grad.conv2d_weight(
            maps, weight.shape, gradient, self.stride, self.padding, self.dilation
        )
        return answer


class Gathered(nn.Module):
    """A layer whose inputs lie over the columns and whose outputs are this column's.

    Takes this column's maps [N, C / columns, H, W] or features [N, inputs / columns]; `weight` and `bias` are
    this column's rows of the whole layer's, over all inputs.
    """

    def __init__(self, product: Product, weight: Tensor, bias: Tensor | None, *, column: Column) -> None:
        super().__init__()
        self.product, self.line = product, Line(column)
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, own: Tensor) -> Tensor:  # noqa: D102
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        if torch.is_autocast_enabled(own.device.type):  # of 16 bits, half as many bytes go over
            dtype = torch.get_autocast_dtype(own.device.type)
            own, weight, bias = own.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        outputs: Tensor = _GatheredProduct.apply(own, weight, bias, self.product, self.line)
        return outputs

    def extra_repr(self) -> str:  # noqa: D102
        column = self.line.column
        return f"{list(self.weight.shape)}, {self.product}, column {column.number} of {column.count}"


class _GatheredProduct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, own: Tensor, weight: Tensor, bias: Tensor | None, product: Product, line: Line
    ) -> Tensor:
        column = line.column
        sent = packed(own, own)
        size = dict.fromkeys(column.others, own.numel())
        arrived = line.forth(dict.fromkeys(column.others, sent), size, sent)
        weights = weight.chunk(column.count, dim=1)
        outputs = product(own, weights[column.number], bias)
        pieces = arrived()
        others = [unpacked(pieces[number], own.shape, own) for number in column.others]
        for number, maps in zip(column.others, others, strict=True):
            outputs += product(maps, weights[number], None)
        ctx.save_for_backward(weight, own, *others)
        ctx.product, ctx.line, ctx.biased = product, line, bias is not None
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        weight, own, *others = ctx.saved_tensors
        product, line, column = ctx.product, ctx.line, ctx.line.column
        weights = weight.chunk(column.count, dim=1)
        leaving = {
            number: packed(product.to_maps(gradient, weights[number], own), own) for number in column.others
        }
        arrived = line.back(leaving, dict.fromkeys(column.others, own.numel()), gradient)

        mine = product.to_maps(gradient, weights[column.number], own)
        others.insert(column.number, own)
        to_weight = to_bias = None
        if ctx.needs_input_grad[1]:
            each = [product.to_weight(gradient, m, w) for m, w in zip(others, weights, strict=True)]
            to_weight = torch.cat(each, dim=1)
        if ctx.biased and ctx.needs_input_grad[2]:
            to_bias = gradient.sum([0, *range(2, gradient.dim())])

        pieces = arrived()
        for number in column.others:
            mine = mine + unpacked(pieces[number], own.shape, own)
        return mine, to_weight, to_bias, None, None
