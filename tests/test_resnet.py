"""ResNet against its papers' counts and against torchvision's logits."""

import functools
import re

import pytest
import torch
import torchvision
from torch import nn
from write_golden import golden_totals

from alexnet.networks import resnet as family
from alexnet.networks import resnet_plans
from alexnet.networks.layers import StochasticDepth
from alexnet.networks.resnet import resnet
from alexnet.networks.resnet_plans import Plan
from alexnet.problem import UsageProblem

PLANS = {
    name: plan
    for group in (
        resnet_plans.V1,
        resnet_plans.V15,
        resnet_plans.V2,
        resnet_plans.CIFAR,
        resnet_plans.CIFAR_V2,
        resnet_plans.PLAIN,
    )
    for name, plan in group.items()
} | resnet_plans.CIFAR_PLAIN

# parameters and multiply-adds at 224 pixels and 1000 classes, or at 32 and 10
GOLDEN = {
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 3_857_973_248),
    "resnet101": (44_549_160, 7_570_194_432),
    "resnet152": (60_192_808, 11_282_415_616),
    "resnet50-v1.5": (25_557_032, 4_089_184_256),
    "resnet101-v1.5": (44_549_160, 7_801_405_440),
    "resnet152-v1.5": (60_192_808, 11_513_626_624),
    "resnet18-v2": (11_687_848, 1_814_073_344),
    "resnet34-v2": (21_796_008, 3_663_761_408),
    "resnet50-v2": (25_549_480, 3_857_973_248),
    "resnet101-v2": (44_541_608, 7_570_194_432),
    "resnet152-v2": (60_185_256, 11_282_415_616),
    "plain18": (11_515_688, 1_794_805_760),
    "plain34": (21_623_848, 3_644_493_824),
    "resnet20": (269_722, 40_551_040),
    "resnet32": (464_154, 68_862_592),
    "resnet44": (658_586, 97_174_144),
    "resnet56": (853_018, 125_485_696),
    "resnet110": (1_727_962, 252_887_680),
    "plain20": (269_722, 40_551_040),
    "plain32": (464_154, 68_862_592),
    "plain44": (658_586, 97_174_144),
    "plain56": (853_018, 125_485_696),
    "plain110": (1_727_962, 252_887_680),
    "resnet110-v2": (1_727_962, 252_887_680),
    "resnet164-v2": (1_703_258, 244_500_992),
    "resnet1202": (19_421_274, 2_829_238_912),
    "resnet1001-v2": (10_327_706, 1_487_849_984),
}


@functools.cache
def on_meta(plan, **changes):
    with torch.device("meta"):
        return resnet(classes=1000 if plan.stem == "7x7" else 10, plan=plan, **changes)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def randomised(network):
    """Weights as if new, norms and their statistics as if trained."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)
        if isinstance(layer, nn.BatchNorm2d):
            for scale in (layer.weight.data, layer.running_var):
                scale.uniform_(0.5, 1.5)
            for shift in (layer.bias.data, layer.running_mean):
                shift.uniform_(-0.2, 0.2)
            layer.num_batches_tracked.zero_()
    nn.init.uniform_(network.fc.bias, -0.2, 0.2)
    return network


def pair(name, builder, dtype=torch.float32):
    """Our network and torchvision's, of the same weights."""
    torch.manual_seed(0)
    with torch.device("meta"):
        ours, theirs = resnet(classes=20, plan=PLANS[name]), builder(weights=None, num_classes=20)
    theirs = randomised(theirs.to_empty(device="cpu").to(dtype))
    ours.load_state_dict(family.from_torchvision(theirs.state_dict()), assign=True)
    return ours, theirs


def test_every_name_has_a_golden_count():
    assert set(PLANS) == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_counts(name):
    assert golden_totals(name) == GOLDEN[name]  # of the file that test_summary holds the network to


