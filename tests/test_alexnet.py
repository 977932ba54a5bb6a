"""Every AlexNet: published sizes to the unit, the code's network against NumPy, torchvision's weights."""

import math

import pytest
import reference_2012 as reference
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.alexnet import from_torchvision
from alexnet.networks.alexnet_options import LAYERS
from alexnet.networks.layers import ResponseNorm
from alexnet.networks.summary import neurons, summarise, total
from alexnet.probing.receptive import receptive_fields
from alexnet.problem import Problem

TINY = {"image": 72, "maps": (8, 8, 12, 12, 8), "dense": (20, 20)}
BOTH = ("alexnet", "alexnet-2012")


def on_meta(name, classes=None, **options):
    known = NETWORKS[name]
    with torch.device("meta"):
        return create(name, classes=classes or known.classes, channels=known.input[0], **options)


def sizes(name, classes=None, **options):
    whole = total(summarise(on_meta(name, classes, **options), NETWORKS[name].input))
    return whole.parameters, whole.multiply_adds


# sizes

PUBLISHED = [  # name, options, parameters, multiply-adds
    ("alexnet", {}, 60_965_224, 724_406_816),
    ("alexnet-2012", {}, 60_965_224, 724_406_816),
    ("caffe-alexnet", {}, 60_965_224, 724_406_816),
    ("caffenet", {}, 60_965_224, 724_406_816),
    ("alexnet-2012-half", {}, 59_798_312, 391_514_384),
    ("caffe-alexnet", {"columns": 1}, 62_378_344, 1_135_256_096),
    ("alexnet", {"columns": 1}, 62_378_344, 1_135_256_096),
    ("alexnet-owt", {}, 61_100_840, 714_188_480),
    ("alexnet-2012-conv6", {}, 61_555_304, 745_640_480),
    ("alexnet-2012-pool2", {}, 60_965_224, 686_891_552),
    ("alexnet-2012-nolinks", {}, 60_714_408, 724_323_872),
    ("alexnet-d2l", {}, 46_764_746, 938_146_176),
]


@pytest.mark.parametrize(("name", "options", "parameters", "multiply_adds"), PUBLISHED)
def test_published_sizes(name, options, parameters, multiply_adds):
    assert sizes(name, **options) == (parameters, multiply_adds)


def test_published_sizes_with_other_classes_and_channels():
    assert sizes("alexnet-2012-conv6", classes=10_184)[0] == 99_182_152
    with torch.device("meta"):
        book = create("alexnet-d2l", classes=1000, channels=3)
    whole = total(summarise(book, (3, 224, 224)))
    assert (whole.parameters, whole.multiply_adds) == (50_844_008, 1_009_945_728)


@pytest.mark.parametrize("name", BOTH)
def test_layers_are_those_of_the_figure(name):
    rows = {layer.name: layer for layer in summarise(on_meta(name), (3, 224, 224))}
    table = {
        "conv1": ((96, 55, 55), 34_944, 105_415_200),
        "conv2": ((256, 27, 27), 307_456, 223_948_800),
        "conv3": ((384, 13, 13), 885_120, 149_520_384),
        "conv4": ((384, 13, 13), 663_936, 112_140_288),
        "conv5": ((256, 13, 13), 442_624, 74_760_192),
        "fc6": ((4096,), 37_752_832, 37_748_736),
        "fc7": ((4096,), 16_781_312, 16_777_216),
        "fc8": ((1000,), 4_097_000, 4_096_000),
    }
    found = {key: (rows[key].output, rows[key].parameters, rows[key].multiply_adds) for key in table}
    assert found == table
    pools = [rows[key].output for key in ("pool1", "pool2", "pool5")]
    assert pools == [(96, 27, 27), (256, 13, 13), (256, 6, 6)]


