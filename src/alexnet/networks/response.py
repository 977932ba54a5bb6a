"""Response norms: x · (k + α · mean of x² over a neighbourhood)^−β, its formula and a form for training.

Written as torch's `LocalResponseNorm` writes it, a norm takes as long as all convolutions of AlexNet
together: it keeps half a dozen arrays as large as its input for the backward pass, and raises to a power
twice. The form for training keeps two, and has the gradient that follows from the formula: with s = k + α ·
mean(x²),

    ∂L/∂x = g · s^−β − 2αβ · x · mean(g · x · s^(−β−1))

since a neighbourhood that is symmetric is its own transpose.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

Mean = Callable[[Tensor], Tensor]  # over each value's neighbourhood, zeros beyond the edge


def response_norm(maps: Tensor, mean: Mean, *, k: float, alpha: float, beta: float) -> Tensor:
    """Norm of maps [N, C, H, W]; in training by a hand-written gradient, else by the formula itself.

    Maps of 16 bits are normed in 32: s^−β of eight bits would be a staircase.
    """
    if maps.dtype in (torch.bfloat16, torch.float16):
        with torch.autocast(maps.device.type, enabled=False):
            return response_norm(maps.float(), mean, k=k, alpha=alpha, beta=beta).to(maps.dtype)
    if maps.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling():
        normed: Tensor = _ResponseNorm.apply(maps, mean, k, alpha, beta)
        return normed
    return maps * _power(k + alpha * mean(maps.square()), beta)


def mean_across(squares: Tensor, *, size: int, columns: int) -> Tensor:
    """Mean over `size` adjacent maps of the same column: a 1×1 convolution whose kernel is a band of ones.

    A matrix product of C² / columns multiply-adds a pixel is sooner done than `size` passes over memory.
    """
    width = squares.size(1) // columns
    place = torch.arange(width, device=squares.device)
    near = (place[:, None] - place[None, :]).abs() <= size // 2  # [width, width]
    band = near.to(squares.dtype).repeat(columns, 1)[:, :, None, None] / size
    return F.conv2d(squares, band, groups=columns)


def mean_within(squares: Tensor, *, size: int) -> Tensor:
    """Mean over size × size pixels of the same map."""
    return F.avg_pool2d(squares, size, stride=1, padding=size // 2)


class _ResponseNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, mean: Mean, k: float, alpha: float, beta: float) -> Tensor:
        scale = mean(maps.square()).mul_(alpha).add_(k)
        ctx.save_for_backward(maps, scale)
        ctx.mean, ctx.alpha, ctx.beta = mean, alpha, beta
        return _power(scale, beta).mul_(maps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        maps, scale = ctx.saved_tensors
        direct = _power(scale, ctx.beta).mul_(gradient)
        shared = ctx.mean((direct * maps).div_(scale))
        return shared.mul_(maps).mul_(-2 * ctx.alpha * ctx.beta).add_(direct), None, None, None, None


def _power(scale: Tensor, beta: float) -> Tensor:
    """scale^−β as a new tensor; β = .75 by two square roots, several times sooner than by a power."""
    if beta != 0.75:
        return scale.pow(-beta)
    root = scale.rsqrt()
    return root * root.sqrt()
