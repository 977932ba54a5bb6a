"""Response norm whose window crosses from one column's maps to the next's: each sends the maps at its edge.

[P] §3.3 normalises "over n adjacent kernel maps" and does not stop at the border of a GPU; its code did
([C] layers-145.cfg), and networks of that kind need nothing from here.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from alexnet.networks.columns.exchange import Column, Line, packed, unpacked
from alexnet.networks.layers import ResponseNorm


class NormAcrossColumns(nn.Module):
    """The norm of this column's maps [N, C / columns, H, W], seeing its neighbours' maps in its window."""

    def __init__(self, norm: ResponseNorm, *, column: Column) -> None:
        super().__init__()
        self.norm, self.reach, self.line = norm, norm.size // 2, Line(column)

    def forward(self, own: Tensor) -> Tensor:  # noqa: D102
        column = self.line.column
        before = self.reach if column.number > 0 else 0
        normed: Tensor = self.norm(_Bordered.apply(own, self.reach, self.line))
        return normed.narrow(1, before, own.size(1)).contiguous(
            memory_format=torch.channels_last
            if own.is_contiguous(memory_format=torch.channels_last)
            else torch.contiguous_format
        )


class _Bordered(torch.autograd.Function):
    """Maps of this column -> those with `reach` maps of each neighbour beside them."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, reach: int, line: Line) -> Tensor:
        ctx.reach, ctx.line, ctx.maps = reach, line, own.size(1)
        column, shape = line.column, (own.size(0), reach, *own.shape[2:])
        edges = _neighbours(column, own[:, :reach], own[:, -reach:])
        leaving = {number: packed(edge, own) for number, edge in edges.items()}
        sizes = {number: edge.numel() for number, edge in edges.items()}
        pieces = line.forth(leaving, sizes, own)()
        come = {number: unpacked(pieces[number], shape, own) for number in edges}
        sides = [come.get(column.number - 1), own, come.get(column.number + 1)]
        return torch.cat([maps for maps in sides if maps is not None], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        column, reach = ctx.line.column, ctx.reach
        edges = _neighbours(column, gradient[:, :reach], gradient[:, -reach:])
        leaving = {number: packed(edge, gradient) for number, edge in edges.items()}
        sizes = {number: edge.numel() for number, edge in edges.items()}
        pieces = ctx.line.back(leaving, sizes, gradient)()
        before = reach if column.number > 0 else 0
        mine = gradient.narrow(1, before, ctx.maps).clone()
        for number, edge in _neighbours(column, mine[:, :reach], mine[:, -reach:]).items():
            edge += unpacked(pieces[number], edge.shape, gradient)
        return mine, None, None


def _neighbours(column: Column, first: Tensor, final: Tensor) -> dict[int, Tensor]:
    """The column before with the maps at that edge, and the one behind with those at the other."""
    each = {column.number - 1: first, column.number + 1: final}
    return {number: edge for number, edge in each.items() if 0 <= number < column.count}