def test_half_and_unlinked_columns_have_the_codes_widths():
    half = {layer.name: layer.output[0] for layer in summarise(on_meta("alexnet-2012-half"), (3, 224, 224))}
    assert [half[key] for key in LAYERS] == [48, 128, 192, 192, 256, 4096, 4096, 1000]
    apart = {
        layer.name: layer.output[0] for layer in summarise(on_meta("alexnet-2012-nolinks"), (3, 224, 224))
    }
    assert [apart[key] for key in LAYERS] == [96, 320, 384, 384, 256, 8192, 4096, 1000]


def test_neurons_are_the_papers_650_thousand():
    rows = summarise(on_meta("alexnet"), (3, 224, 224))
    per_layer = [row.activations for row in rows if row.multiply_adds]
    assert per_layer == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert neurons(rows) == sum(per_layer) == 659_272


def test_receptive_fields_of_the_paper():
    fields = {
        name: (rows.size, rows.step)
        for name, (rows, _) in receptive_fields(on_meta("alexnet"), (3, 224, 224)).items()
    }
    assert {name: fields[name] for name in fields if name[:4] in ("conv", "pool")} == {
        "conv1": (11, 4), "pool1": (19, 8), "conv2": (51, 8), "pool2": (67, 16), "conv3": (99, 16),
        "conv4": (131, 16), "conv5": (163, 16), "pool5": (195, 32),
    }  # fmt: skip
    (norm, _) = receptive_fields(on_meta("alexnet-2012"), (3, 224, 224))["cnorm2"]
    assert (norm.size, norm.step) == (51 + 4 * 8, 8)


def test_shares_of_the_parameters():
    rows = summarise(on_meta("alexnet"), (3, 224, 224))
    share = {row.name: 100 * row.parameters / total(rows).parameters for row in rows if row.parameters}
    assert [round(share[key], 2) for key in LAYERS] == [0.06, 0.5, 1.45, 1.09, 0.73, 61.93, 27.53, 6.72]


# the network of the code, in float64


def tiny_2012(**options):
    network = create("alexnet-2012", classes=7, **{**TINY, **options}).double().eval()
    for layer in network.children():  # so that nothing is so small that an error could hide
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
            nn.init.normal_(layer.bias)
    return network


def test_code_network_is_the_numpy_reference():
    torch.manual_seed(0)
    network, images = tiny_2012(), 60 * torch.randn(2, 3, 72, 72, dtype=torch.float64)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    logits = network(images).detach()
    expected = torch.as_tensor(reference.alexnet_2012(weights, images.numpy()))
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)
    assert logits.std() > 0.1


def test_loss_and_its_gradient_are_the_numpy_reference():
    logits = (5 * torch.randn(4, 7, dtype=torch.float64)).requires_grad_()
    loss = F.cross_entropy(logits, torch.tensor([0, 6, 3, 3]))
    loss.backward()
    expected, gradient = reference.cross_entropy(logits.detach().numpy(), [0, 6, 3, 3])
    assert loss.item() == pytest.approx(expected, abs=1e-10)
    torch.testing.assert_close(logits.grad, torch.as_tensor(gradient), rtol=0, atol=1e-10)


def test_gradients_pass_the_numeric_check():
    """As the code's --check-grads: move single weights a little both ways and compare the loss's slope."""
    torch.manual_seed(1)
    network, images = tiny_2012(), 60 * torch.randn(1, 3, 72, 72, dtype=torch.float64)
    labels, step = torch.tensor([2]), 1e-6
    F.cross_entropy(network(images), labels).backward()
    for name, parameter in network.named_parameters():
        values, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for place in (0, int(gradient.abs().argmax())):
            losses = []
            for move in (step, -2 * step, step):  # the last one puts it back
                values[place] += move
                losses.append(F.cross_entropy(network(images), labels).item())
            slope = (losses[0] - losses[1]) / (2 * step)
            assert slope == pytest.approx(gradient[place].item(), rel=1e-4, abs=1e-7), name


# how the flavours differ


