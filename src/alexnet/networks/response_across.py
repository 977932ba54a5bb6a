"""Response norm across maps on a processor, in pieces that stay in its cache.

A norm is a dozen simple operations a value. Over a whole batch each of them reads and writes main memory,
which takes longer than the arithmetic; over a few thousand pixels at a time all but the first read and the
last write stay in the cache. Formula and gradient are those of `response`; tests hold the two equal.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

PIECE = 2**18  # values of a piece: half a dozen arrays of them fit the second caches of two cores


class Across(NamedTuple):
    """The norm x · s^−.75 with s = k + alpha · mean of x² over `size` adjacent maps of a column."""

    size: int
    columns: int
    k: float
    alpha: float


def fits(maps: Tensor) -> bool:
    """Whether the maps [N, C, H, W] lie channels last in a processor's memory: then pixels are rows.

    Not while torch traces a network for another machine: what it wants is the formula.
    """
    if torch.compiler.is_compiling() or maps.dim() != 4 or maps.device.type != "cpu":
        return False
    return maps.is_contiguous(memory_format=torch.channels_last)


def norm_across(maps: Tensor, across: Across) -> Tensor:
    """Norm maps [N, C, H, W] that lie channels last; those of 16 bits are normed in 32."""
    if maps.dtype in (torch.bfloat16, torch.float16):
        return norm_across(maps.float(), across).to(maps.dtype)
    normed: Tensor = _Across.apply(maps, across)
    return normed


class _Across(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, across: Across) -> Tensor:
        normed = torch.empty_like(maps)
        # k in equal parts on every value and on the margins: then the sum over a window holds it once
        share, part = across.alpha / across.size, maps.new_full((), across.k / across.size)
        window = Window(maps, across, margin=across.k / across.size)
        # s^−½ is for the backward pass; where there will be none, nothing lasts but the answer
        kept = (torch.empty_like(maps),) if ctx.needs_input_grad[0] else ()
        spare = () if kept else (window.spare(),)
        for x, y, r, s in window.pieces((maps, normed, *kept), *spare, window.spare()):
            torch.addcmul(part, x, x, value=share, out=window.values(len(x)))
            window.sums(s)
            torch.rsqrt(s, out=r)
            torch.sqrt(r, out=y).mul_(r).mul_(x)  # s^−¼ · s^−½ · x
        ctx.save_for_backward(maps, *kept, normed)
        ctx.across = across
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        maps, root, normed = ctx.saved_tensors
        across: Across = ctx.across
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        answer = torch.empty_like(gradient)
        window = Window(maps, across, margin=0.0)
        factor = -1.5 * across.alpha / across.size  # −2 · β · alpha / size
        for x, r, y, g, a, d in window.pieces((maps, root, normed, gradient, answer), window.spare()):
            torch.mul(torch.mul(g, y, out=d).mul_(r), r, out=window.values(len(x)))  # g · x · s^−1.75
            window.sums(a)
            torch.sqrt(r, out=d).mul_(r).mul_(g)  # g · s^−.75
            torch.addcmul(d, x, a, value=factor, out=a)
        return answer, None


class Window:
    """Sums over `size` adjacent maps, a piece at a time; columns lie apart, with margins on either side.

    Arrays of a piece are [pixels, columns, maps of a column].
    """

    def __init__(self, maps: Tensor, across: Across, *, margin: float) -> None:
        self.size, columns = across.size, across.columns
        width = maps.size(1) // columns
        self.shape = (max(1, PIECE // maps.size(1)), columns, width)
        self.padded = (self.shape[0], columns, width + self.size - 1)
        self.like = maps
        self.flat = maps.new_full(self.padded, margin).view(-1)
        self.pairs, self.total = torch.empty_like(self.flat), torch.empty_like(self.flat)

    def spare(self) -> Tensor:
        """An array of a piece."""
        return self.like.new_empty(self.shape)

    def values(self, pixels: int) -> Tensor:
        """Where the values of a piece go before they are summed."""
        half = self.size // 2
        return self.flat.view(self.padded)[:pixels, :, half : half + self.shape[2]]

    def sums(self, out: Tensor) -> None:
        """Write the sum of each value and its neighbours: two by two, then the last."""
        torch.add(self.flat[:-1], self.flat[1:], out=self.pairs[:-1])
        total = self.pairs
        for offset in range(2, self.size - 1, 2):
            torch.add(total[:-offset], self.pairs[offset:], out=self.total[:-offset])
            total = self.total
        first = total.view(self.padded)[: len(out), :, : self.shape[2]]
        torch.add(first, self.flat.view(self.padded)[: len(out), :, self.size - 1 :], out=out)

    def pieces(self, arrays: tuple[Tensor, ...], *spare: Tensor) -> Iterator[list[Tensor]]:
        """The same rows of [N, C, H, W] arrays, and as many of the spare ones."""
        rows, *rest = self.shape
        matrices = [array.permute(0, 2, 3, 1).view(-1, *rest) for array in arrays]
        for start in range(0, len(matrices[0]), rows):
            pieces = [matrix[start : start + rows] for matrix in matrices]
            yield pieces + [array[: len(pieces[0])] for array in spare]
