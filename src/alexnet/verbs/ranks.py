"""What a verb does over several ranks that torchrun started: once where it must be, and alike on all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from alexnet.evaluation.predictions import Predictions
from alexnet.networks import create, entry
from alexnet.networks.columns.plan import steps
from alexnet.networks.undrawn import on_paper
from alexnet.parallel import World, exchange, gathered, highest, meet
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import Run
from alexnet.training.batch_norm import synchronise
from alexnet.training.held import Held, held_in_columns, held_in_shards, held_whole
from alexnet.training.log import MetricsLog
from alexnet.training.loop import State

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """How the ranks divide the work; by default each holds the whole network and sees a share of every batch.

    With `columns` that many ranks hold one network between them: scheme `columns` as in 2012, `owt` with the
    convolutions whole and only the dense layers divided (Krizhevsky 2014). `shard` divides every weight.
    """

    columns: int = 1
    scheme: Literal["columns", "owt"] = "columns"
    shard: bool = False

    def check(self, recipe: Recipe, here: World) -> World:
        """The world as this layout sees it; a UsageProblem where recipe or ranks do not allow it."""
        owt = self.scheme == "owt" and self.columns > 1
        faults = {
            "--shard divides the weights among ranks: start several with torchrun": self.shard
            and here.ranks == 1,
            "--shard and --columns both divide the network: take one of them": self.shard
            and self.columns > 1,
            "--time tries the whole network on each device first, --shard is for what does not fit there: "
            "say how many epochs": self.shard and recipe.seconds is not None,
            f"--scheme owt takes all {here.ranks} ranks as columns": owt and self.columns != here.ranks,
            f"--scheme owt parts batches evenly; one of {recipe.batch} does not go into {here.ranks}": owt
            and recipe.batch % here.ranks,
            "--scheme owt puts whole batches together: set accumulate=1": owt and recipe.accumulate > 1,
            "--scheme owt puts batches together in order, which mix does not keep: set mix=null": owt
            and recipe.mix is not None,
            f"{recipe.optimizer} measures whole layers, which --columns divides: set optimizer=sgd": (
                self.columns > 1 and recipe.optimizer in ("lars", "muon")
            ),
        }
        for fault, there in faults.items():
            if there:
                raise UsageProblem(fault)
        if self.columns > 1:
            self._require_parts(recipe)
        return replace(here, by_images=True) if owt else here

    def _require_parts(self, recipe: Recipe) -> None:
        """Refuse a network that does not part so, before anything is written."""
        known = entry(recipe.network)
        with on_paper():
            network = create(
                recipe.network, classes=known.classes, channels=recipe.channels, **recipe.options
            )
        steps(recipe.network, network, self.columns, self.scheme)


ALONE = Layout()


def held(network: nn.Module, recipe: Recipe, layout: Layout, here: World) -> Held:
    """The network, which has its weights already, as this rank holds it."""
    if recipe.sync_batch_norm:
        network = synchronise(network, here)
    if layout.shard:
        return held_in_shards(network, here)
    if layout.columns > 1:
        return held_in_columns(recipe.network, network, here)
    return held_whole(network)


def on_device(holding: Held, device: torch.device) -> Held:
    """The same on `device`, channels last: convolutions there and on tensor cores are up to twice as fast."""
    order = torch.contiguous_format if holding.sharded else torch.channels_last
    network = holding.network.to(device, memory_format=order)  # type: ignore[call-overload]
    return replace(holding, network=network)


def first_alone(task: Callable[[], T], here: World, *, what: str, at: Path | None = None) -> T:
    """Do `task` on the first rank, then on the others, which find done what it did `at` a place."""
    if here.is_first:
        result = task()
        meet(here, what=what)
        return result
    meet(here, what=what)
    if at is not None and not at.exists():
        raise Problem(f"rank {here.rank} sees no {at}; it must lie on a disk that all machines share")
    return task()


@contextmanager
def written_by_first(run: Run, state: State, here: World) -> Iterator[Callable[[dict[str, Any]], int]]:
    """The log, which the first rank writes."""
    if not here.is_first:
        yield lambda line: 0
        return
    with MetricsLog(run.metrics, state.noted, tensorboard=True) as log:
        yield log


def agreed(end: Callable[[State], int] | None, here: World) -> Callable[[State], int] | None:
    """The same plan on all ranks, though each has a clock of its own."""
    if end is None or here.ranks == 1:
        return end

    def latest(state: State) -> int:
        state.planned = highest(end(state), here, what="agreeing on the end")
        return state.planned

    return latest


def share_of(images: int, here: World) -> tuple[int, int]:
    """Which share of a split this rank answers for, of how many; all of it where that does not part."""
    return (0, 1) if here.by_images or images < here.shares else (here.share, here.shares)


def together(mine: Predictions, here: World, share: tuple[int, int]) -> Predictions:
    """All ranks' scores in the order of the split; labels are the whole split's already."""
    if share[1] == 1:
        return mine
    return Predictions(gathered(mine.probabilities, here, what="gathering the scores"), mine.labels)


def share_buffers(network: nn.Module, here: World) -> None:
    """Give all shares what the norms of the first have counted: before they answer together."""
    if here.shares == 1:
        return
    with exchange("sharing the statistics of norms", here):
        for buffer in network.buffers():
            dist.broadcast(buffer, group=here.data_group, group_src=0)
