"""Gradients of one step: of a whole batch at once, of parts of it in turn, or of a share on every rank.

The loss of a batch is the mean over its images, so that of a part counts by its share of them; gradients of
parts add up to those of the whole. That makes unequal shares no special case. Between ranks they are added up
by `torch.nn.parallel.DistributedDataParallel`, in buckets while the rest is computed. It is told to look for
unused parameters: else it lays its buckets anew after the first step of a process, and a resumed training
would round its sums otherwise than one that was never interrupted.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from alexnet.batches.order import places
from alexnet.parallel import World, exchange, summed
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.training.held import Held
from alexnet.training.masks import Rows, draw_whole_masks

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
Backward = Callable[[Tensor, Tensor], Tensor]
"""Images and labels of this rank's share -> the whole batch's loss; gradients lie at the weights."""


class NetworkAndLoss(nn.Module):
    """Network and loss in one, so that whatever wraps it sees all that the loss asks of the network."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss
        self.unused = nn.Parameter(torch.zeros(1))  # else the wrapper warns that all are used

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """The loss, one number."""
        return self.loss(self.network, images, labels)


def backward_of(holding: Held, loss: Loss, recipe: Recipe, batch: int, here: World) -> Backward:
    """What a step does before its update, on `batch` images over all ranks and `recipe.accumulate` parts.

    A UsageProblem where a part of a share would be without images.
    """
    if here.ranks == 1 and recipe.accumulate == 1:
        return Whole(holding.network, loss)
    paired = recipe.mix is not None
    if batch < here.shares * recipe.accumulate * (1 + paired):
        raise UsageProblem(
            f"a batch of {batch} images does not go round: {here.shares} shares in {recipe.accumulate} parts"
            f"{', of pairs' if paired else ''}; raise batch, or take fewer ranks"
        )
    learned, rows = NetworkAndLoss(holding.network, loss), Rows(batch, torch.arange(batch))
    if not here.by_images:  # there the dense layers, which have all the dropout, see the whole batch
        draw_whole_masks(holding.network, rows)
    shared = places(batch, here.share, here.shares, paired=paired)
    turns = [
        places(len(shared), number, recipe.accumulate, paired=paired) for number in range(recipe.accumulate)
    ]
    pairs = [(torch.from_numpy(turn), torch.from_numpy(shared[turn])) for turn in turns]
    if here.shares == 1 or holding.sharded:
        return Parts(learned, here, rows, pairs, times=here.shares if holding.sharded else 1)
    return Parts(_over_ranks(learned, here, holding.apart), here, rows, pairs)


class Whole:
    """One process, one pass."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        self.network, self.loss = network, loss

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """The loss; its gradients lie at the weights."""
        value = self.loss(self.network, images, labels)
        value.backward()
        return value.detach()


class Parts:
    """Several passes, over parts of this rank's share of the batch; gradients are added up over the ranks.

    `turns` are the parts: places in the share, and the same places in the batch. `times` makes up for what
    averages the ranks' gradients instead of adding them up.
    """

    def __init__(
        self,
        learned: nn.Module,
        here: World,
        rows: Rows,
        turns: Sequence[tuple[Tensor, Tensor]],
        *,
        times: int = 1,
    ) -> None:
        self.learned, self.here, self.rows, self.turns, self.times = learned, here, rows, turns, times

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """The whole batch's loss; its gradients lie at the weights."""
        rows, turns = self.rows, self.turns
        seed, total = torch.initial_seed(), torch.zeros((), dtype=torch.float64)
        with exchange("adding up the gradients", self.here):
            for number, (mine, rows.mine) in enumerate(turns, 1):
                torch.manual_seed(seed)  # every pass draws the masks of the same whole batch
                with nullcontext() if number == len(turns) else _kept_apart(self.learned):
                    # one pass needs no copy
                    seen = (images, labels) if len(turns) == 1 else (images[mine], labels[mine])
                    value = self.learned(*seen) * (len(mine) / rows.batch)
                    (value * self.times).backward()
                total += value.item()
        return summed(total, self.here, what="adding up the loss", among="data")


def _kept_apart(learned: nn.Module) -> AbstractContextManager[None]:
    return learned.no_sync() if isinstance(learned, DistributedDataParallel) else nullcontext()


def _over_ranks(learned: NetworkAndLoss, here: World, apart: Collection[str]) -> DistributedDataParallel:
    names = [f"network.{name}" for name in apart]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(learned, names)
    over = DistributedDataParallel(
        learned, process_group=here.data_group, find_unused_parameters=True, gradient_as_bucket_view=True
    )
    over.register_comm_hook(here.data_group, _sum)
    return over


def _sum(group: Any, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:  # type: ignore[name-defined]
    """Add up a bucket of gradients; torch's own would average, which is right for equal shares only."""
    work: Any = dist.all_reduce(bucket.buffer(), group=group, async_op=True)
    total: torch.futures.Future[torch.Tensor] = work.get_future().then(lambda done: done.value()[0])
    return total
