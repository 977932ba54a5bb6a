"""Batch norm over the images of all ranks, which is that of one process (`sync_batch_norm=true` of a recipe).

Without it every rank normalises by its own share, as one process would with so small a batch. On graphics
cards this is `torch.nn.SyncBatchNorm`, which has no form for processors.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from alexnet.parallel import World

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def synchronise(network: nn.Module, here: World) -> nn.Module:
    """The network with its batch norms over all shares of a batch; names and numbers stay."""
    if here.shares == 1:
        return network
    if here.device.type != "cpu":
        whole: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network, here.data_group)
        return whole
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BATCH_NORMS):
                setattr(parent, name, SharedBatchNorm(child, here))
    return network


class SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A batch norm [n, C, …] whose mean and variance in training are of every share's images."""

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm, here: World) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.group = here.data_group
        self.weight, self.bias = norm.weight, norm.bias
        for name, buffer in norm.named_buffers():
            setattr(self, name, buffer)
        self.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        if not self.training:
            return super().forward(maps)
        given, maps = maps.dtype, maps.to(torch.promote_types(maps.dtype, torch.float32))
        axes = [axis for axis in range(maps.dim()) if axis != 1]
        count = torch.full((1,), float(maps.numel() // maps.size(1)), dtype=maps.dtype)
        sums = Sum.apply(torch.cat([maps.sum(axes), count]), self.group)
        mean, count = sums[:-1] / sums[-1], sums[-1].detach()
        shape = (1, -1, *(1,) * (maps.dim() - 2))
        centred = maps - mean.view(shape)
        variance = Sum.apply((centred * centred).sum(axes), self.group) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        factor = torch.rsqrt(variance + self.eps)
        normed: Tensor
        if self.affine:
            normed = centred * (factor * self.weight).view(shape) + self.bias.view(shape)
        else:
            normed = centred * factor.view(shape)
        return normed.to(given)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        part = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), part)
        self.running_var.lerp_(variance.to(self.running_var.dtype), part)


class Sum(torch.autograd.Function):
    """The sum over a group of ranks; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, group: Any) -> Tensor:
        """Add the tensors of all ranks of `group` up."""
        ctx.group = group
        total = tensor.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Add their gradients up."""
        total = gradient.contiguous().clone()
        dist.all_reduce(total, group=ctx.group)
        return total, None
