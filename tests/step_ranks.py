"""Steps on random pictures that data_ranks.py takes on one rank and on two, for test_ranks.py to compare."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from alexnet.batches.order import places
from alexnet.ingredients import Mix
from alexnet.networks import create, entry
from alexnet.parallel import joined
from alexnet.recipe import Recipe
from alexnet.schedule import Constant
from alexnet.training.batch_norm import synchronise
from alexnet.training.gradients import backward_of
from alexnet.training.held import held_in_shards, held_whole
from alexnet.training.loop import step_seed
from alexnet.training.optimizer import optimizer_of, set_rates
from alexnet.training.targets import mixed

STEPS, FEW, BATCH = 20, 3, 9
SMALL_ALEXNET = {"image": 20, "dense": (64, 64)}
UPDATES = ("sgd", "sgd-2012", "adamw", "rmsprop", "lars", "muon")


@dataclass(frozen=True)
class Kind:
    """A network, and how long it learns from which pictures."""

    network: str
    options: dict[str, Any] = field(default_factory=dict)
    channels: int = 3
    side: int = 32
    steps: int = STEPS


KINDS = {
    "dropout of maps": Kind("nin-cifar", {"width": 0.125}),
    "dropout of the paper": Kind("alexnet-32", SMALL_ALEXNET, side=20),
    "side heads": Kind("googlenet-64", side=64, steps=FEW),
    "batch norm": Kind("resnet20", side=8),
    "shards of the paper's": Kind("alexnet-32", SMALL_ALEXNET, side=20, steps=FEW),
    "shards with batch norm": Kind("resnet20", side=8, steps=FEW),
    **{f"update by {name}": Kind("lenet", {"image": 12}, 1, 12, FEW) for name in UPDATES},
}


def steps_of(out: Path, kind: str, dtype: torch.dtype, changes: dict[str, Any], shard: bool = False) -> None:
    """Train on random pictures; the first rank writes weights and losses."""
    chosen = KINDS[kind]
    recipe = Recipe(
        name=kind,
        network=chosen.network,
        options=chosen.options,
        epochs=1,
        batch=BATCH,
        learning_rate=Constant(start=0.002),
        clip=5.0,
        **changes,
    )
    generator = torch.Generator().manual_seed(1)
    shape = (STEPS, BATCH, chosen.channels, chosen.side, chosen.side)
    pictures = torch.randn(shape, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 7, (STEPS, BATCH), generator=generator)
    with joined() as here:
        network = create(chosen.network, classes=7, channels=chosen.channels, seed=3, **chosen.options)
        network = synchronise(network, here) if recipe.sync_batch_norm else network
        order = torch.contiguous_format if shard else torch.channels_last
        network = network.to(dtype, memory_format=order).train()
        holding = held_in_shards(network, here) if shard else held_whole(network)
        optimizer = optimizer_of(recipe, network)
        loss = entry(chosen.network).loss
        if recipe.mix is not None:
            loss = _mixing(loss, recipe.mix)
        backward = backward_of(holding, loss, recipe, BATCH, here)
        mine = places(BATCH, here.share, here.shares, paired=recipe.mix is not None)
        losses = []
        for step in range(chosen.steps):
            set_rates(optimizer, recipe, 0.0, ())
            torch.manual_seed(step_seed(0, step))
            optimizer.zero_grad()
            losses.append(backward(pictures[step, mine].to(dtype), labels[step, mine]).double())
            optimizer.step()
        tensors = {key: whole(value) for key, value in network.state_dict().items()}
        if here.is_first:
            held = f"{here.ranks}-shards" if shard else str(here.ranks)
            file = f"{kind}-{str(dtype)[6:]}-{'-'.join(changes)}-{held}.safetensors"
            save_file({**tensors, "losses": torch.stack(losses)}, out / file)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A DTensor's rows from all ranks, or a plain tensor as it is."""
    gather = getattr(tensor, "full_tensor", None)
    return (tensor if gather is None else gather()).detach().contiguous()


def _mixing(loss: Callable[..., torch.Tensor], mix: Mix) -> Callable[..., torch.Tensor]:
    def mixing(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        images, targets = mixed(images, labels, mix, 7)
        return loss(network, images, targets.to(images.dtype))

    return mixing


def compared(out: Path) -> list[Callable[[], None]]:
    """Steps on random pictures that come to the same on one rank and on two."""
    wide = torch.float64
    return [
        partial(steps_of, out, "dropout of maps", torch.float32, {}),
        partial(steps_of, out, "dropout of maps", wide, {}),
        partial(steps_of, out, "dropout of maps", wide, {"mix": Mix(mixup=0.4, cutmix=1.0)}),
        partial(steps_of, out, "dropout of the paper", wide, {"accumulate": 2}),
        partial(steps_of, out, "side heads", wide, {"sync_batch_norm": True}),
        partial(steps_of, out, "batch norm", wide, {"sync_batch_norm": True}),
    ]


def of_shards(out: Path, *, shard: bool) -> list[Callable[[], None]]:
    """Networks and updates whose weights ranks share out; the same in one process."""
    wide = torch.float64
    return [
        partial(steps_of, out, "shards of the paper's", wide, {"accumulate": 2}, shard=shard),
        partial(steps_of, out, "shards with batch norm", wide, {"sync_batch_norm": True}, shard=shard),
        *(
            partial(steps_of, out, f"update by {each}", wide, {"optimizer": each}, shard=shard)
            for each in UPDATES
        ),
    ]
