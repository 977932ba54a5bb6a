"""Krizhevsky's scheme of 2014: convolutions parted by images, dense layers by units.

"One weird trick for parallelizing convolutional neural networks" (2014), §4, scheme (a): convolutions have
nine tenths of the work and few weights, dense layers nine tenths of the weights and little work. So every
rank runs the convolutions on its own images, gathers what all made of theirs, and takes its own units of the
dense layers for the whole batch.

To training this looks like parting by images: the loss of each rank is its images' share of the batch's
mean, and the gradients of the convolutions are summed over the ranks. Those of the dense layers need no sum:
a rank's units have seen all images. In evaluation every rank is given the same images.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from alexnet.networks.columns.exchange import Column, Line
from alexnet.networks.columns.outputs import Logits


class AllImages(nn.Module):
    """Features of this rank's images [N / ranks, features] -> of all ranks' [N, features], while training."""

    def __init__(self, *, column: Column) -> None:
        super().__init__()
        self.line = Line(column)

    def forward(self, own: Tensor) -> Tensor:  # noqa: D102
        if not self.training:
            return own
        features: Tensor = _AllImages.apply(own, self.line)
        return features


class OwnImages(nn.Module):
    """Logits [N, this rank's classes] -> [N / ranks, classes] of this rank's images, while training."""

    def __init__(self, classes: Sequence[int], *, column: Column) -> None:
        super().__init__()
        self.classes, self.line = tuple(classes), Line(column)
        self.evaluated = Logits(classes, column=column)

    def forward(self, logits: Tensor) -> Tensor:  # noqa: D102
        if not self.training:
            every: Tensor = self.evaluated(logits)
            return every
        own: Tensor = _OwnImages.apply(logits, self.classes, self.line)
        return own


class _AllImages(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, line: Line) -> Tensor:
        ctx.line, mine, column = line, own.contiguous(), line.column
        sizes = dict.fromkeys(column.others, mine.numel())
        pieces = {**line.forth(dict.fromkeys(column.others, mine), sizes, mine)(), column.number: mine}
        return torch.cat([pieces[number].view_as(mine) for number in range(column.count)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        column = ctx.line.column
        parts = gradient.contiguous().chunk(column.count)
        mine = parts[column.number]
        sizes = dict.fromkeys(column.others, mine.numel())
        pieces = ctx.line.back({number: parts[number] for number in column.others}, sizes, mine)()
        for number in column.others:
            mine = mine + pieces[number].view_as(mine)
        return mine, None


class _OwnImages(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, classes: tuple[int, ...], line: Line) -> Tensor:
        ctx.line, ctx.classes, column = line, classes, line.column
        parts = logits.contiguous().chunk(column.count)
        mine = parts[column.number]
        sizes = {number: len(mine) * classes[number] for number in column.others}
        pieces = line.forth({number: parts[number] for number in column.others}, sizes, mine)()
        pieces = {**pieces, column.number: mine}
        return torch.cat([pieces[number].view(len(mine), -1) for number in range(column.count)], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        column = ctx.line.column
        parts = [part.contiguous() for part in gradient.split(list(ctx.classes), dim=1)]
        mine = parts[column.number]
        sizes = dict.fromkeys(column.others, mine.numel())
        pieces = ctx.line.back({number: parts[number] for number in column.others}, sizes, mine)()
        pieces = {**pieces, column.number: mine}
        return torch.cat([pieces[number].view_as(mine) for number in range(column.count)]), None, None
