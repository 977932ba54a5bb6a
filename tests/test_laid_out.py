"""Networks whose kernels are laid out for answering answer as before."""

import copy

import pytest
import torch
from torch import nn

from alexnet.networks import create
from alexnet.networks.laid_out import FewRowsLinear, LaidOutConv2d, laid_out

LAST = torch.channels_last
library = torch.backends.mkldnn.is_available()
needs_library = pytest.mark.skipif(not library, reason="torch has no oneDNN here")


@needs_library
@pytest.mark.parametrize("name", ["alexnet-64", "resnet20"])
@pytest.mark.parametrize("batch", [1, 5])
@torch.inference_mode()
def test_answers_are_those_of_the_plain_network(name: str, batch: int) -> None:
    torch.manual_seed(0)
    plain = create(name, classes=7).eval().to(memory_format=LAST)
    laid = laid_out(copy.deepcopy(plain))
    side = 56 if name == "alexnet-64" else 32
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=LAST)
    assert sum(isinstance(layer, LaidOutConv2d) for layer in laid.modules()) >= 5
    right = plain(images)
    torch.testing.assert_close(laid(images), right, rtol=1e-5, atol=1e-5 * float(right.abs().max()))


@needs_library
@pytest.mark.parametrize("rows", [1, 3, 4, 31, 127, 128])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_dense_layers_answer_as_in_double_precision(rows: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain, features = nn.Sequential(nn.Linear(300, 70, bias=bias)), torch.randn(rows, 300)
    laid = laid_out(copy.deepcopy(plain))
    assert isinstance(laid[0], FewRowsLinear)
    left_to_torch: list[object] = []
    laid[0].layer.register_forward_hook(lambda *_: left_to_torch.append(rows))
    exact = copy.deepcopy(plain).double()(features.double())
    torch.testing.assert_close(laid(features).double(), exact, rtol=0, atol=1e-5)
    assert bool(left_to_torch) == (rows not in range(4, 128))


@needs_library
@torch.inference_mode()
def test_dense_layers_of_other_shapes_are_left_to_torch() -> None:
    laid = laid_out(nn.Sequential(nn.Linear(6, 5)))
    assert laid(torch.randn(4, 7, 6)).shape == (4, 7, 5)
    assert laid(torch.randn(6)).shape == (5,)


@needs_library
def test_gradients_still_come_from_the_plain_layers() -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 25, 3)
    plain = nn.Sequential(*layers)
    laid = laid_out(copy.deepcopy(plain))
    gradients = []
    for network in (plain, laid):
        images = torch.ones(5, 3, 5, 5, requires_grad=True)
        network(images).sum().backward()
        gradients.append(images.grad)
    assert torch.equal(*gradients)


def test_without_the_library_the_network_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    network = nn.Sequential(nn.Conv2d(3, 16, 3))
    assert laid_out(network) is network
    assert isinstance(network[0], nn.Conv2d)


def test_what_the_library_does_not_know_stays_as_it_is() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.Conv2d(4, 4, 3).double()
    )
    assert not any(isinstance(layer, LaidOutConv2d) for layer in laid_out(network).modules())
