"""Inception v3 module by module, and its side head."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from inception_peers import (
    assert_equal,
    drawn_v3,
    of_peer,
    on_meta,
    pair,
    parameters,
    randomised,
    shapes,
    train_with_fixed_statistics,
)
from torch import nn

from alexnet.networks import inception_v3
from alexnet.problem import UsageProblem


def test_parameters_module_by_module():
    network = on_meta("inception-v3")
    assert {name: parameters(layer) for name, layer in network.named_children() if parameters(layer)} == {
        "conv1a": 928, "conv2a": 9_280, "conv2b": 18_560, "conv3b": 5_280, "conv4a": 138_624,
        "mixed5b": 255_904, "mixed5c": 277_472, "mixed5d": 285_152,
        "mixed6a": 1_153_280, "mixed6b": 1_297_408, "mixed6c": 1_691_008, "mixed6d": 1_691_008,
        "mixed6e": 2_141_952, "side": 3_326_696,
        "mixed7a": 1_698_304, "mixed7b": 5_044_608, "mixed7c": 6_076_800, "fc": 2_049_000,
    }  # fmt: skip
    convolutions = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    assert sum(not name.startswith("side") for name in convolutions) == 94


def test_sizes():
    found = shapes(on_meta("inception-v3"), 299)
    assert [found[name] for name in ("conv1a", "conv2a", "conv2b", "pool2", "conv3b", "conv4a", "pool4")] == [
        (32, 149, 149), (32, 147, 147), (64, 147, 147), (64, 73, 73), (80, 73, 73), (192, 71, 71),
        (192, 35, 35),
    ]  # fmt: skip
    assert [found[name] for name in ("mixed5b", "mixed5d", "mixed6a", "mixed6e", "mixed7a", "mixed7c")] == [
        (256, 35, 35), (288, 35, 35), (768, 17, 17), (768, 17, 17), (1280, 8, 8), (2048, 8, 8),
    ]  # fmt: skip


def test_all_heads_equal_torchvision_and_make_the_loss():
    torch.manual_seed(0)
    with torch.device("meta"):
        theirs = torchvision.models.inception_v3(init_weights=False, dropout=0.0)
    assert len(theirs.state_dict()) == 580
    theirs = randomised(theirs.to_empty(device="cpu"))
    ours = of_peer("inception-v3", theirs)
    images, labels = torch.randn(1, 3, 299, 299), torch.tensor([3])
    train_with_fixed_statistics(ours)
    train_with_fixed_statistics(theirs)
    with torch.no_grad():
        expected = theirs(images)
        main, side = ours.all_heads(images)
        assert_equal(main, expected.logits, 1e-5)
        assert_equal(side, expected.aux_logits, 1e-5)
        for smoothing in (0.0, 0.1):
            losses = [
                F.cross_entropy(logits, labels, label_smoothing=smoothing)
                for logits in (expected.logits, expected.aux_logits)
            ]
            ours_loss = inception_v3.loss(ours, images, labels, label_smoothing=smoothing)
            torch.testing.assert_close(ours_loss, losses[0] + 0.4 * losses[1])


def test_reads_pixels_where_torchvision_turns_imagenets_normalisation_back():
    ours, theirs = pair("inception-v3")
    theirs.transform_input = True
    pixels = torch.randint(0, 256, (1, 3, 75, 75)).float()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        expected = theirs.eval()((pixels / 255 - mean) / deviation)
        assert_equal(ours.eval()((pixels - 127.5) / 127.5), expected, 1e-5)


def test_without_side_head_has_the_plain_loss():
    network, _ = pair("inception-v3")
    images, labels = torch.randn(2, 3, 75, 75), torch.tensor([0, 3])
    with torch.no_grad():
        logits = network.eval()(images)
        found = inception_v3.loss(network, images, labels)
        torch.testing.assert_close(found, F.cross_entropy(logits, labels))
        found = inception_v3.loss(network, images, torch.full((2, 1000), 0.001))  # labels as probabilities
        torch.testing.assert_close(found, -logits.log_softmax(1).mean())


@pytest.mark.parametrize("size", [75, 298])
def test_says_that_its_side_head_needs_larger_images(size):
    images = torch.empty(1, 3, size, size, device="meta")
    network = on_meta("inception-v3").eval()
    assert network(images).shape == (1, 1000)
    with pytest.raises(UsageProblem, match=r"299 × 299.*side_head=false"):
        inception_v3.loss(network, images, torch.zeros(1, dtype=torch.long, device="meta"))


@pytest.mark.parametrize("size", [299, 300, 342])
def test_side_head_takes_larger_images(size):
    main, side = on_meta("inception-v3").all_heads(torch.empty(2, 3, size, size, device="meta"))
    assert main.shape == side.shape == (2, 1000)


@pytest.mark.slow
def test_compiles_in_one_piece():
    """Its loop over the children leaves no break in the graph."""
    network = on_meta("inception-v3").eval()
    images = torch.empty(1, 3, 75, 75, device="meta")
    assert torch.compile(network, backend="eager", fullgraph=True)(images).shape == (1, 1000)


def test_first_weights():
    network = drawn_v3()
    for layer, deviation in {
        "mixed6b.seven.1.conv": 0.1, "side.conv1.conv": 0.1, "side.conv5.conv": 0.01, "side.fc": 0.001,
        "fc": 0.01,
    }.items():  # fmt: skip
        weight = network.get_submodule(layer).weight
        assert weight.std().item() == pytest.approx(0.88 * deviation, rel=0.02)  # what the cut leaves
        assert 1.9 * deviation < weight.abs().max() <= 2 * deviation
    assert not network.fc.bias.any()
    assert not network.side.fc.bias.any()
