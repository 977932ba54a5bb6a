"""Saliency, Grad-CAM and hiding against what is known by hand, and over families of networks."""

import pytest
import torch
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.probing.heatmaps import Heat, heat_figure
from alexnet.probing.saliency import gradcam, last_maps, middle, occlusion, off_centre, saliency, scatter
from alexnet.problem import UsageProblem

FAMILIES = ("alexnet-2012-32", "lenet", "vgg-32", "resnet20", "googlenet-64", "nin-32")


def dense(weights: torch.Tensor) -> nn.Sequential:
    """A network whose logits are one weighted sum each."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(weights[0].numel(), len(weights), bias=False))
    network[1].weight.data = weights.flatten(1)
    return network.eval()


def test_saliency_of_a_sum_is_its_largest_weight_by_pixel():
    weights = torch.randn(4, 3, 5, 6)
    labels = torch.tensor([2, 0])
    found = saliency(dense(weights), torch.randn(2, 3, 5, 6), labels)
    torch.testing.assert_close(found, weights[labels].abs().amax(1))


def test_gradcam_is_the_weighted_sum_of_its_maps():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    ).eval()  # fmt: skip
    images, labels = torch.randn(2, 3, 8, 8), torch.tensor([0, 2])
    maps = network[:2](images).detach()
    weights = network[4].weight[labels] / 64  # [2, 4]: the mean gradient, all the same behind a mean
    expected = (maps * weights[:, :, None, None]).sum(1).clamp_min(0)
    torch.testing.assert_close(gradcam(network, images, labels, layer="1"), expected.detach())


@pytest.mark.parametrize("name", FAMILIES)
def test_heat_over_the_families(name):
    shape = NETWORKS[name].input
    network = create(name, classes=3, channels=shape[0]).eval()
    images, labels = torch.randn(2, *shape), torch.tensor([0, 2])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    layer = last_maps(network, shape)
    for heat in (saliency(network, images, labels), gradcam(network, images, labels, layer=layer)):
        assert heat.shape == (2, *shape[1:])
        assert torch.isfinite(heat).all()
        assert (heat >= 0).all()
    falls = occlusion(network, images[:1], 0, patch=shape[1] // 3, stride=shape[1] // 3)
    assert falls.shape == shape[1:]
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("alexnet-2012-64", "conv5"),
        ("lenet", "conv3"),
        ("lenet-1998", "c3"),
        ("convnet-conv-local-13pct", "local4"),
        ("resnet20", "conv4.2"),
        ("googlenet-64", "inception5b"),
    ],
)
def test_the_last_maps_are_a_convolution_or_where_branches_meet(name, layer):
    shape = NETWORKS[name].input
    assert last_maps(create(name, classes=3, channels=shape[0]), shape) == layer


def test_a_layer_without_maps_and_one_that_is_not_there():
    network = create("lenet", classes=3, channels=1).eval()
    images, labels = torch.randn(1, 1, 28, 28), torch.tensor([0])
    with pytest.raises(UsageProblem, match="no maps"):
        gradcam(network, images, labels, layer="flatten")
    with pytest.raises(UsageProblem, match="there are conv1"):
        gradcam(network, images, labels, layer="conv9")


def test_hiding_what_alone_counts_makes_the_probability_fall_there_only():
    weights = torch.zeros(2, 1, 8, 8)
    weights[0, 0, 2, 5] = 5.0
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 2, 5] = 1.0
    falls = occlusion(dense(weights), image, 0, patch=1, stride=1, batch=7)
    assert falls.argmax() == 2 * 8 + 5
    rest = falls.clone()
    rest[2, 5] = 0
    assert rest.abs().max() < 1e-6
    whole, left = torch.softmax(torch.tensor([[5.0, 0.0], [5.0 / 64, 0.0]]), 1)[:, 0]
    assert falls[2, 5].item() == pytest.approx((whole - left).item(), abs=1e-6)


@pytest.mark.parametrize(("patch", "stride"), [(3, 2), (4, 4), (5, 3)])
def test_hiding_reaches_every_pixel(patch, stride):
    falls = occlusion(
        dense(torch.randn(2, 1, 8, 10)), torch.randn(1, 1, 8, 10), 1, patch=patch, stride=stride
    )
    assert torch.isfinite(falls).all()


@pytest.mark.parametrize(("patch", "stride"), [(0, 1), (9, 1), (2, 3), (2, 0)])
def test_patches_that_do_not_cover_the_view_are_refused(patch, stride):
    with pytest.raises(UsageProblem, match="1 <= stride <= patch <= 8"):
        occlusion(dense(torch.randn(2, 1, 8, 8)), torch.randn(1, 1, 8, 8), 0, patch=patch, stride=stride)


def test_middles():
    heat = torch.zeros(6, 8)
    heat[1, 6] = 2.0
    heat[0, 0] = -9.0  # what speaks against does not count
    assert middle(heat) == (1.5, 6.5)
    assert scatter(heat) == 0.0
    assert off_centre(heat) == pytest.approx(2 * ((0.25) ** 2 + (6.5 / 8 - 0.5) ** 2) ** 0.5)
    assert middle(torch.zeros(6, 8)) == (3.0, 4.0)
    assert off_centre(torch.zeros(6, 8)) == 0.0


@pytest.mark.parametrize("count", [1, 3])
def test_heat_is_drawn(count, tmp_path):
    pixels = torch.randint(0, 256, (9, 9, 3), dtype=torch.uint8).numpy()
    rows = [Heat(pixels, torch.randn(9, 9), "dog, 90%\n(is cat)")] * count
    for signed in (False, True):
        figure = heat_figure("heat", rows, legend="legend", signed=signed)
        figure.savefig(tmp_path / "heat.png")
        assert sum(bool(axis.images) for axis in figure.axes) == 3 * count
