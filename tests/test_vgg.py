"""VGG against its paper's counts and against torchvision's logits."""

import re

import pytest
import torch
import torchvision
from torch import nn
from write_golden import golden_totals

from alexnet.networks import vgg as family
from alexnet.networks.layers import ResponseNorm
from alexnet.networks.vgg import vgg
from alexnet.problem import UsageProblem

PLANS = family.PUBLISHED | family.BATCH_NORM | family.SMALL
TORCHVISION = [name for name in PLANS if name in ("vgg11", "vgg13", "vgg16", "vgg19") or name.endswith("-bn")]

# parameters and multiply-adds at 224 pixels and 1000 classes; vgg-32: 10 classes, vgg-64: 200
GOLDEN = {
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg11-lrn": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16-1x1": (133_638_952, 11_770_888_192),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "vgg11-bn": (132_868_840, 7_609_090_048),
    "vgg13-bn": (133_053_736, 11_308_466_176),
    "vgg16-bn": (138_365_992, 15_470_264_320),
    "vgg19-bn": (143_678_248, 19_632_062_464),
    "vgg-32": (1_527_178, 34_313_216),
    "vgg-64": (1_665_928, 49_451_008),
}


def on_meta(*sizes, **options):
    with torch.device("meta"):
        return vgg(*sizes, **options)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def pair(name, dtype=torch.float32, hidden=64):
    """Our network and torchvision's, of the same weights, their dense layers narrow."""
    torch.manual_seed(0)
    with torch.device("meta"):
        ours = vgg(20, plan=PLANS[name], hidden=hidden)
        theirs = getattr(torchvision.models, name.replace("-", "_"))(weights=None, num_classes=20)
        theirs.classifier[0] = nn.Linear(25088, hidden)
        theirs.classifier[3] = nn.Linear(hidden, hidden)
        theirs.classifier[6] = nn.Linear(hidden, 20)
    theirs = randomised(theirs.to_empty(device="cpu").to(dtype))
    ours.load_state_dict(family.from_torchvision(theirs.state_dict()), assign=True)
    return ours, theirs


