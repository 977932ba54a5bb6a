"""The compiled gradient of a convolution over pictures is torch's own, to rounding."""

import pytest
import torch
from torch import Tensor, nn

from alexnet.networks import create
from alexnet.networks import picture_convolution as pictures
from alexnet.networks.picture_convolution import PictureConv2d, kernel

LAST = torch.channels_last
SHAPES = {
    "conv1 of AlexNet": ((3, 96, 11), {"stride": 4}, 227),
    "padded, strided": ((3, 64, 7), {"stride": 2, "padding": 3}, 40),
    "of grey pictures": ((1, 32, 5), {"padding": 2}, 28),
    "sixteen maps, no bias": ((3, 16, 3), {"padding": 1, "bias": False}, 32),
    "windows that do not cover the edge": ((3, 48, 5), {"stride": 3}, 31),
}
needs_compiler = pytest.mark.skipif(
    kernel(33, 96, torch.float32) is None, reason="nothing is compiled on this machine"
)


def pair(shape: tuple[int, int, int], options: dict[str, int]) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    ours = PictureConv2d(*shape, **options).to(memory_format=LAST)
    plain = nn.Conv2d(*shape, **options).double()
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def gradients(layer: nn.Conv2d, images: Tensor, weights: Tensor) -> list[Tensor]:
    maps = layer(images)
    (maps * weights[..., : maps.size(2), : maps.size(3)].to(maps.dtype)).sum().backward()
    return [each.grad for each in layer.parameters() if each.grad is not None]


@needs_compiler
@pytest.mark.parametrize("name", SHAPES)
def test_values_and_gradients_equal_the_plain_layers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shape, options, side = SHAPES[name]
    ours, plain = pair(shape, options)
    images = torch.randn(3, shape[0], side, side).contiguous(memory_format=LAST)
    weights = torch.randn(3, shape[1], side, side)
    used = []
    apply = pictures._Pictures.apply
    monkeypatch.setattr(pictures._Pictures, "apply", lambda *given: used.append(1) or apply(*given))
    torch.testing.assert_close(ours(images).double(), plain(images.double()), rtol=1e-5, atol=1e-5)
    found, right = gradients(ours, images, weights), gradients(plain, images.double(), weights)
    assert used
    assert len(found) == len(right)
    for mine, theirs in zip(found, right, strict=True):
        # relative to the largest: a gradient is a sum of many terms of either sign
        assert (mine.double() - theirs).abs().max() < 3e-6 * theirs.abs().max()
    assert found[0].is_contiguous(memory_format=LAST)


@needs_compiler
def test_gradients_of_sixteen_bits_are_added_up_in_32() -> None:
    ours, plain = pair((3, 32, 5), {"stride": 2})
    images = torch.randn(4, 3, 33, 33).contiguous(memory_format=LAST)
    weights = torch.randn(4, 32, 33, 33).bfloat16().double()
    with torch.autocast("cpu", torch.bfloat16):
        maps = ours(images)
    assert maps.dtype == torch.bfloat16
    (maps * weights[..., :15, :15].bfloat16()).sum().backward()
    right = gradients(plain, images.double(), weights)
    for mine, theirs in zip([ours.weight.grad, ours.bias.grad], right, strict=True):
        assert mine is not None
        assert mine.dtype == torch.float32
        assert (mine.double() - theirs).abs().max() < 3e-6 * theirs.abs().max()


@pytest.mark.parametrize("order", [LAST, torch.contiguous_format])
def test_gradients_of_pictures_come_from_the_plain_form(order: torch.memory_format) -> None:
    ours, plain = pair((3, 32, 5), {"stride": 2})
    images = torch.randn(2, 3, 21, 21).contiguous(memory_format=order).requires_grad_()
    doubled = images.detach().double().requires_grad_()
    ours(images).square().sum().backward()
    plain(doubled).square().sum().backward()
    assert images.grad is not None
    assert doubled.grad is not None
    torch.testing.assert_close(images.grad.double(), doubled.grad, rtol=1e-4, atol=1e-4)


def test_without_a_compiler_the_plain_form_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "kernel", lambda *_: None)
    ours, plain = pair((3, 32, 5), {"padding": 2})
    images, weights = torch.randn(2, 3, 16, 16).contiguous(memory_format=LAST), torch.randn(2, 32, 16, 16)
    found, right = gradients(ours, images, weights), gradients(plain, images.double(), weights)
    for mine, theirs in zip(found, right, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-4, atol=1e-4)


@needs_compiler
def test_the_same_steps_give_the_same_bits() -> None:
    ours, _ = pair((3, 96, 11), {"stride": 4})
    images = torch.randn(5, 3, 67, 67).contiguous(memory_format=LAST)
    weights = torch.randn(5, 96, 67, 67)
    first = [each.clone() for each in gradients(ours, images, weights)]
    ours.zero_grad()
    for before, after in zip(first, gradients(ours, images, weights), strict=True):
        assert torch.equal(before, after)


@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012", "alexnet-64"])
def test_alexnets_begin_with_it(name: str) -> None:
    network = create(name, classes=10)
    assert isinstance(network.get_submodule("conv1"), PictureConv2d)
