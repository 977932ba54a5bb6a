"""A ReLU and the norm behind it in one pass are what they are in two."""

import pytest
import torch
from torch import Tensor, nn

from alexnet.networks import create
from alexnet.networks.chain import Chain
from alexnet.networks.layers import ResponseNorm
from alexnet.networks.response_compiled import kernel

LAST = torch.channels_last
TYPES = (torch.float32, torch.float64, torch.bfloat16)
needs_compiler = pytest.mark.skipif(
    kernel(torch.float32, rectified=True) is None, reason="nothing is compiled on this machine"
)


def layers() -> tuple[nn.Module, nn.Module]:
    return nn.ReLU(), ResponseNorm(5, 0.3, beta=0.75, k=2, columns=2)


def drawn(dtype: torch.dtype) -> Tensor:
    maps = 3 * torch.randn(2, 16, 5, 4, generator=torch.Generator().manual_seed(0))
    maps[0, 0] = 0.0
    return maps.to(dtype).contiguous(memory_format=LAST).requires_grad_()


def both_ways(network: nn.Module, maps: Tensor) -> tuple[Tensor, Tensor]:
    answer = network(maps)
    answer.backward(torch.linspace(-1, 2, answer.numel()).view_as(answer).to(answer.dtype))
    assert maps.grad is not None
    return answer.detach(), maps.grad


@needs_compiler
@pytest.mark.parametrize("dtype", TYPES)
def test_one_pass_gives_the_bits_of_two(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, plain = Chain(*layers()), nn.Sequential(*layers())
    calls: list[bool] = []
    fused = ResponseNorm.of_rectified
    monkeypatch.setattr(
        ResponseNorm, "of_rectified", lambda norm, maps: calls.append(True) or fused(norm, maps)
    )
    one, two = both_ways(chain, drawn(dtype)), both_ways(plain, drawn(dtype))
    assert calls
    for mine, theirs in zip(one, two, strict=True):
        assert torch.equal(mine, theirs)
    assert (one[1][0, 0] == 0).all()  # where nothing passed the ReLU


@needs_compiler
def test_what_is_no_number_stays_so() -> None:
    maps = drawn(torch.float32).detach()
    maps[1, 3, 2, 2] = torch.nan
    assert Chain(*layers())(maps)[1, 3, 2, 2].isnan()


def test_hooks_see_what_lies_between() -> None:
    chain = Chain(*layers())
    seen: list[Tensor] = []
    chain[0].register_forward_hook(lambda layer, given, answer: seen.append(answer))
    maps = drawn(torch.float32)
    chain(maps)
    (between,) = seen
    assert torch.equal(between, maps.relu())


def test_without_a_compiler_and_in_other_orders_each_layer_does_its_own() -> None:
    maps = torch.randn(1, 16, 3, 3)
    assert torch.equal(Chain(*layers())(maps), nn.Sequential(*layers())(maps))


def test_a_part_of_a_chain_is_one() -> None:
    network = create("alexnet-64", classes=3)
    assert isinstance(network, Chain)
    assert isinstance(network[1:4], Chain)
    assert [name for name, _ in network[1:4].named_children()] == ["conv1", "relu1", "norm1"]
