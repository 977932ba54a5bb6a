"""How the ranks hold a network: whole on each of them, in columns, or every weight in shards (FSDP)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from alexnet.networks.columns.exchange import Column
from alexnet.networks.columns.split import Split
from alexnet.networks.columns.split import split as split_network
from alexnet.parallel import World
from alexnet.parallel.shards import described, read_own
from alexnet.training.averaging import OWN
from alexnet.training.optimizer import clip_gradients

Tensors = dict[str, Tensor]
Clip = Callable[[torch.optim.Optimizer, float], None]


@dataclass(frozen=True)
class Held:
    """A network as this rank holds it, and how its tensors become whole ones in a checkpoint and back.

    `whole` is called on all ranks and gives the tensors on the first one only; `own` needs nobody else. A
    network in shards is saved as it lies, and `read` gives this rank's rows of what was saved so.
    """

    network: nn.Module
    own: Callable[[Mapping[str, Tensor]], Tensors] = dict
    whole: Callable[[Mapping[str, Tensor]], Tensors] = dict
    apart: Collection[str] = ()  # parameters whose gradients are not added up over the shares
    clip: Clip = clip_gradients
    read: Callable[[Path], Tensors] | None = None

    @property
    def sharded(self) -> bool:
        """Whether gradients come averaged over ranks, and weights lie in torch's plain order."""
        return self.read is not None


def held_whole(network: nn.Module) -> Held:
    """Every rank has all weights."""
    return Held(network)


def held_in_columns(name: str, network: nn.Module, here: World) -> Held:
    """This rank's columns of the network called `name`, which has its weights already."""
    column = Column(here.column, here.columns, here.column_group)
    part = split_network(name, network, column, scheme="owt" if here.by_images else "columns")

    def clip(optimizer: torch.optim.Optimizer, longest: float) -> None:
        length, weights = part.gradient_length(), list(part.network.parameters())
        nn.utils.clip_grads_with_norm_(weights, longest, length)

    return Held(
        part.network, _plainly(part, Split.own), _plainly(part, Split.whole), part.not_summed, clip=clip
    )


def _plainly(
    part: Split, does: Callable[[Split, Mapping[str, Tensor]], Tensors]
) -> Callable[[Mapping[str, Tensor]], Tensors]:
    """The same with tensors of an unaveraged network among them, which are called `average/…`."""

    def plainly(tensors: Mapping[str, Tensor]) -> Tensors:
        plain = {key.removeprefix(OWN): key for key in tensors}
        return {
            plain[key]: tensor
            for key, tensor in does(part, {k: tensors[o] for k, o in plain.items()}).items()
        }

    return plainly


def held_in_shards(network: nn.Module, here: World) -> Held:
    """Every rank keeps its rows of every weight, gradient and momentum; layers are put together when used.

    By `fully_shard` of torch (FSDP2): a child of the network is whole only while it computes. The network
    comes with its weights, on any device, and lies on the rank's own then.
    """
    # a second's import, for the few who need it
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor, empty

    assert here.mesh is not None
    mesh = here.mesh["data"]
    for child in network.children():
        if any(True for _ in child.parameters()):
            fully_shard(child, mesh=mesh)
    fully_shard(network, mesh=mesh)
    if hasattr(network, "all_heads"):  # the loss asks the side heads past `forward`
        register_fsdp_forward_method(network, "all_heads")
    sharded = {name for name, weight in network.named_parameters() if isinstance(weight, DTensor)}

    def parted(key: str, shape: torch.Size) -> bool:
        return bool(shape) and key.removeprefix(OWN).partition("/")[0] in sharded

    def own(tensors: Mapping[str, Tensor]) -> Tensors:
        return {
            key: distribute_tensor(tensor.to(here.device), mesh, [Shard(0)], src_data_rank=None)
            if parted(key, tensor.shape)
            else tensor
            for key, tensor in tensors.items()
        }

    def read(folder: Path) -> Tensors:
        rows = {
            key: empty(shape, dtype=dtype, device_mesh=mesh, placements=[Shard(0)])
            if parted(key, shape)
            else torch.empty(shape, dtype=dtype)
            for key, (shape, dtype) in described(folder).items()
        }
        read_own(folder, rows, here)
        return rows

    return Held(network, own, read=read)
