import math

import pytest
import torch

from alexnet.networks import NETWORKS, create
from alexnet.networks.undrawn import Undrawn, Unfilled

NAMES = ("alexnet-2012-64", "convnet-conv-local-11pct", "nin-32", "vgg-32", "inception-v3-64", "resnet20")


@pytest.mark.parametrize("name", [*NAMES, "lenet-1998"])
def test_nothing_is_drawn_and_loaded_weights_answer_as_before(name: str) -> None:
    channels, *sides = NETWORKS[name].input
    drawn = create(name, classes=10, channels=channels).eval()
    with Undrawn():
        empty = create(name, classes=10, channels=channels).eval()
    if name != "lenet-1998":  # its few weights are computed from draws
        wide = [weight for weight in empty.parameters() if weight.dim() > 1]
        assert wide
        assert not any(weight.any() for weight in wide)
    empty.load_state_dict(drawn.state_dict())
    images = torch.randn(2, channels, *sides, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(empty(images), drawn(images))


def test_afterwards_weights_are_drawn_again() -> None:
    with Undrawn():
        pass
    assert torch.nn.Linear(3, 3).weight.abs().min() > 0


@pytest.mark.parametrize("name", ["alexnet-2012-64", "alexnet-64", "vgg-32"])
def test_what_torch_leaves_unfilled_the_network_draws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = []

    def marked(self: Unfilled, func, types, args=(), kwargs=None):
        result = _usual(self, func, types, args, kwargs)
        if getattr(func, "__module__", "") == "torch.nn.init":
            left.append(result)
            with torch.no_grad():
                result.copy_(torch.full_like(result, math.nan))
        return result

    _usual = Unfilled.__torch_function__
    monkeypatch.setattr(Unfilled, "__torch_function__", marked)
    network = create(name, classes=10, channels=3)
    assert len(left) >= 6  # weights and biases of its dense layers
    assert not any(weight.isnan().any() for weight in network.parameters())
