"""What test_zoo_ranks.py looks at: `zoo_ranks.py FOLDER [NETWORK…]` trains all on two ranks and on one.

One pair of processes goes through the zoo. The rank whose turn it is takes the same steps alone and writes
down how far both are from one another.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from ranks import over_ranks
from test_networks import SMALL
from torch import Tensor

from alexnet.networks import NETWORKS, create, entry
from alexnet.parallel import World, joined
from alexnet.recipe import Recipe
from alexnet.schedule import Constant
from alexnet.training.batch_norm import synchronise
from alexnet.training.gradients import backward_of
from alexnet.training.held import held_in_shards, held_whole
from alexnet.training.loop import step_seed
from alexnet.training.optimizer import optimizer_of, set_rates

OUT, NAMES = Path(sys.argv[1]), sys.argv[2:] or list(NETWORKS)
STEPS, BATCH, CLASSES = 2, 5, 6  # five images: the shares are not even
ALONE, SHARES, SHARDS = "alone", "shares", "shards"
RATE = 1e-4
LONG = ("resnet1202", "resnet1001-v2")


def main() -> None:
    """Go through the zoo on two ranks."""
    torch.set_num_threads(1)
    codes = over_ranks(2, through_the_zoo, seconds=1500.0)
    (OUT / "codes.json").write_text(json.dumps(codes))


def through_the_zoo() -> None:
    """How far two ranks are from one process, by network and by how the ranks hold it."""
    with joined(timeout=300.0) as here:
        for number, name in enumerate(NAMES):
            together = {how: learned(name, how, here) for how in hows(name)}
            if number % here.ranks == here.rank:
                began = time.perf_counter()
                alone = learned(name, ALONE, World())
                told = {how: furthest(alone, found) for how, found in together.items()}
                told |= {"moved": moved(name, alone), "seconds": time.perf_counter() - began}
                (OUT / f"{name}.json").write_text(json.dumps(told))


def hows(name: str) -> tuple[str, ...]:
    """The ways in which ranks hold a network; one of a thousand layers takes minutes in shards."""
    return (SHARES,) if name in LONG else (SHARES, SHARDS)


def learned(name: str, how: str, here: World) -> dict[str, Tensor]:
    """Whole weights, statistics and losses after the steps."""
    recipe = Recipe(
        name=name,
        network=name,
        epochs=1,
        batch=BATCH,
        learning_rate=Constant(start=RATE),
        momentum=0.9,
        clip=1.0,
    )
    network = synchronise(started(name), here).train()
    holding = held_in_shards(network, here) if how == SHARDS else held_whole(network)
    if how != SHARDS:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = optimizer_of(recipe, network)
    backward = backward_of(holding, entry(name).loss, recipe, BATCH, here)
    losses = []
    for step in range(1 if name in LONG else STEPS):
        images, labels = (tensor[here.part(BATCH)] for tensor in pictures(name, step))
        set_rates(optimizer, recipe, 0.0, ())
        torch.manual_seed(step_seed(0, step))
        optimizer.zero_grad()
        losses.append(backward(images, labels).double())
        holding.clip(optimizer, 1.0)
        optimizer.step()
    weights = {key: whole(tensor) for key, tensor in network.state_dict().items()}
    return weights | {"losses": torch.stack(losses)}


def started(name: str) -> torch.nn.Module:
    """The network before its first step, small where its options allow."""
    _, options = small(name)
    return create(name, classes=CLASSES, channels=NETWORKS[name].input[0], seed=3, **options).double()


def small(name: str) -> tuple[int | None, dict[str, object]]:
    """The fewest pixels that a network takes, and the options of its small form."""
    beginnings = [beginning for beginning in SMALL if name.startswith(beginning)]
    return SMALL[max(beginnings, key=len)] if beginnings else (None, {})


def pictures(name: str, step: int) -> tuple[Tensor, Tensor]:
    """A batch [N, C, H, W] that lies as the loader's do, and its labels."""
    pixels, _ = small(name)
    channels, height, width = NETWORKS[name].input
    generator = torch.Generator().manual_seed(step)
    shape = (BATCH, channels, pixels or height, pixels or width)
    images = torch.randn(shape, generator=generator, dtype=torch.float64)
    images = images.contiguous(memory_format=torch.channels_last)
    return images, torch.randint(CLASSES, (BATCH,), generator=generator)


def whole(tensor: Tensor) -> Tensor:
    """A DTensor's rows from all ranks, or a plain tensor as it is."""
    gather = getattr(tensor, "full_tensor", None)
    return tensor.detach().clone() if gather is None else gather().detach()


def furthest(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The longest difference of two tensors of a name, beside that tensor's length."""
    assert one.keys() == other.keys()
    pairs = [(one[name].double(), other[name].double()) for name in one]
    # what is zero but for rounding, as a bias before a batch norm, has no length to compare with
    return max(float((a - b).norm() / a.norm().clamp_min(1e-6)) for a, b in pairs)


def moved(name: str, alone: Mapping[str, Tensor]) -> float:
    """How far the steps went: without it two networks that learned nothing would be equal."""
    before = started(name).state_dict()
    return max(
        float((alone[key] - before[key]).norm() / before[key].norm().clamp_min(1e-6))
        for key in before
        if before[key].is_floating_point()
    )


main()
