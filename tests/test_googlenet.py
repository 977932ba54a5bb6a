"""GoogLeNet against its paper's counts and against torchvision's logits."""

import re

import pytest
import torch
import torchvision
from counting import counted_by_torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alexnet.networks import googlenet as family
from alexnet.networks.googlenet import PAPER, SMALL_64, TORCHVISION, GoogLeNet
from alexnet.problem import UsageProblem


def on_meta(*sizes, **options):
    with torch.device("meta"):
        return GoogLeNet(*sizes, **options)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network, size):
    return counted_by_torch(network, (3, size, size))


def pair(dtype=torch.float32, side_heads=True):
    """Our network of torchvision's layout and torchvision's, of the same weights."""
    torch.manual_seed(0)
    with torch.device("meta"):
        ours = GoogLeNet(20, plan=TORCHVISION, side_heads=side_heads)
        theirs = torchvision.models.GoogLeNet(20, aux_logits=side_heads, init_weights=False)
    theirs = randomised(theirs.to_empty(device="cpu").to(dtype))
    ours.load_state_dict(family.from_torchvision(theirs.state_dict()), assign=True)
    return ours, theirs


def randomised(network):
    """Weights as if new, norms and their statistics as if trained."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)
        if isinstance(layer, nn.Linear):
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


@pytest.mark.parametrize(
    ("plan", "classes", "size", "plain", "with_sides", "operations"),
    [
        (PAPER, 1000, 224, 6_998_552, 13_378_280, 1_582_671_872),
        (TORCHVISION, 1000, 224, 6_624_904, 13_004_888, 1_498_376_192),
        (SMALL_64, 10, 64, 378_946, 655_190, 30_315_008),
    ],
)
def test_golden_counts(plan, classes, size, plain, with_sides, operations):
    network = on_meta(classes, plan=plan, side_heads=False)
    assert parameters(network) == plain
    assert parameters(on_meta(classes, plan=plan)) == with_sides
    assert multiply_adds(network, size) == operations
    assert (
        multiply_adds(on_meta(classes, plan=plan), size) == operations
    )  # forward does not ask the side heads


def test_more_golden_parameters():
    assert parameters(on_meta(norm="batch", side_heads=False)) == 7_005_832
    assert parameters(on_meta(10, 1, side_heads=False)) == 5_977_530
    separable = nn.Sequential(nn.Conv2d(3, 24, 7, groups=3, bias=False), nn.Conv2d(24, 64, 1, bias=False))
    assert parameters(separable) == 2_712  # what the paper's table prints as 2.7 K for conv1
    assert parameters(on_meta().conv1) == 9_472


BLOCKS = {  # parameters and multiply-adds of the paper's, parameters of torchvision's, maps, size
    "inception3a": (163_696, 128.0, 155_872, 256, 28),
    "inception3b": (388_736, 304.3, 340_224, 480, 28),
    "inception4a": (376_176, 73.6, 364_512, 512, 14),
    "inception4b": (449_160, 87.9, 425_232, 512, 14),
    "inception4c": (510_104, 99.9, 486_192, 512, 14),
    "inception4d": (605_376, 118.5, 573_312, 528, 14),
    "inception4e": (868_352, 170.0, 803_840, 832, 14),
    "inception5a": (1_043_456, 51.1, 978_944, 832, 7),
    "inception5b": (1_444_080, 70.7, 1_347_040, 1024, 7),
}


def test_parameters_operations_and_sizes_of_the_blocks():
    paper, theirs = on_meta(), on_meta(plan=TORCHVISION)
    maps = torch.empty(1, 3, 224, 224, device="meta")
    for name, layer in paper.named_children():
        if name.startswith("side"):
            continue
        with FlopCounterMode(display=False) as counter:
            maps = layer(maps)
        if name in BLOCKS:
            millions = round(counter.get_total_flops() / 2e6, 1)
            others = parameters(theirs.get_submodule(name))
            assert (parameters(layer), millions, others, *maps.shape[1:3]) == BLOCKS[name]


def test_parameters_of_torchvisions_stem_and_heads():
    network = on_meta(plan=TORCHVISION)
    parts = ("conv1", "conv2_reduce", "conv2", "side4a", "side4d", "fc")
    assert [parameters(network.get_submodule(part)) for part in parts] == [
        9_536, 4_224, 110_976, 3_188_968, 3_191_016, 1_025_000,
    ]  # fmt: skip


def test_57_convolutions_and_6960_kernels_in_the_blocks():
    network = on_meta(side_heads=False)
    kernels = {
        at: layer.out_channels for at, layer in network.named_modules() if isinstance(layer, nn.Conv2d)
    }
    assert len(kernels) == 57
    assert sum(kernels.values()) == 7_280
    assert sum(count for at, count in kernels.items() if at.startswith("inception")) == 6_960


def test_logits_equal_torchvision():
    for side_heads in (True, False):
        ours, theirs = pair(side_heads=side_heads)
        images = torch.randn(2, 3, 96, 96)
        with torch.no_grad():
            assert_close(ours.eval()(images), theirs.eval()(images), 1e-5)


@pytest.mark.parametrize("still", [(nn.Dropout, nn.BatchNorm2d), (nn.Dropout,)])
def test_all_heads_in_training_equal_torchvision_in_float64(still):
    """Without dropout, with fixed statistics and with those of the batch."""
    ours, theirs = pair(torch.float64)
    for network in (ours, theirs):
        network.train()
        for layer in network.modules():
            if isinstance(layer, still):
                layer.eval()
    images = torch.randn(2, 3, 96, 96, dtype=torch.float64)
    main, side4a, side4d = ours.all_heads(images)
    expected = theirs(images)
    assert_close(main, expected.logits, 1e-10)
    assert_close(side4a, expected.aux_logits1, 1e-10)
    assert_close(side4d, expected.aux_logits2, 1e-10)


@pytest.mark.parametrize(("side_heads", "count"), [(True, 364), (False, 344)])
def test_keys_go_to_torchvision_and_back(side_heads, count):
    with torch.device("meta"):
        theirs = torchvision.models.GoogLeNet(aux_logits=side_heads, init_weights=False).state_dict()
    ours = family.from_torchvision(theirs)
    assert ours.keys() == on_meta(plan=TORCHVISION, side_heads=side_heads).state_dict().keys()
    assert list(family.to_torchvision(ours)) == list(theirs)
    assert len(ours) == count


def test_loss_takes_three_tenths_of_each_side_head_and_forward_none():
    torch.manual_seed(0)
    network = GoogLeNet(5, plan=SMALL_64).eval()
    images, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 3])
    main, side4a, side4d = network.all_heads(images)
    assert torch.equal(network(images), main)
    cost = nn.CrossEntropyLoss(label_smoothing=0.1)
    expected = cost(main, labels) + 0.3 * cost(side4a, labels) + 0.3 * cost(side4d, labels)
    torch.testing.assert_close(family.loss(network, images, labels, label_smoothing=0.1), expected)
    assert network.train()(images).shape == (4, 5)

    alone = GoogLeNet(5, plan=SMALL_64, side_heads=False).eval()
    torch.testing.assert_close(
        family.loss(alone, images, labels), nn.functional.cross_entropy(alone(images), labels)
    )


@pytest.mark.parametrize(
    ("plan", "options", "size"),
    [
        (PAPER, {"width": 0.25}, 96),
        (PAPER, {"side_pool": "4x4"}, 64),
        (TORCHVISION, {}, 64),
        (SMALL_64, {}, 32),
    ],
)
def test_gradient_reaches_every_parameter(plan, options, size):
    torch.manual_seed(0)
    network = GoogLeNet(5, 1, plan=plan, **options)
    family.loss(network, torch.randn(8, 1, size, size), torch.arange(8) % 5).backward()
    assert [key for key, weight in network.named_parameters() if not weight.grad.any()] == []


def test_first_weights_are_caffes_and_follow_the_seed():
    def build(seed):
        torch.manual_seed(seed)
        return GoogLeNet(10, plan=PAPER, width=0.5)

    network = build(0)
    weight = network.inception4a.three[1].conv.weight
    assert weight.abs().max().item() == pytest.approx((3 / (48 * 9)) ** 0.5, rel=0.01)
    assert torch.equal(network.inception4a.three[1].conv.bias, torch.full((104,), 0.2))
    assert not network.fc.bias.any()
    assert not network.side4a.fc2.bias.any()
    assert torch.equal(weight, build(0).inception4a.three[1].conv.weight)
    assert not torch.equal(weight, build(1).inception4a.three[1].conv.weight)


def test_small_images_are_refused_by_the_papers_side_heads_alone():
    network, images = GoogLeNet(5, plan=PAPER, width=0.125), torch.randn(2, 3, 78, 78)
    assert network(images).shape == (2, 5)
    with pytest.raises(UsageProblem, match=r"79 × 79.; these give 4 × 4"):
        network.all_heads(images)
    assert [logits.shape for logits in network.all_heads(torch.randn(2, 3, 79, 79))] == [(2, 5)] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"norm": "layer"}, "norm='layer' is none of response, batch"),
        ({"width": 0.3}, "width=0.3 is no whole number of eighths"),
        ({"depth": 22}, "no option depth; it has norm, kernel"),
    ],
)
def test_impossible_choices_are_refused(options, said):
    with pytest.raises(UsageProblem, match=re.escape(said)):
        GoogLeNet(10, **options)