def randomised(network):
    """Weights as if new, norms and their statistics as if trained."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)
            layer.bias.data.uniform_(-0.2, 0.2)
        if isinstance(layer, nn.BatchNorm2d):
            for scale in (layer.weight.data, layer.running_var):
                scale.uniform_(0.5, 1.5)
            for shift in (layer.bias.data, layer.running_mean):
                shift.uniform_(-0.2, 0.2)
            layer.num_batches_tracked.zero_()
    return network


def assert_close(ours, theirs, tolerance):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * theirs.abs().max().item())


def test_every_name_has_a_golden_count():
    assert set(PLANS) == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_counts(name):
    assert golden_totals(name) == GOLDEN[name]  # of the file that test_summary holds the network to


def test_any_list_of_blocks():
    assert parameters(on_meta(10, 1, plan=family.A)) == 128_806_154
    quarter = [[count, maps // 4] for count, maps in family.A.blocks]  # lists, as JSON gives them
    assert parameters(on_meta(10, 1, blocks=quarter)) == 43_093_322


@pytest.mark.parametrize("name", family.PUBLISHED | family.BATCH_NORM)
def test_the_name_tells_the_depth(name):
    weighted = [layer for layer in on_meta(plan=PLANS[name]) if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(weighted) == int(re.search(r"\d+", name)[0])


def test_sizes_after_the_pools_and_before_the_dense_layers():
    maps, shapes = torch.empty(1, 3, 224, 224, device="meta"), {}
    for name, layer in on_meta(plan=PLANS["vgg16"]).named_children():
        maps = layer(maps)
        shapes[name] = tuple(maps.shape[1:])
    assert [shapes[f"pool{block}"] for block in range(1, 6)] == [
        (64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7),
    ]  # fmt: skip
    assert on_meta(plan=PLANS["vgg16"]).fc6.weight.numel() == 102_760_448


def test_c_has_1x1_as_third_convolution_and_a_lrn_one_response_norm():
    kernels = {
        name: layer.kernel_size[0]
        for name, layer in on_meta(plan=PLANS["vgg16-1x1"]).named_children()
        if isinstance(layer, nn.Conv2d)
    }
    assert [name for name, kernel in kernels.items() if kernel == 1] == ["conv3_3", "conv4_3", "conv5_3"]
    names = list(on_meta(plan=PLANS["vgg11-lrn"])._modules)
    assert names[:4] == ["conv1_1", "relu1_1", "norm1_1", "pool1"]
    assert sum(isinstance(layer, ResponseNorm) for layer in on_meta(plan=PLANS["vgg11-lrn"])) == 1


@pytest.mark.parametrize("name", TORCHVISION)
def test_logits_equal_torchvision(name):
    ours, theirs = pair(name)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert_close(ours.eval()(images), theirs.eval()(images), 1e-5)


@pytest.mark.parametrize("name", ["vgg11", "vgg11-bn"])
def test_logits_in_training_equal_torchvision_in_float64(name):
    """Without dropout, with fixed statistics and then with those of the batch."""
    ours, theirs = pair(name, torch.float64)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    for still in (nn.BatchNorm2d, nn.Dropout), (nn.Dropout,):
        for network in (ours, theirs):
            network.train()
            for layer in network.modules():
                if isinstance(layer, still):
                    layer.eval()
        assert_close(ours(images), theirs(images), 1e-10)


@pytest.mark.parametrize("name", TORCHVISION)
def test_keys_and_shapes_go_to_torchvision_and_back(name):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name.replace("-", "_"))(weights=None).state_dict()
    ours = family.from_torchvision(theirs)
    shapes = {key: value.shape for key, value in on_meta(plan=PLANS[name]).state_dict().items()}
    assert {key: value.shape for key, value in ours.items()} == shapes
    assert list(family.to_torchvision(ours)) == list(theirs)
    counts = {"vgg11": 22, "vgg13": 26, "vgg16": 32, "vgg19": 38}
    with_norms = {"vgg11": 62, "vgg13": 76, "vgg16": 97, "vgg19": 118}
    assert len(ours) == (counts | {f"{name}-bn": count for name, count in with_norms.items()})[name]


@pytest.mark.parametrize("name", ["vgg11", "vgg11-lrn", "vgg16-1x1", "vgg13-bn", "vgg-32", "vgg-64"])
def test_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    network = vgg(5, 1, plan=PLANS[name], hidden=64)
    logits = network(torch.randn(4, 1, 48, 48))
    assert logits.shape == (4, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    assert [key for key, weight in network.named_parameters() if not weight.grad.any()] == []


def test_first_weights_are_glorots_or_the_papers_and_follow_the_seed():
    def build(seed, **options):
        torch.manual_seed(seed)
        return vgg(10, plan=PLANS["vgg-32"], **options)

    reach = (6 / ((128 + 256) * 9)) ** 0.5
    glorot = build(0).conv4_1
    assert glorot.weight.abs().max().item() == pytest.approx(reach, rel=0.01)
    assert not glorot.bias.any()
    assert build(0, start="normal").conv4_1.weight.var().item() == pytest.approx(0.01, rel=0.02)
    assert torch.equal(glorot.weight, build(0).conv4_1.weight)
    assert not torch.equal(glorot.weight, build(1).conv4_1.weight)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"norm": "layer"}, "norm='layer' is none of none, response, batch"),
        ({"start": "he"}, "start='he' is none of"),
        ({"blocks": ((1, 64, 3),)}, "two whole numbers"),
        ({"blocks": ()}, "two whole numbers"),
        ({"depth": 16}, "no option depth; it has blocks, norm"),
    ],
)
def test_impossible_choices_are_refused(options, said):
    with pytest.raises(UsageProblem, match=re.escape(said)):
        vgg(10, **options)
