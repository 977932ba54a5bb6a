"""Small maps side by side: the same sums, and only where they pay."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from alexnet.networks import create
from alexnet.training import precision
from alexnet.training.strips import SmallMapsOnStrips, convolved, images_beside, on_strips

PLAIN = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1)}


@settings(max_examples=40, deadline=None)
@given(
    images=st.sampled_from([2, 4, 6, 12]),
    height=st.integers(1, 6),
    width=st.integers(1, 9),
    kernel=st.sampled_from([(3, 3), (5, 5), (1, 3), (3, 5)]),
    biased=st.booleans(),
)
def test_strips_give_the_values_and_gradients_of_the_plain_convolution(
    images: int, height: int, width: int, kernel: tuple[int, int], biased: bool
) -> None:
    draw = torch.Generator().manual_seed(images + height)
    maps, weight, bias = (
        torch.randn(shape, generator=draw, dtype=torch.float64, requires_grad=True)
        for shape in ((images, 3, height, width), (4, 3, *kernel), (4,))
    )
    asked = [maps, weight, *([bias] if biased else [])]
    margins = (kernel[0] // 2, kernel[1] // 2)
    ours = on_strips(maps, weight, bias if biased else None, beside=2)
    theirs = torch.conv2d(maps, weight, bias if biased else None, 1, margins)
    assert ours.shape == theirs.shape
    weights = torch.randn(theirs.shape, generator=draw, dtype=torch.float64)
    gradients = (torch.autograd.grad((found * weights).sum(), asked) for found in (ours, theirs))
    for one, other in zip((ours, *next(gradients)), (theirs, *next(gradients)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_channels_last_stays() -> None:
    maps = torch.randn(10, 64, 7, 7).contiguous(memory_format=torch.channels_last)
    found = on_strips(maps, torch.randn(64, 64, 3, 3), None, beside=5)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("change", "laid"),
    [
        ({}, True),
        ({"stride": (2, 2)}, False),
        ({"padding": (0, 0)}, False),
        ({"dilation": (2, 2), "padding": (2, 2)}, False),
        ({"groups": 2}, False),
        ({"maps": 32}, False),
        ({"width": 15}, False),
        ({"images": 17}, False),
        ({"kernel": 1, "padding": (0, 0)}, False),
    ],
)
def test_only_what_gains_is_laid_on_strips(
    change: dict[str, Any], laid: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"images": 10, "maps": 64, "width": 7, "kernel": 3, "groups": 1, **PLAIN, **change}
    rest = (*(facts[name] for name in PLAIN), facts["groups"])
    maps = torch.randn(facts["images"], facts["maps"], 7, facts["width"])
    weight = torch.randn(facts["maps"], facts["maps"] // facts["groups"], facts["kernel"], facts["kernel"])
    plain, seen = torch.conv2d, list[torch.Size]()

    def watched(maps: Tensor, *others: Any) -> Tensor:
        seen.append(maps.shape)
        return plain(maps, *others)

    monkeypatch.setattr(torch, "conv2d", watched)
    found = convolved(maps, weight, None, *rest)
    assert (seen[0] != maps.shape) is laid
    torch.testing.assert_close(found, plain(maps, weight, None, *rest), rtol=1e-4, atol=1e-4)


def test_a_strip_is_as_long_as_divides_the_batch() -> None:
    assert [images_beside(128, 8, 1), images_beside(128, 4, 2), images_beside(127, 4, 1)] == [8, 16, 1]


def test_a_step_in_bfloat16_is_no_further_from_float32_than_with_plain_convolutions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    network = create("airbench-s", classes=10).train()
    images, labels = torch.randn(20, 3, 32, 32), torch.arange(20) % 10

    def gradients(kind: precision.Precision) -> Tensor:
        loss = precision.in_precision(lambda net, x, y: cross_entropy(net(x), y), kind)
        of_all = torch.autograd.grad(loss(network, images, labels), list(network.parameters()))
        return torch.cat([one.flatten() for one in of_all])

    exact, away = gradients("float32"), []
    for mode in (SmallMapsOnStrips, nullcontext):
        monkeypatch.setattr(precision, "small_maps", lambda device, mode=mode: mode())
        away.append(float((gradients("bfloat16") - exact).norm() / exact.norm()))
    ours, plain = away
    assert 0 < ours < 1.2 * plain