@pytest.mark.parametrize("name", PLANS)
def test_the_name_tells_the_depth(name):
    """Layers with weights on the longest way: convolutions and the dense layer, projections aside."""
    layers = on_meta(PLANS[name]).named_modules()
    weighted = [
        at for at, layer in layers if isinstance(layer, nn.Conv2d | nn.Linear) and "shortcut" not in at
    ]
    assert len(weighted) == int(re.match(r"[a-z]+(\d+)", name)[1])


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("resnet18", [9_408, 128, 147_968, 525_568, 2_099_712, 8_393_728, 513_000]),
        ("resnet50-v1.5", [9_408, 128, 215_808, 1_219_584, 7_098_368, 14_964_736, 2_049_000]),
    ],
)
def test_parameters_and_sizes_of_the_stages(name, stages):
    network = on_meta(PLANS[name])
    assert [parameters(layer) for layer in network if parameters(layer)] == stages
    images, shapes = torch.empty(2, 3, 224, 224, device="meta"), {}
    for at, layer in network.named_children():
        images = layer(images)
        shapes[at] = tuple(images.shape[1:])
    times = 4 if PLANS[name].bottleneck else 1
    assert [shapes[at] for at in ("pool1", "conv2", "conv3", "conv4", "conv5")] == [
        (64, 56, 56), (64 * times, 56, 56), (128 * times, 28, 28), (256 * times, 14, 14), (512 * times, 7, 7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("depth", "zeros", "projections"),
    [("18", 11_515_688, 12_043_816), ("34", 21_623_848, 22_716_840)],
)
def test_shortcuts_with_and_without_parameters(depth, zeros, projections):
    assert parameters(on_meta(resnet_plans.TABLE_1[depth], shortcut="A")) == zeros
    assert parameters(on_meta(resnet_plans.TABLE_1[depth], shortcut="C")) == projections


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("resnet18", "resnet18"),
        ("resnet34", "resnet34"),
        ("resnet50-v1.5", "resnet50"),
        ("resnet101-v1.5", "resnet101"),
        ("resnet152-v1.5", "resnet152"),
    ],
)
def test_logits_equal_torchvision(name, theirs):
    ours, theirs = pair(name, getattr(torchvision.models, theirs))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs.eval()(images)
        torch.testing.assert_close(
            ours.eval()(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item()
        )


@pytest.mark.parametrize("name", ["resnet18", "resnet50-v1.5"])
@pytest.mark.parametrize("fixed", [True, False])
def test_logits_in_training_equal_torchvision_in_float64(name, fixed):
    """With fixed statistics, and with those of the batch."""
    ours, theirs = pair(name, getattr(torchvision.models, name.split("-")[0]), torch.float64)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    for network in (ours, theirs):
        network.train()
        for layer in network.modules():
            if fixed and isinstance(layer, nn.BatchNorm2d):
                layer.eval()
    expected = theirs(images)
    torch.testing.assert_close(ours(images), expected, rtol=0, atol=1e-10 * expected.abs().max().item())


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_keys_go_to_torchvision_and_back(depth):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, f"resnet{depth}")(weights=None).state_dict()
    ours = family.from_torchvision(theirs)
    plan = (resnet_plans.V15 | resnet_plans.V1).get(f"resnet{depth}-v1.5", resnet_plans.V1[f"resnet{depth}"])
    assert ours.keys() == on_meta(plan).state_dict().keys()
    assert list(family.to_torchvision(ours)) == list(theirs)
    assert len(ours) == {18: 122, 34: 218, 50: 320, 101: 626, 152: 932}[depth]


@pytest.mark.parametrize(
    ("order", "before", "branch", "after"),
    [
        ("original", "", "conv1 norm1 relu1 conv2 norm2", "relu2"),
        ("norm-after", "", "conv1 norm1 relu1 conv2", "norm2 relu2"),
        ("relu-before", "", "conv1 norm1 relu1 conv2 norm2 relu2", ""),
        ("relu-only", "relu1", "conv1 norm1 relu2 conv2 norm2", ""),
        ("preactivation", "norm1 relu1", "conv1 norm2 relu2 conv2", ""),
    ],
)
def test_orders_are_those_of_figure_4(order, before, branch, after):
    def names(part):
        return " ".join(part._modules) if part else ""

    units = on_meta(PLANS["resnet20"], order=order).conv3
    assert [names(units[0].before), names(units[0].branch), names(units[0].after)] == [before, branch, after]
    assert names(units[1].before) == ""  # only the first unit of a stage shares its activation
    assert names(units[1].branch) == f"{before} {branch}".strip()


def test_stride_is_on_the_first_1x1_and_in_v15_on_the_3x3():
    for name, strides in (("resnet50", [2, 1, 1]), ("resnet50-v1.5", [1, 2, 1]), ("resnet50-v2", [2, 1, 1])):
        first = on_meta(PLANS[name]).conv3[0].branch
        assert [first.get_submodule(f"conv{number}").stride[0] for number in (1, 2, 3)] == strides


def test_shortcut_a_keeps_every_second_pixel_and_adds_empty_maps():
    maps = torch.randn(2, 3, 5, 5)
    longer = family.ZeroPadding(2, stride=2)(maps)
    assert longer.shape == (2, 5, 3, 3)
    assert torch.equal(longer[:, :3], maps[:, :, ::2, ::2])
    assert not longer[:, 3:].any()


