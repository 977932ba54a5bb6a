import pytest
import torch

from alexnet.networks import NETWORKS, create
from alexnet.networks.undrawn import Undrawn

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
