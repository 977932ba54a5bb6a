from functools import partial
from pathlib import Path

import pytest
import torch

import alexnet
from alexnet.networks import NETWORKS, create, entry
from alexnet.recipe import Recipe
from alexnet.training.precision import has_bfloat16_units, in_precision

FAMILIES = ("alexnet-2012-64", "lenet", "vgg-32", "nin-32", "googlenet-64", "inception-v3-64", "resnet20")


def test_float32_is_the_loss_itself() -> None:
    loss = entry("lenet").loss
    assert in_precision(loss, "float32") is loss


@pytest.mark.parametrize("name", FAMILIES)
def test_loss_and_gradients_stay_float32_and_close(name: str) -> None:
    channels, height, width = NETWORKS[name].input
    network = create(name, classes=10, channels=channels).to(memory_format=torch.channels_last).eval()
    images = torch.randn(4, channels, height, width, generator=torch.Generator().manual_seed(0))
    images = images.to(memory_format=torch.channels_last)
    labels = torch.arange(4)
    losses, gradients = {}, {}
    for precision in ("float32", "bfloat16"):
        network.zero_grad()
        value = in_precision(partial(entry(name).loss, label_smoothing=0.1), precision)(
            network, images, labels
        )
        value.backward()
        assert value.dtype == torch.float32
        assert all(weight.grad.dtype == torch.float32 for weight in network.parameters())
        losses[precision] = value.item()
        gradients[precision] = torch.cat([weight.grad.flatten() for weight in network.parameters()])
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)
    both = torch.stack(list(gradients.values()))
    assert torch.nn.functional.cosine_similarity(*both, dim=0) > 0.98


def test_sixteen_bits_learn_as_well(digits: Path, small: Recipe, tmp_path: Path) -> None:
    recipe = small.model_copy(update={"epochs": 8, "precision": "bfloat16"})
    result = alexnet.train(recipe, digits, tmp_path / "run")
    assert result.top1_error is not None
    assert result.top1_error < 8


def test_units_are_asked_of_the_device() -> None:
    assert has_bfloat16_units(torch.device("cpu")) == bool(torch.cpu.get_capabilities().get("amx_bf16"))
    assert not has_bfloat16_units(torch.device("meta"))