@pytest.mark.parametrize("order", ["original", "norm-after", "relu-before", "relu-only", "preactivation"])
def test_zero_last_makes_units_identities(order):
    network = resnet(classes=10, plan=Plan((3,), width=4, stem="3x3"), order=order, zero_last=True).eval()
    positive = torch.rand(2, 4, 8, 8)
    for unit in network.conv2:
        given = unit.before(positive) if unit.before else positive
        torch.testing.assert_close(unit.branch(given), torch.zeros_like(positive))


def test_plain_networks_have_no_additions():
    for name in ("plain18", "plain34", "plain20", "plain110"):
        assert not [layer for layer in on_meta(PLANS[name]).modules() if isinstance(layer, family.Unit)]


def test_any_other_is_made_plain_by_an_option():
    plain = on_meta(PLANS["resnet164-v2"], shortcut="none")
    assert not [layer for layer in plain.modules() if isinstance(layer, family.Unit)]
    projections = 16 * 64 + 64 * 128 + 128 * 256
    assert parameters(plain) == parameters(on_meta(PLANS["resnet164-v2"])) - projections


SMALL = Plan((2, 2), width=4, stem="3x3")
VARIANTS = {
    **{f"{order} {shortcut}": (SMALL, {"order": order, "shortcut": shortcut})
       for order in resnet_plans.ORDERS for shortcut in ("A", "B", "C", "none")},
    **{f"{order} bottleneck": (SMALL, {"order": order, "bottleneck": True}) for order in resnet_plans.ORDERS},
    "64 pixels": (PLANS["resnet20"], {"stem": "3x3/2"}),
    "resnet18": (PLANS["resnet18"], {}),
    "resnet50": (PLANS["resnet50"], {}),
    "resnet50-v1.5": (PLANS["resnet50-v1.5"], {}),
    "resnet50-v2": (PLANS["resnet50-v2"], {}),
    "resnet164-v2": (PLANS["resnet164-v2"], {"width": 4}),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_reaches_every_parameter(variant):
    plan, changes = VARIANTS[variant]
    torch.manual_seed(0)
    network = resnet(classes=5, channels=1, plan=plan, **changes)
    size = 64 if plan.stem == "7x7" else 16
    logits = network(torch.randn(4, 1, size, size))
    assert logits.shape == (4, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.any()] == []


def test_first_weights_are_he_normal_and_follow_the_seed():
    def build(seed):
        torch.manual_seed(seed)
        return resnet(classes=10, plan=PLANS["resnet20"])

    conv = build(0).conv4[1].branch.conv2.weight
    assert conv.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.03)
    assert build(0).fc.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert torch.equal(conv, build(0).conv4[1].branch.conv2.weight)
    assert not torch.equal(conv, build(1).conv4[1].branch.conv2.weight)


@pytest.mark.parametrize(
    "changes",
    [{"stem": "5x5"}, {"shortcut": "D"}, {"order": "v2"}, {"stride_on": "1x3"},
     {"shortcut": "none", "zero_last": True}],
)  # fmt: skip
def test_impossible_choices_are_refused(changes):
    with pytest.raises(UsageProblem, match=f"{list(changes)[-1]}="):
        resnet(classes=10, **changes)


def test_options_may_come_as_json_and_unknown_ones_are_named():
    assert len(resnet(10, plan=PLANS["resnet20"], blocks=[1, 2], width=4).conv3) == 2
    with pytest.raises(UsageProblem, match=r"no option depth; it has blocks, bottleneck"):
        resnet(10, depth=18)


def test_stochastic_depth_leaves_branches_out_in_training_only():
    torch.manual_seed(0)
    network = resnet(classes=10, plan=Plan((2, 2), width=4, stem="3x3"), drop=0.5)
    shares = [layer.p for layer in network.modules() if isinstance(layer, StochasticDepth)]
    assert shares == [0.125, 0.25, 0.375, 0.5]  # [S] §3: a line from the first unit to the last
    plain = resnet(classes=10, plan=Plan((2, 2), width=4, stem="3x3"))
    assert list(network.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(network.state_dict())
    images = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(network.eval()(images), plain.eval()(images))


def test_stochastic_depth_keeps_the_mean_and_drops_whole_images():
    torch.manual_seed(0)
    layer = StochasticDepth(0.3).train()
    maps = layer(torch.ones(4000, 2, 3, 3))
    each = maps.flatten(1)
    assert ((each == 0).all(1) | (each == 1 / 0.7).all(1)).all()
    assert maps.mean().item() == pytest.approx(1, abs=0.05)
    assert (layer.eval()(torch.ones(3, 2, 3, 3)) == 1).all()
