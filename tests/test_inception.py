"""Inception v3, v4 and Inception-ResNet-v2 against published counts and their peers' logits."""

import math

import pytest
import torch
import torch.nn.functional as F
from inception_peers import (
    PEERS,
    assert_equal,
    drawn_v3,
    multiply_adds,
    on_meta,
    pair,
    parameters,
    shapes,
    train_with_fixed_statistics,
)
from torch import nn

from alexnet.networks import NETWORKS, create, inception_resnet_v2, inception_v4
from alexnet.problem import UsageProblem

# parameters and multiply-adds of `forward` at 1000 classes and the network's own size
GOLDEN = [
    ("inception-v3", {"side_head": False}, 23_834_568, 5_713_216_096),
    ("inception-v3", {}, 27_161_264, 5_713_216_096),
    ("inception-v4", {}, 42_679_816, 12_253_974_624),
    ("inception-resnet-v2", {}, 55_843_464, 13_155_794_016),
    ("inception-v3-64", {}, 1_881_216, 46_090_624),
    ("inception-v4-64", {}, 1_414_768, 53_329_312),
    ("inception-resnet-v2-64", {}, 1_657_688, 50_708_544),
]
SMALL = ("inception-v3-64", "inception-v4-64", "inception-resnet-v2-64")


@pytest.mark.parametrize(("name", "options", "weights", "macs"), GOLDEN)
def test_golden_counts(name, options, weights, macs):
    network = on_meta(name, **options)
    assert (parameters(network), multiply_adds(network, NETWORKS[name].input[1])) == (weights, macs)


@pytest.mark.parametrize("name", PEERS)
def test_keys_and_shapes_are_the_peers(name):
    rename, peer, count = PEERS[name]
    with torch.device("meta"):
        theirs = peer()
        ours = create(name, classes=1000, **({"side_head": False} if name == "inception-v3" else {}))
    renamed = rename(theirs.state_dict())
    assert {key: tensor.shape for key, tensor in renamed.items()} == {
        key: tensor.shape for key, tensor in ours.state_dict().items()
    }
    assert len(renamed) == count


@pytest.mark.parametrize("name", PEERS)
def test_a_foreign_key_stays_as_it_is(name):
    weight = torch.zeros(1)
    for key in ("encoder.weight", "features.22.conv.weight"):
        assert PEERS[name][0]({key: weight}) == {key: weight}


@pytest.mark.parametrize("name", PEERS)
def test_logits_equal_the_peer(name):
    """In eval mode, and in training mode with the norms' statistics fixed."""
    ours, theirs = pair(name)
    images = torch.randn(2, 3, 75, 75)
    with torch.no_grad():
        assert_equal(ours.eval()(images), theirs.eval()(images), 1e-5)
        train_with_fixed_statistics(ours)
        train_with_fixed_statistics(theirs)
        assert_equal(ours(images), theirs(images), 1e-5)


@pytest.mark.parametrize("name", PEERS)
def test_logits_and_gradients_equal_the_peer_in_float64(name):
    ours, theirs = pair(name, torch.float64)
    images = torch.randn(1, 3, 80, 80, dtype=torch.float64)
    logits, gradients = [], []
    for network in (ours, theirs):
        train_with_fixed_statistics(network)
        leaf = images.clone().requires_grad_()
        logits.append(network(leaf))
        gradients.append(torch.autograd.grad(logits[-1][0, 7], leaf)[0])
    assert_equal(*logits, 1e-10)
    assert_equal(*gradients, 1e-10)


# Inception-v4 and Inception-ResNet-v2


