"""BN-Inception against its paper's table."""

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alexnet.networks import NETWORKS, create
from alexnet.networks.bn_inception import bn_inception, initialised

# parameters and multiply-adds at 1000 classes and the network's own size
GOLDEN = [
    ("bn-inception", {}, 11_285_224, 2_032_600_064),
    ("bn-inception", {"projection": 96}, 11_194_984, 2_018_851_840),
    ("bn-inception", {"bias": True}, 11_295_240, 2_032_600_064),
    ("bn-inception", {"separable": True}, 11_278_528, 1_948_605_440),
    ("bn-inception-64", {}, 902_584, 34_753_536),
]


@functools.cache
def on_meta(name, **options):
    with torch.device("meta"):
        return create(name, classes=1000, **options).eval()


def shapes(network, size):
    """Shape [C, H, W] of each child's output."""
    maps, found = torch.empty(1, 3, size, size, device="meta"), {}
    for name, layer in network.named_children():
        maps = layer(maps)
        found[name] = tuple(maps.shape[1:])
    return found


@pytest.mark.parametrize(("name", "options", "weights", "macs"), GOLDEN)
def test_golden_counts(name, options, weights, macs):
    network = on_meta(name, **options)
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, *NETWORKS[name].input, device="meta"))
    assert sum(parameter.numel() for parameter in network.parameters()) == weights
    assert counter.get_total_flops() // 2 == macs


@pytest.mark.parametrize(
    ("projection", "maps"),
    [(128, [256, 320, 576, 576, 576, 608, 608, 1056, 1024, 1024]),
     (96, [256, 320, 576, 576, 576, 576, 576, 1024, 1024, 1024])],
)  # fmt: skip
def test_sizes(projection, maps):
    found = shapes(on_meta("bn-inception", projection=projection), 224)
    assert [found[name] for name in ("conv1", "pool1", "conv2", "pool2")] == [
        (64, 112, 112), (64, 56, 56), (192, 56, 56), (192, 28, 28),
    ]  # fmt: skip
    blocks = [shape for name, shape in found.items() if name.startswith("inception")]
    assert [shape[0] for shape in blocks] == maps
    assert [shape[1] for shape in blocks] == [28, 28, 14, 14, 14, 14, 14, 7, 7, 7]


def test_small_form_works_at_16_8_and_4_pixels():
    found = shapes(on_meta("bn-inception-64"), 64)
    assert [found[f"inception{name}"] for name in ("3b", "3c", "4d", "4e", "5b")] == [
        (80, 16, 16), (144, 8, 8), (152, 8, 8), (264, 4, 4), (256, 4, 4),
    ]  # fmt: skip


def test_pools_by_the_mean_until_the_last_block():
    pools = {
        name: type(layer.pool[0])
        for name, layer in on_meta("bn-inception").named_children()
        if name.startswith("inception") and isinstance(layer.pool, nn.Sequential)
    }
    assert pools.pop("inception5b") is nn.MaxPool2d
    assert len(pools) == 7
    assert set(pools.values()) == {nn.AvgPool2d}


@pytest.mark.parametrize("size", [32, 33, 64, 97, 224, 255])
@pytest.mark.parametrize("name", ["bn-inception", "bn-inception-64"])
def test_takes_any_size(name, size):
    assert on_meta(name)(torch.empty(2, 3, size, size, device="meta")).shape == (2, 1000)


def test_any_prefix_runs_alone():
    network = on_meta("bn-inception")
    assert network[:5](torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 192, 28, 28)


@pytest.mark.parametrize(("name", "size"), [("bn-inception", 96), ("bn-inception-64", 64)])
def test_loss_starts_near_the_logarithm_and_its_gradient_reaches_every_parameter(name, size):
    network = create(name, classes=10, channels=1).train()
    torch.manual_seed(0)
    loss = F.cross_entropy(network(torch.randn(4, 1, size, size)), torch.tensor([1, 8, 0, 3]))
    assert loss.item() == pytest.approx(math.log(10), abs=0.7)
    loss.backward()
    for at, parameter in network.named_parameters():
        assert parameter.grad is not None, at
        assert parameter.grad.isfinite().all(), at
        assert parameter.grad.any(), at


def test_small_form_memorises():
    torch.manual_seed(0)
    network = create("bn-inception-64", classes=4)
    images, labels = torch.randn(16, 3, 32, 32), torch.arange(16) % 4
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(20):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_first_weights():
    torch.manual_seed(0)
    conv, fc = initialised(nn.Sequential(nn.Conv2d(64, 192, 3), nn.Linear(1024, 1000)))
    deviation = math.sqrt(2 / (64 * 9))
    assert conv.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert 2.2 * deviation < conv.weight.abs().max() <= 2 * math.sqrt(1.3) * deviation
    assert fc.weight.std().item() == pytest.approx(math.sqrt(2 / 2024), rel=0.02)
    assert not conv.bias.any()
    assert not fc.bias.any()


def test_biases_change_nothing_before_a_norm():
    torch.manual_seed(0)
    plain, biased = bn_inception(classes=3), bn_inception(classes=3, bias=True)
    biased.load_state_dict(plain.state_dict(), strict=False)
    for layer in biased.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.bias, std=0.1)
    images = torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(biased.train()(images), plain.train()(images), rtol=1e-3, atol=1e-3)


def test_separable_conv1_is_a_7x7_of_rank_eight_a_channel():
    """The two convolutions are together one 7×7 whose kernels mix eight a channel."""
    torch.manual_seed(0)
    conv1 = bn_inception(classes=3, separable=True).conv1
    images = torch.randn(2, 3, 32, 32)
    kernels = torch.einsum(
        "ocd,cdhw->ochw", conv1.conv.weight.view(64, 3, 8), conv1.depth.weight.view(3, 8, 7, 7)
    )
    with torch.no_grad():
        expected = F.conv2d(images, kernels, stride=2, padding=3)
        torch.testing.assert_close(conv1.conv(conv1.depth(images)), expected, rtol=0, atol=1e-4)
