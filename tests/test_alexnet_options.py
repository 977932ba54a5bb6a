"""The switches of AlexNet, its initial weights, and the networks for small pictures."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.alexnet_options import INPUTS, LAYERS, MIDDLE
from alexnet.networks.layers import ColumnLinear, PaperDropout, ResponseNorm, SameMapNorm
from alexnet.networks.summary import summarise, total
from alexnet.problem import UsageProblem

TINY = {"image": 72, "maps": (8, 8, 12, 12, 8), "dense": (20, 20)}
BOTH = ("alexnet", "alexnet-2012")


def on_meta(name, **options):
    known = NETWORKS[name]
    with torch.device("meta"):
        return create(name, classes=known.classes, channels=known.input[0], **options)


def sizes(name, **options):
    whole = total(summarise(on_meta(name, **options), NETWORKS[name].input))
    return whole.parameters, whole.multiply_adds


# initial weights


@pytest.mark.parametrize(
    ("name", "conv", "dense", "ones"),
    [("alexnet", [0.01] * 5, [0.01] * 3, 1), ("alexnet-2012", [0.01, 0.01, 0.03, 0.03, 0.03], [0.01] * 3, 1),
     ("caffe-alexnet", [0.01] * 5, [0.005, 0.005, 0.01], 0.1),
     ("caffenet", [0.01] * 5, [0.005, 0.005, 0.01], 1)],
)  # fmt: skip
def test_initial_weights_are_the_sources(name, conv, dense, ones):
    network = create(name, classes=50, maps=(48, 64, 96, 96, 64), dense=(256, 256))
    found = [network.get_submodule(layer).weight.std().item() for layer in LAYERS]
    assert found == pytest.approx(conv + dense, rel=0.05)
    biases = [network.get_submodule(layer).bias for layer in LAYERS]
    assert all(bool((bias == bias[0]).all()) for bias in biases)
    assert [bias[0].item() for bias in biases] == pytest.approx([0, ones, 0, ones, ones, ones, ones, 0])


@pytest.mark.parametrize("name", ["alexnet-64", "alexnet-2012-32"])
def test_small_networks_keep_the_spread_of_the_sums(name):
    network = create(name, classes=100)
    base = dict(zip(LAYERS, [0.01] * 2 + [0.03 if "2012" in name else 0.01] * 3 + [0.01] * 3, strict=True))
    for layer, inputs in zip(LAYERS, INPUTS, strict=True):
        weight = network.get_submodule(layer).weight
        assert weight.std().item() * weight[0].numel() ** 0.5 == pytest.approx(
            base[layer] * inputs**0.5, rel=0.05
        )


@pytest.mark.parametrize(
    ("name", "limit"),
    [("alexnet-64", 60e6), ("alexnet-2012-64", 60e6), ("alexnet-32", 20e6), ("alexnet-2012-32", 20e6)],
)
def test_small_networks_are_cheap_and_keep_the_layers(name, limit):
    assert sizes(name)[1] < limit
    large = "alexnet-2012" if "2012" in name else "alexnet"
    assert list(dict(on_meta(name).named_children())) == list(dict(on_meta(large).named_children()))


# switches


SWITCHES = [  # options, and how many layers with weights are left
    ({"norm": False}, 8), ({"overlapping": False}, 8), ({"dropout": 0.0}, 8), ({"bias": 0.0}, 8),
    ({"activation": "tanh"}, 8), ({"activation": "sigmoid"}, 8), ({"columns": 1}, 8), ({"columns": 4}, 8),
    ({"links": False}, 8), ({"conv6": True}, 9), *(({"without": [layer]}, 7) for layer in MIDDLE),
    ({"without": "conv3,conv4"}, 6),
    ({"without": ("conv2", "fc6", "fc7"), "overlapping": False, "norm": False}, 5),
]  # fmt: skip


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(("options", "layers"), SWITCHES, ids=str)
def test_every_switch_gives_a_network_that_learns(name, options, layers):
    network = create(name, classes=3, **{**TINY, **options})
    F.cross_entropy(network(60 * torch.randn(4, 3, 72, 72)), torch.tensor([0, 1, 2, 0])).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    weighted = [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Linear | ColumnLinear)]
    assert len(weighted) == layers


@pytest.mark.parametrize("name", BOTH)
def test_switches_do_what_they_say(name):
    def built(**options):
        return create(name, classes=3, **{**TINY, **options})

    assert not [m for m in built(norm=False).modules() if isinstance(m, ResponseNorm | SameMapNorm)]
    assert not [m for m in built(activation="tanh").modules() if isinstance(m, nn.ReLU)]
    assert isinstance(built(activation="tanh").tanh1, nn.Tanh)
    assert {m.p for m in built(dropout=0.2).modules() if isinstance(m, PaperDropout)} == {0.2}
    assert {m.kernel_size for m in built(overlapping=False).modules() if isinstance(m, nn.MaxPool2d)} == {2}
    assert {m.groups for m in built(columns=1).modules() if isinstance(m, nn.Conv2d)} == {1}
    assert [m.groups for m in built().modules() if isinstance(m, nn.Conv2d)] == [1, 2, 1, 2, 2]
    zero = dict(built(bias=0.0).named_parameters())
    assert all(not zero[f"{layer}.bias"].any() for layer in LAYERS)


def test_removing_a_middle_layer_costs_what_it_had():
    whole, _ = sizes("alexnet")
    assert whole - sizes("alexnet", without=("conv4",))[0] == 663_936
    # conv4 then sees the 256 maps of conv2 instead of 384
    assert whole - sizes("alexnet", without=("conv3",))[0] == 885_120 + 384 * 64 * 9
    assert sizes("alexnet", without=("fc6", "fc7"))[0] < 12e6


def test_pools_two_by_two_still_end_at_six():
    rows = {layer.name: layer.output for layer in summarise(on_meta("alexnet-2012-pool2"), (3, 224, 224))}
    assert [rows[f"{kind}"][1] for kind in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")] == [
        55, 28, 26, 13, 11, 6
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [({"activation": "gelu"}, "relu, tanh, sigmoid"), ({"without": ("conv1",)}, "conv2, conv3"),
     ({"maps": (96, 256)}, "maps takes 5"), ({"columns": 5}, "do not part into 5 columns"),
     ({"image": 20}, "too small"), ({"norms": False}, "has no option norms"),
     ({"dropout": 1.5}, "dropout rate")],
)  # fmt: skip
def test_options_that_cannot_be_are_refused_in_one_line(options, words):
    with pytest.raises(UsageProblem, match=words) as raised:
        on_meta("alexnet", **options)
    assert "\n" not in str(raised.value)
