"""Ranks for the tests of split networks: processes that train a part each and write what came of it."""

from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from alexnet.networks import create, cross_entropy
from alexnet.networks.columns.exchange import Column
from alexnet.networks.columns.split import Split, split
from alexnet.networks.layers import PaperDropout
from alexnet.networks.undrawn import on_paper
from alexnet.recipe import Recipe, Rule
from alexnet.schedule import Steps
from alexnet.training.loop import optimizer_tensors, step_seed
from alexnet.training.optimizer import optimizer_of, set_rates

RANKS = 4
IMAGES, STEPS = 12, 20
TINY = {"image": 40, "window": 5, "stride": 2, "maps": (8, 12, 16, 16, 8), "dense": (24, 20)}


@dataclass(frozen=True)
class Case:
    """A network and the way it is trained; one file of results for each."""

    name: str
    network: str
    options: dict[str, Any] = field(default_factory=lambda: dict(TINY))
    classes: int = 5  # not even: the first column has a logit more
    dtype: torch.dtype = torch.float32
    scheme: str = "columns"
    channels_last: bool = True
    side: int = 40
    precision: str = "float32"
    shares: int = 1  # of the batch, over ranks
    steps: int = STEPS
    columns: int = 2
    pair: int | None = None  # of the four ranks; None is all


def recipe_of(case: Case) -> Recipe:
    return Recipe(
        name="tiny",
        network=case.network,
        options=case.options,
        epochs=2,
        batch=IMAGES,
        optimizer="sgd-2012",
        learning_rate=Steps(start=0.05, drops=(1,)),
        weight_decay=0.0005,
        rules=(Rule(match="*.bias", times=2.0, weight_decay=0.0), Rule(match="fc8.*", times=0.5)),
    )


def network_of(case: Case) -> nn.Module:
    if case.network == "alexnet-owt":
        return _owt(case.classes).to(case.dtype)
    options = case.options | ({"keep_spread": True} if "maps" in case.options else {})
    network = create(case.network, classes=case.classes, seed=3, **options)
    return network.to(case.dtype)


def _owt(classes: int) -> nn.Module:
    """The network of 2014 with its table's layers, the dense ones narrow."""
    with on_paper():
        network = create("alexnet-owt", classes=classes)
    torch.manual_seed(3)
    network.fc6, network.fc7, network.fc8 = nn.Linear(9216, 32), nn.Linear(32, 24), nn.Linear(24, classes)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            layer.to_empty(device="cpu").reset_parameters()
    return network


def batch_of(case: Case, step: int, images: int = IMAGES) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(step)
    pixels = torch.randn(images, 3, case.side, case.side, generator=drawn).to(case.dtype)
    labels = torch.randint(case.classes, (images,), generator=drawn)
    pixels += labels.to(case.dtype)[:, None, None, None] / 2
    return (pixels.contiguous(memory_format=torch.channels_last) if case.channels_last else pixels), labels


class OwnRows(nn.Module):
    """Dropout of a share of the images by its rows of the whole batch's mask."""

    def __init__(self, drop: nn.Module, share: int, shares: int) -> None:
        super().__init__()
        self.drop, self.share, self.shares = drop, share, shares

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return self.drop(features)
        mask = self.drop(features.new_ones(len(features) * self.shares, features.size(1)))
        return features * mask.chunk(self.shares)[self.share]


def masked_by_rows(network: nn.Module, share: int, shares: int) -> None:
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Dropout | PaperDropout):
                setattr(module, name, OwnRows(child, share, shares))


def trained(case: Case, part: Split | None = None, share: int = 0, data: Any = None) -> dict[str, Tensor]:
    """Whole weights, momenta, losses and logits after 20 steps, in one process or by this rank's part."""
    network = part.network if part else network_of(case)
    if case.channels_last:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe = recipe_of(case)
    optimizer = optimizer_of(recipe, network)
    losses, shares = [], case.shares if part else 1
    network.train()
    if shares > 1 and case.scheme == "columns":
        masked_by_rows(network, share, shares)
    for step in range(case.steps):
        images, labels = (tensor.chunk(shares)[share] for tensor in batch_of(case, step))
        set_rates(optimizer, recipe, step / (case.steps // 2), [])
        torch.manual_seed(step_seed(0, step))
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=case.precision == "bfloat16"):
            loss = cross_entropy(network, images, labels) / shares
        loss.backward()
        if shares > 1 and part:
            for name, parameter in network.named_parameters():
                if name not in part.not_summed:
                    dist.all_reduce(parameter.grad, group=data)
            dist.all_reduce(loss.detach_(), group=data)
        optimizer.step()
        losses.append(loss.item())
    lengths = (
        part.gradient_length()
        if part
        else nn.utils.get_total_norm([parameter.grad for parameter in network.parameters()])
    )
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=case.precision == "bfloat16"):
        logits = network.eval()(batch_of(case, 99, images=7)[0])
    weights, momenta = dict(network.state_dict()), optimizer_tensors(optimizer)
    if part:
        weights, momenta = part.whole(weights), part.whole(momenta)
    return (
        {"losses": torch.tensor(losses, dtype=torch.float64), "logits": logits, "length": lengths}
        | weights
        | momenta
    )


def _rank(rank: int, meeting: str, cases: list[Case], folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=RANKS)
    try:
        pairs, alike = (
            [dist.new_group(pair) for pair in each] for each in ([(0, 1), (2, 3)], [(0, 2), (1, 3)])
        )
        places = [
            Place(rank // 2, rank % 2, pairs[rank // 2], alike[rank % 2]),
            Place(0, rank, dist.group.WORLD),
        ]
        for case in cases:
            place = places[case.columns == RANKS]
            if case.pair in (None, place.pair):
                _case(case, place, folder)
    finally:
        dist.destroy_process_group()


@dataclass(frozen=True)
class Place:
    """Where a rank stands among the four: two pairs of columns, or four columns."""

    pair: int
    number: int
    columns: Any
    alike: Any = None  # the same column of both pairs


def _case(case: Case, place: Place, folder: Path) -> None:
    column = Column(place.number, case.columns, place.columns)
    by_images = case.scheme == "owt"
    part = split(case.network, network_of(case), column, scheme=case.scheme)  # type: ignore[arg-type]
    share, data = (
        (place.number, place.columns) if by_images else (place.pair if case.shares > 1 else 0, place.alike)
    )
    results = trained(case, part, share, data)
    results["numbers"] = torch.tensor(sum(parameter.numel() for parameter in part.network.parameters()))
    results |= {f"sent/{name}": torch.tensor(both) for name, both in part.sent().items()}
    # the second pair of a grid holds what the first does, for other images
    number = place.number + (case.columns * place.pair if case.pair is None else 0)
    save_file(
        {name: tensor.contiguous() for name, tensor in results.items()}, folder / f"{case.name}-{number}"
    )


def on_ranks(cases: list[Case], folder: Path) -> dict[str, list[dict[str, Tensor]]]:
    """What each rank wrote of each case; those of two ranks run two at a time."""
    # one process imports torch, and the ranks are its forks
    forkserver.set_forkserver_preload([__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        mp.start_processes(
            _rank, (f"file://{folder / 'meeting'}", cases, folder), nprocs=RANKS, start_method="forkserver"
        )
    return {
        case.name: [
            load_file(folder / f"{case.name}-{number}")
            for number in range(2 if case.pair is not None else RANKS)
        ]
        for case in cases
    }
