"""Logits of all classes from columns that hold the units of some, so that every rank has the same loss."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from alexnet.networks.columns.exchange import Column, Line


class Logits(nn.Module):
    """This column's logits [N, its classes] -> all [N, classes], the same on every rank of the group.

    Each rank takes the loss of all images; back go the gradients of its own classes, with nothing to add up.
    """

    def __init__(self, classes: Sequence[int], *, column: Column) -> None:
        super().__init__()
        self.classes, self.line = tuple(classes), Line(column)  # of each column

    def forward(self, own: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = _AllClasses.apply(own, self.classes, self.line)
        return logits

    def extra_repr(self) -> str:  # noqa: D102
        return f"classes={self.classes}"


class _AllClasses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, classes: tuple[int, ...], line: Line) -> Tensor:
        ctx.classes, ctx.number = classes, line.column.number
        mine = own.contiguous()
        others = line.column.others
        sizes = {number: len(own) * classes[number] for number in others}
        pieces = {**line.forth(dict.fromkeys(others, mine), sizes, mine)(), ctx.number: mine}
        logits = [pieces[number].view(len(own), -1) for number in range(len(classes))]
        return torch.cat(logits, dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.split(list(ctx.classes), dim=1)[ctx.number], None, None
