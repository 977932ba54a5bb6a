"""Counts of `summarise` against files, torch's own counter, torchvision's networks and hand-made cases."""

import pytest
import torch
import torchvision
from counting import counted_by_torch
from torch import Tensor, nn
from write_golden import GOLDEN, golden_text, golden_totals

from alexnet.networks import NETWORKS, create
from alexnet.networks.summary import (
    Layer,
    activation_bytes,
    neurons,
    summarise,
    total,
)
from alexnet.problem import UsageProblem


@pytest.mark.parametrize("name", NETWORKS)
def test_golden_files_hold(name):
    path = GOLDEN / f"{name}.txt"
    assert path.exists(), f"no golden file: write it with `python tests/write_golden.py {name}`"
    assert golden_text(name) == path.read_text(), f"if meant: `python tests/write_golden.py {name}`"


def test_golden_files_are_of_networks_there_are():
    assert {path.stem for path in GOLDEN.glob("*.txt")} <= set(NETWORKS)


OURS = [
    "lenet",
    "convnet-80sec",
    "convnet-conv-local-11pct",
    "alexnet",
    "alexnet-2012-nolinks",
    "alexnet-owt",
]


@pytest.mark.parametrize("name", OURS)
def test_multiply_adds_are_half_of_torchs_operations(name):
    known = NETWORKS[name]
    with torch.device("meta"):
        network = create(name, classes=known.classes, channels=known.input[0])
    assert golden_totals(name)[1] == counted_by_torch(network, known.input)


@pytest.mark.parametrize(
    ("build", "parameters", "multiply_adds"),
    [(torchvision.models.alexnet, 61_100_840, 714_188_480),
     (torchvision.models.vgg11, 132_863_336, 7.6091e9),
     (torchvision.models.resnet18, 11_689_512, 1.8141e9),
     (torchvision.models.resnet50, 25_557_032, 4.0892e9)],
    ids=["alexnet", "vgg11", "resnet18", "resnet50"],
)  # fmt: skip
def test_torchvisions_networks(build, parameters, multiply_adds):
    with torch.device("meta"):
        network = build(weights=None)
    whole = total(summarise(network, (3, 224, 224)))
    assert whole.parameters == parameters
    assert whole.multiply_adds == pytest.approx(multiply_adds, abs=5e4)
    assert whole.multiply_adds == counted_by_torch(network, (3, 224, 224))
    assert whole.output == (1000,)


class Block(nn.Module):
    """Two convolutions, of which one runs twice, a parameter of its own, and a head that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 2, 3, padding=1)
        self.second = nn.Conv2d(2, 4, 1)
        self.gain = nn.Parameter(torch.ones(4, 1, 1))
        self.head = nn.Linear(5, 7)

    def forward(self, maps: Tensor) -> Tensor:
        return self.second(self.first(self.first(maps))) * self.gain


def test_reuse_own_parameters_and_side_heads():
    rows = summarise(nn.Sequential(Block(), nn.ReLU()), (2, 6, 5))
    assert [(row.name, row.output, row.parameters, row.multiply_adds) for row in rows] == [
        ("0.first", (2, 6, 5), 38, 1080),
        ("0.first", (2, 6, 5), 0, 1080),
        ("0.second", (4, 6, 5), 12, 240),
        ("0", (4, 6, 5), 4, 0),
        ("1", (4, 6, 5), 0, 0),
        ("0.head", (), 42, 0),
    ]
    assert [row.depth for row in rows] == [1, 2, 3, 3, 3, 0]
    assert total(rows) == Layer("total", "", (4, 6, 5), 96, 2400, 60 + 60 + 120 + 120 + 120, 3)
    assert neurons(rows) == 60 + 60 + 120


def test_blocks_add_up():
    network = nn.Sequential(
        Block(), nn.ReLU(), nn.Sequential(nn.Sequential(nn.Conv2d(4, 3, 1)), nn.Flatten())
    )
    blocks = summarise(network, (2, 6, 5), depth=1)
    assert [(row.name, row.kind, row.output) for row in blocks] == [
        ("0", "Block", (4, 6, 5)), ("1", "ReLU", (4, 6, 5)), ("2", "Sequential", (90,)),
    ]  # fmt: skip
    for depth in (1, 2, 3):
        assert total(summarise(network, (2, 6, 5), depth=depth)) == total(summarise(network, (2, 6, 5)))


def test_tied_weights_count_once():
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    rows = summarise(nn.Sequential(nn.Flatten(), network), (1, 2, 2))
    assert total(rows).parameters == sum(p.numel() for p in network.parameters()) == 24
    assert total(rows).multiply_adds == 32


def test_summary_leaves_the_network_as_it_was():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout()).double()
    network[2].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    summarise(network, (1, 5, 5))
    assert [module.training for module in network.modules()] == [True, True, True, False]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_an_image_that_does_not_fit_is_refused_in_one_line():
    network = create("convnet-18pct", classes=10)
    with pytest.raises(UsageProblem, match=r"does not take images of \[1, 32, 32\]") as raised:
        summarise(network, (1, 32, 32))
    assert "\n" not in str(raised.value)
    assert network.training


def test_activation_memory_of_a_batch():
    rows = summarise(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 5, 5))
    assert activation_bytes(rows) == 4 * (18 + 18)
    assert activation_bytes(rows, images=128, bytes_each=2) == 128 * 2 * 36
