"""Convolution over pictures, whose gradient is compiled: picture_convolution.c as a layer.

The libraries below torch have no fast gradient for the kernels of a convolution over three channels that lie
last: for AlexNet's conv1 it took a fifth of a training step, four times as long as its multiply-adds need.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from alexnet.compiled import compiled

SOURCE = Path(__file__).with_name("picture_convolution.c")
POINTER, LONG = ctypes.c_void_p, ctypes.c_long
MOST_TAPS = 12  # of a tile: with two lanes it takes 24 of a processor's 32 registers
FEW = 4  # channels; with more the libraries' own forms are fast


class PictureConv2d(nn.Conv2d):
    """`nn.Conv2d` of few channels, the first layer of a network: the same values, the gradient compiled."""

    def forward(self, images: Tensor) -> Tensor:  # noqa: D102
        if not _fits(self, images):
            return super().forward(images)
        below, right = cast(tuple[int, int], self.padding)
        framed = F.pad(images, (right, right, below, below)) if below or right else images
        maps: Tensor = _Pictures.apply(framed, self.weight, self.bias, self.stride[0])
        return maps


def _fits(layer: nn.Conv2d, images: Tensor) -> bool:
    """Whether the gradient of the weights alone is asked, over pictures in a processor, channels last."""
    if images.device.type != "cpu" or images.requires_grad or torch.compiler.is_compiling():
        return False
    if not (torch.is_grad_enabled() and layer.weight.requires_grad) or images.dim() != 4:
        return False
    if images.dtype != torch.float32 or layer.weight.dtype != torch.float32:
        return False
    return (
        images.is_contiguous(memory_format=torch.channels_last)
        and layer.weight.is_contiguous(memory_format=torch.channels_last)
        and _kernel_of(layer) is not None
    )


def _kernel_of(layer: nn.Conv2d) -> ctypes.CDLL | None:
    """What computes the gradient of this layer's shape in float32; None where nothing does."""
    square = layer.kernel_size[0] == layer.kernel_size[1] and layer.stride[0] == layer.stride[1]
    simple = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    if not (square and simple and not isinstance(layer.padding, str)):
        return None
    if layer.in_channels > FEW or layer.out_channels % 16:
        return None
    return kernel(layer.kernel_size[0] * layer.in_channels, layer.out_channels, torch.float32)


@cache
def kernel(across: int, maps: int, dtype: torch.dtype) -> ctypes.CDLL | None:
    """`gradient` of picture_convolution.c for windows `across` values wide; None where it cannot be had."""
    taps = max(each for each in range(1, MOST_TAPS + 1) if across % each == 0)
    sixteen = ("BFLOAT16",) if dtype == torch.bfloat16 else ()
    library = compiled(SOURCE, f"TAPS={taps}", f"LANES={1 if maps % 32 else 2}", *sixteen)
    if library is not None:
        library.gradient.argtypes = (POINTER, POINTER, POINTER, *(LONG,) * 9, ctypes.c_int)
        library.gradient.restype = None
    return library


class _Pictures(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
        ctx.save_for_backward(images)
        ctx.shape, ctx.stride = weight.shape, stride
        return F.conv2d(images, weight, bias, stride)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor | None, None]:
        (images,) = ctx.saved_tensors
        maps, channels, size, _ = ctx.shape
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        library, threads = kernel(size * channels, maps, gradient.dtype), torch.get_num_threads()
        assert library is not None  # as it was forward
        taps = size * size * channels
        sums = images.new_zeros(threads, taps + 1, maps)
        (count, _, *sides), (rows, columns) = images.shape, gradient.shape[2:]
        shapes = (count, *sides, channels, rows, columns, maps, size, ctx.stride)
        addresses = [array.data_ptr() for array in (images, gradient, sums)]
        library.gradient(*addresses, *shapes, threads)
        total = sums.sum(0)
        weights = total[:taps].view(size, size, channels, maps).permute(3, 2, 0, 1)
        biases = total[taps] if ctx.needs_input_grad[2] else None
        return None, weights.contiguous(memory_format=torch.channels_last), biases, None
