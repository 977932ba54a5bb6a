"""Network in network against the counts of its authors' files and of the book."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alexnet.networks.nin import nin, nin_32, nin_cifar, nin_d2l


def on_meta(build, *sizes, **options):
    with torch.device("meta"):
        return build(*sizes, **options)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("build", "classes", "channels", "size", "count", "operations"),
    [
        (nin, 1000, 3, 224, 7_595_176, 1_100_188_800),
        (nin_d2l, 10, 1, 224, 1_992_166, 762_297_352),
        (nin_d2l, 1000, 3, 224, 7_439_608, 965_572_864),
        (nin_cifar, 10, 3, 32, 966_986, 222_486_528),
        (nin_32, 10, 3, 32, 64_122, 16_693_248),
    ],
)
def test_golden_counts(build, classes, channels, size, count, operations):
    network = on_meta(build, classes, channels).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, channels, size, size, device="meta"))
    assert (parameters(network), counter.get_total_flops() // 2) == (count, operations)


@pytest.mark.parametrize(
    ("build", "size", "expected"),
    [
        (nin, 224, {"cccp2": (96, 54, 54), "pool1": (96, 27, 27), "pool2": (256, 13, 13),
                    "pool3": (384, 6, 6), "relu_cccp8": (1000, 6, 6), "flat": (1000,)}),
        (nin_d2l, 224, {"cccp2": (96, 54, 54), "pool1": (96, 26, 26), "pool2": (256, 12, 12),
                        "pool3": (384, 5, 5), "relu_cccp8": (10, 5, 5), "flat": (10,)}),
        (nin_cifar, 32, {"conv1": (192, 32, 32), "cccp1": (160, 32, 32), "cccp2": (96, 32, 32),
                         "pool1": (96, 16, 16), "pool2": (192, 8, 8), "cccp6": (10, 8, 8), "flat": (10,)}),
    ],
)  # fmt: skip
def test_sizes(build, size, expected):
    network = on_meta(build)
    maps, shapes = torch.empty(1, network.conv1.in_channels, size, size, device="meta"), {}
    for name, layer in network.named_children():
        maps = layer(maps)
        shapes[name] = tuple(maps.shape[1:])
    assert {name: shapes[name] for name in expected} == expected


def test_the_logits_are_the_means_of_the_class_maps():
    torch.manual_seed(0)
    network = nin_cifar(5).eval()
    images = torch.randn(2, 3, 32, 32)
    maps = network[:-2](images)
    assert maps.shape == (2, 5, 8, 8)
    torch.testing.assert_close(network(images), maps.mean((2, 3)))


def test_norms_stand_between_every_convolution_but_the_last_and_its_relu():
    names = list(on_meta(nin_cifar, norm=True)._modules)
    assert names[:6] == ["conv1", "norm_conv1", "relu_conv1", "cccp1", "norm_cccp1", "relu_cccp1"]
    assert names[-4:] == ["cccp6", "relu_cccp6", "pool3", "flat"]
    with_bias = [name for name, _ in on_meta(nin_cifar, norm=True).named_parameters() if "norm" not in name]
    assert [name for name in with_bias if name.endswith("bias")] == ["cccp6.bias"]


@pytest.mark.parametrize(
    ("build", "options", "size"),
    [
        (nin, {}, 67),
        (nin_d2l, {}, 67),
        (nin_cifar, {}, 32),
        (nin_cifar, {"width": 0.25}, 64),
        (nin_32, {}, 32),
    ],
)
def test_gradient_reaches_every_parameter(build, options, size):
    torch.manual_seed(0)
    network = build(5, 1, **options)
    logits = network(100 * torch.randn(4, 1, size, size))
    assert logits.shape == (4, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.any()] == []


def test_first_weights_are_the_authors_and_follow_the_seed():
    def build(seed):
        torch.manual_seed(seed)
        return nin(10)

    deviations = {
        name: round(layer.weight.std().item(), 3)
        for name, layer in build(0).named_children()
        if isinstance(layer, nn.Conv2d)
    }
    assert [name for name, deviation in deviations.items() if deviation == 0.01] == [
        "conv1",
        "conv3",
        "cccp8",
    ]
    assert {round(deviation, 2) for deviation in deviations.values()} == {0.01, 0.05}
    assert not any(layer.bias.any() for layer in build(0) if isinstance(layer, nn.Conv2d))
    assert torch.equal(build(0).cccp8.weight, build(0).cccp8.weight)
    assert not torch.equal(build(0).cccp8.weight, build(1).cccp8.weight)


def test_the_books_first_weights_are_glorots():
    torch.manual_seed(0)
    weight = nin_d2l().conv2.weight
    assert weight.abs().max().item() == pytest.approx((6 / ((96 + 256) * 25)) ** 0.5, rel=0.01)