def test_order_of_norms_relus_and_pools():
    names = {name: " ".join(dict(on_meta(name).named_children())) for name in NETWORKS if "alexnet" in name}
    assert "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3" in names["alexnet"]
    assert "conv1 norm1 pool1 relu1 conv2 relu2 norm2 cnorm2 pool2 conv3" in names["alexnet-2012"]
    assert "conv5 pool5 relu5 flatten" in names["alexnet-2012"]
    assert "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3" in names["caffe-alexnet"]
    caffenet = " ".join(dict(on_meta("caffenet").named_children()))
    assert "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3" in caffenet
    assert "pool5 relu5 conv6 relu_conv6 flatten" in names["alexnet-2012-conv6"]
    assert "drop6 fc6 relu6 drop7 fc7 relu7 fc8" in names["alexnet-owt"]


def test_norms_of_the_flavours():
    def values(name):
        return [(m.alpha, m.k, m.columns) for m in on_meta(name).modules() if isinstance(m, ResponseNorm)]

    assert values("alexnet") == [(pytest.approx(5e-4), 2, 1)] * 2
    assert values("alexnet-2012") == [(1e-4, 2, 2)] * 2
    assert values("alexnet-2012-half") == [(1e-4, 2, 1)] * 2
    assert values("caffe-alexnet") == values("caffenet") == [(1e-4, 1, 1)] * 2
    assert values("alexnet-2012-nonorm") == values("alexnet-owt") == []


@pytest.mark.parametrize("name", ["alexnet-2012", "alexnet-2012-nolinks"])
def test_columns_meet_where_the_figure_says(name):
    """Does the first half of a layer's outputs move when the first kernel of the other column does?"""
    wide = (8, 16, 16, 16, 8) if name.endswith("nolinks") else TINY["maps"]
    network = create(name, classes=5, **{**TINY, "maps": wide}).eval()
    images = 60 * torch.randn(1, 3, 72, 72)
    before, after = {}, {}
    for seen in (before, after):
        features = images
        for layer, module in network.named_children():
            features = seen[layer] = module(features)
        network.conv1.weight.data[-1] += 1
    touched = [
        layer for layer in LAYERS
        if not torch.equal(*(seen[layer][:, : seen[layer].size(1) // 2] for seen in (before, after)))
    ]  # fmt: skip
    assert touched == (
        ["fc8"] if name.endswith("nolinks") else ["conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    )


@pytest.mark.parametrize("name", BOTH)
def test_loss_starts_near_ln_1000(name):
    network = create(name, classes=1000).eval()
    images = F.interpolate(torch.randn(2, 3, 16, 16), (224, 224), mode="bilinear") * 60
    with torch.no_grad():
        surprise = -F.log_softmax(network(images), dim=1).mean()  # over all labels
    assert surprise.item() == pytest.approx(math.log(1000), rel=0.02)


def test_any_prefix_runs_alone():
    network = create("alexnet-2012", classes=3, **TINY).eval()
    images = torch.randn(2, 3, 72, 72)
    assert torch.equal(network[4:](network[:4](images)), network(images))
    assert list(dict(network[:4].named_children())) == ["edge", "conv1", "norm1", "pool1"]


# torchvision's


def test_owt_is_torchvisions_network():
    theirs = torchvision.models.alexnet(weights=None, num_classes=12, dropout=0.0)
    ours = create("alexnet-owt", classes=12, dropout=0.0)
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    images = torch.randn(2, 3, 224, 224)
    for mode in (True, False):
        with torch.no_grad():
            expected, found = theirs.train(mode)(images), ours.train(mode)(images)
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_owt_starts_as_torchvisions():
    torch.manual_seed(5)
    theirs = from_torchvision(torchvision.models.alexnet(weights=None).state_dict())
    ours = create("alexnet-owt", classes=1000, seed=5).state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_weights_of_another_network_are_refused():
    with torch.device("meta"):
        other = torchvision.models.vgg11(weights=None).state_dict()
    with pytest.raises(Problem, match=r"not the weights of torchvision's alexnet: .*features\.10\.weight"):
        from_torchvision(other)