def test_sizes_of_v4():
    found = shapes(on_meta("inception-v4"), 299)
    assert [found[name] for name in ("conv1", "conv2", "conv3", "mixed3", "mixed4", "mixed5")] == [
        (32, 149, 149), (32, 147, 147), (64, 147, 147), (160, 73, 73), (192, 71, 71), (384, 35, 35),
    ]  # fmt: skip
    assert [found[name] for name in ("block_a4", "reduction_a", "block_b7", "reduction_b", "block_c3")] == [
        (384, 35, 35), (1024, 17, 17), (1024, 17, 17), (1536, 8, 8), (1536, 8, 8),
    ]  # fmt: skip
    assert not {"block_a5", "block_b8", "block_c4"} & found.keys()


def test_sizes_of_inception_resnet():
    found = shapes(on_meta("inception-resnet-v2"), 299)
    names = ("mixed5b", "block_a10", "reduction_a", "block_b20", "reduction_b", "block_c10", "conv7b")
    assert [found[name] for name in names] == [
        (320, 35, 35), (320, 35, 35), (1088, 17, 17), (1088, 17, 17), (2080, 8, 8), (2080, 8, 8),
        (1536, 8, 8),
    ]  # fmt: skip
    assert not {"block_a11", "block_b21", "block_c11"} & found.keys()


def test_residuals_are_scaled_and_the_last_is_linear():
    network = on_meta("inception-resnet-v2")
    scales = {name: layer.scale for name, layer in network.named_children() if name.startswith("block")}
    assert scales == (
        {f"block_a{number}": 0.17 for number in range(1, 11)}
        | {f"block_b{number}": 0.10 for number in range(1, 21)}
        | {f"block_c{number}": 0.20 for number in range(1, 10)}
        | {"block_c10": 1.0}
    )
    assert [name for name in scales if isinstance(network.get_submodule(name).last, nn.Identity)] == [
        "block_c10"
    ]


def test_a_residual_adds_a_share_of_its_branches():
    torch.manual_seed(0)
    branches = inception_resnet_v2.Branches(one=nn.Conv2d(4, 3, 1), two=nn.Conv2d(4, 2, 3, padding=1))
    block = inception_resnet_v2.Residual(branches, nn.Conv2d(5, 4, 1), scale=0.25, last=nn.ReLU())
    maps = torch.randn(2, 4, 6, 6)
    joined = torch.cat([branches.one(maps), branches.two(maps)], dim=1)
    torch.testing.assert_close(block(maps), F.relu(maps + 0.25 * block.expand(joined)))


# all of them


@pytest.mark.parametrize("name", PEERS)
def test_loss_starts_near_the_logarithm_and_its_gradient_reaches_every_parameter(name):
    network = drawn_v3() if name == "inception-v3" else create(name, classes=10)
    torch.manual_seed(0)
    size, heads = (299, 1.4) if name == "inception-v3" else (128, 1.0)
    loss = NETWORKS[name].loss(network.train(), torch.randn(2, 3, size, size), torch.tensor([1, 8]))
    assert loss.item() == pytest.approx(heads * math.log(10), abs=1)
    loss.backward()
    for at, parameter in network.named_parameters():
        assert parameter.grad is not None, at
        assert parameter.grad.isfinite().all(), at
        assert parameter.grad.any(), at


@pytest.mark.parametrize(("name", "share"), [("inception-v3", 0.5), ("inception-v4", 0.2),
                                             ("inception-resnet-v2", 0.2)])  # fmt: skip
def test_one_dropout_before_the_dense_layer(name, share):
    *_, drop, _ = on_meta(name).children()
    assert drop.p == share
    assert sum(isinstance(layer, nn.Dropout) for layer in on_meta(name).modules()) == 1


def test_first_weights_of_v4():
    torch.manual_seed(0)
    conv, fc = inception_v4.initialised(
        nn.Sequential(nn.Conv2d(64, 192, 3, bias=False), nn.Linear(1536, 1000))
    )
    deviation = math.sqrt(2 / (64 * 9))
    assert conv.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert 2.2 * deviation < conv.weight.abs().max() <= 2 * math.sqrt(1.3) * deviation
    assert fc.weight.std().item() == pytest.approx(math.sqrt(2 / 2536), rel=0.02)
    assert not fc.bias.any()


def test_first_weights_of_inception_resnet():
    torch.manual_seed(0)
    conv, fc = inception_resnet_v2.initialised(nn.Sequential(nn.Conv2d(64, 192, 3), nn.Linear(1536, 1000)))
    limits = {conv: math.sqrt(6 / (256 * 9)), fc: math.sqrt(6 / 2536)}
    for layer, limit in limits.items():
        assert 0.99 * limit < layer.weight.abs().max() <= limit
        assert not layer.bias.any()


# the small ones


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("inception-v3-64", {"mixed5d": (72, 13, 13), "mixed6e": (192, 6, 6), "mixed7c": (512, 2, 2)}),
        ("inception-v4-64", {"block_a1": (96, 13, 13), "block_b2": (256, 6, 6), "block_c1": (384, 2, 2)}),
        (
            "inception-resnet-v2-64",
            {"block_a3": (80, 13, 13), "block_b5": (272, 6, 6), "block_c2": (520, 2, 2)},
        ),
    ],
)
def test_sizes_of_the_small_ones(name, stages):
    found = shapes(on_meta(name), 64)
    assert {stage: found[stage] for stage in stages} == stages
    more = {f"{stage[:-1]}{int(stage[-1]) + 1}" for stage in stages if stage.startswith("block")}
    assert not more & found.keys()


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("width", [0.125, 0.625, 1.5])
def test_width_scales_every_layer_exactly(name, width):
    """Concatenated maps too: no printed number leaves a remainder when cut in eighths."""

    def maps(network):
        return [
            (layer.in_channels, layer.out_channels)
            for layer in network.modules()
            if isinstance(layer, nn.Conv2d)
        ]

    (images, outs), *printed = maps(on_meta(name))
    assert maps(on_meta(name, width=width)) == [
        (images, outs * width), *((ins * width, outs * width) for ins, outs in printed)
    ]  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_gradient_reaches_every_parameter_of_a_small_one(name):
    network = create(name, classes=4).train()
    torch.manual_seed(0)
    images, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 3])
    cost = NETWORKS[name].loss(network, images, labels)
    assert cost.item() == pytest.approx(math.log(4), abs=1)
    cost.backward()
    for at, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), at
        assert parameter.grad.any(), at


@pytest.mark.parametrize("name", SMALL)
def test_a_small_one_takes_images_from_39_pixels(name):
    assert on_meta(name).eval()(torch.empty(2, 3, 39, 39, device="meta")).shape == (2, 1000)
    with pytest.raises(RuntimeError, match="greater than actual input size"):
        on_meta(name).eval()(torch.empty(2, 3, 38, 38, device="meta"))


def test_the_last_of_fewer_residuals_is_linear():
    network = on_meta("inception-resnet-v2", blocks=(1, 2, 3))
    blocks = {name: layer for name, layer in network.named_children() if name.startswith("block")}
    assert [*blocks] == ["block_a1", "block_b1", "block_b2", "block_c1", "block_c2", "block_c3"]
    assert [layer.scale for layer in blocks.values()] == [0.17, 0.10, 0.10, 0.20, 0.20, 1.0]
    assert [isinstance(layer.last, nn.ReLU) for layer in blocks.values()] == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"width": 0.3}, "width=0.3 is no whole number of eighths"),
        ({"width": 0}, "width=0 is no whole number of eighths"),
        ({"stride": 4}, "stride=4 of the first convolution is neither 1 nor 2"),
        ({"blocks": (4, 7)}, r"blocks=\(4, 7\) are not three numbers from 1"),
        ({"blocks": [4, 0, 3]}, r"blocks=\[4, 0, 3\] are not three numbers from 1"),
    ],
)
def test_says_which_sizes_it_does_not_take(options, complaint):
    for name in PEERS:
        if name != "inception-v3" or "blocks" not in options:
            with pytest.raises(UsageProblem, match=complaint):
                create(name, classes=2, **options)
