"""Norms of gradients against autograd by hand, against a chain with a known answer, and in real networks."""

import json
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from alexnet.networks import NETWORKS, create
from alexnet.probing.gradients import LayerGradient, gradient_figure, gradient_norms
from alexnet.probing.sheets import save_figure
from alexnet.problem import UsageProblem


def mean_loss(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(network(images), labels)


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(),
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 4, 3),
    ).double()  # fmt: skip


def batch(*shape: int, classes: int = 3) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    images = torch.randn(*shape, generator=chance, dtype=torch.float64)
    return images, torch.randint(0, classes, shape[:1], generator=chance)


def by_hand(network: nn.Sequential, images: Tensor, labels: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Gradients of each layer's weight and output, the layers run one by one."""
    outputs = {}
    for name, layer in network.train().named_children():
        images = layer(images)
        outputs[name] = images
    weighted = [name for name in outputs if network.get_submodule(name)._parameters.get("weight") is not None]
    weights = [network.get_parameter(f"{name}.weight") for name in weighted]
    loss = cross_entropy(images, labels)
    found = torch.autograd.grad(loss, [*weights, *(outputs[name] for name in weighted)])
    return dict(zip(weighted, zip(found, found[len(weighted) :], strict=False), strict=True))


def of(weight: Tensor, output: Tensor) -> list[float]:
    return [number for each in (weight, output) for number in (each.square().mean().sqrt(), each.norm())]


def numbers(found: LayerGradient) -> list[float]:
    return [found.weight_rms, found.weight_norm, found.output_rms, found.output_norm]


def test_norms_are_those_of_autograd_by_hand():
    images, labels = batch(5, 2, 8, 8)
    expected = by_hand(small(), images, labels)
    del expected["1"]  # the norm is no layer here
    found = gradient_norms(small(), images, labels=labels, loss=mean_loss)
    assert [one.name for one in found] == list(expected) == ["0", "3", "6"]
    for one in found:
        torch.testing.assert_close(numbers(one), [float(number) for number in of(*expected[one.name])])


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_in_a_chain_of_rotations_the_norm_is_a_power_of_the_scale(scale):
    depth, width = 40, 6
    torch.manual_seed(0)
    chain = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(depth))).double()
    for layer in chain:
        layer.weight.data = scale * nn.init.orthogonal_(layer.weight.data)
    images = torch.randn(1, width, dtype=torch.float64)
    direction = torch.randn(width, dtype=torch.float64)

    def loss(network, images, labels):
        return network(images) @ labels  # linear, so that the last output's gradient is `labels`

    found = gradient_norms(chain, images, labels=direction, loss=lambda *given: loss(*given).sum())
    for number, one in enumerate(found, 1):
        at_output = scale ** (depth - number) * direction.norm().item()
        at_weight = at_output * scale ** (number - 1) * images.norm().item()  # outer product of two vectors
        expected = [at_weight / width, at_weight, at_output / width**0.5, at_output]
        assert numbers(one) == pytest.approx(expected, rel=1e-10)


class Crossed(nn.Module):
    """Layers that run in another order than they are named in, one of them never, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.never = nn.Linear(4, 3), nn.Linear(2, 2)
        self.first, self.twice = nn.Linear(5, 4), nn.Linear(4, 4)

    def forward(self, features: Tensor) -> Tensor:
        return self.last(relu(self.twice(relu(self.twice(self.first(features))))))


def test_layers_come_in_the_order_of_their_run_and_only_those_that_run():
    torch.manual_seed(0)
    network, (features, labels) = Crossed().double(), batch(6, 5)
    found = gradient_norms(network, features, labels=labels, loss=mean_loss)
    assert [one.name for one in found] == ["first", "twice", "last"]
    once = network.first(features)
    twice = network.twice(once)
    again = network.twice(relu(twice))
    loss = cross_entropy(network.last(relu(again)), labels)
    weight, *outputs = torch.autograd.grad(loss, [network.twice.weight, twice, again])
    assert numbers(found[1]) == pytest.approx([float(one) for one in of(weight, torch.stack(outputs))])


def test_layers_that_share_a_weight_each_have_its_whole_gradient():
    torch.manual_seed(0)
    network, (features, labels) = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).double(), batch(6, 3)
    network[1].weight = network[0].weight
    first, second = gradient_norms(network, features, labels=labels, loss=mean_loss)
    (expected,) = torch.autograd.grad(mean_loss(network, features, labels), network[0].weight)
    assert first.weight_norm == second.weight_norm == pytest.approx(expected.norm().item())


def test_an_activation_in_place_does_not_change_what_is_measured():
    images, labels = batch(5, 2, 8, 8)
    network = small()
    expected = gradient_norms(network, images, labels=labels, loss=mean_loss)
    network[2], network[4] = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
    assert gradient_norms(network, images, labels=labels, loss=mean_loss) == expected


def test_the_network_and_the_images_are_left_as_they_were():
    network, (images, labels) = small().eval(), batch(5, 2, 8, 8)
    network[4].train()
    network[6].weight.grad = torch.ones_like(network[6].weight)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        gradient_norms(network, images, labels=labels, loss=mean_loss)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert [layer.training for layer in network] == [False] * 4 + [True] + [False] * 2
    assert network[0].weight.grad is None
    assert network[6].weight.grad.eq(1).all()
    assert not images.requires_grad
    assert not any(module._forward_hooks for module in network.modules())


def test_the_pass_is_one_of_training_whatever_the_mode():
    images, labels = batch(5, 2, 8, 8)
    training = gradient_norms(small().train(), images, labels=labels, loss=mean_loss)
    assert gradient_norms(small().eval(), images, labels=labels, loss=mean_loss) == training


def test_after_a_loss_that_fails_no_hook_is_left():
    network, (images, _) = small().eval(), batch(5, 2, 8, 8)
    with pytest.raises(ValueError, match="batch_size"):
        gradient_norms(network, images, labels=torch.zeros(4, dtype=torch.int64), loss=mean_loss)
    assert not any(module._forward_hooks for module in network.modules())
    assert not network.training


def test_a_frozen_weight_has_none_and_its_output_still_has():
    images, labels = batch(5, 2, 8, 8)
    network = small()
    expected = gradient_norms(network, images, labels=labels, loss=mean_loss)
    network[0].requires_grad_(False)
    frozen, *others = gradient_norms(network, images, labels=labels, loss=mean_loss)
    assert numbers(frozen) == [0.0, 0.0, expected[0].output_rms, expected[0].output_norm]
    assert others == expected[1:]


def test_gradients_whose_squares_overflow_float32_have_norms():
    network, (features, labels) = nn.Sequential(nn.Linear(4, 3)), batch(6, 4)
    (one,) = gradient_norms(
        network, features.float(), labels=labels, loss=lambda *given: 1e30 * mean_loss(*given)
    )
    assert 1e28 < one.weight_norm < 1e31


def test_a_network_without_layers_is_refused():
    images, labels = batch(4, 3)
    with pytest.raises(UsageProblem, match="no convolution or dense layer"):
        gradient_norms(nn.Sequential(nn.BatchNorm1d(3)).double(), images, labels=labels, loss=mean_loss)


def test_every_kind_of_layer_counts_and_subsampling_does_not():
    images, labels = batch(4, 1, 32, 32, classes=10)
    found = gradient_norms(
        create("lenet-1998", classes=10, channels=1).double(), images, labels=labels, loss=mean_loss
    )
    assert [one.name for one in found] == ["c1", "c3", "c5", "f6"]
    images, labels = batch(4, 3, 12, 12, classes=10)
    network = create("convnet-conv-local-13pct", classes=10, image=12).double()
    found = gradient_norms(network, images, labels=labels, loss=mean_loss)
    assert [one.name for one in found] == ["conv1", "conv2", "local3", "local4", "fc10"]


def test_side_heads_take_part_by_the_loss_alone():
    images, labels = batch(4, 3, 64, 64, classes=10)
    network = create("googlenet-64", classes=10).double()
    with_sides = gradient_norms(network, images, labels=labels, loss=NETWORKS["googlenet-64"].loss)
    without = gradient_norms(network, images, labels=labels, loss=mean_loss)
    assert any("side" in one.name for one in with_sides)
    assert not any("side" in one.name for one in without)


def test_a_plain_network_amplifies_and_a_residual_one_does_not():
    """With batch norm a plain net's gradients do not vanish; they grow towards the image."""
    images, labels = batch(8, 3, 16, 16, classes=10)
    growth = {}
    for name in ("plain56", "resnet56"):
        found = gradient_norms(create(name, classes=10).double(), images, labels=labels, loss=mean_loss)
        assert len(found) == 56
        growth[name] = found[0].output_rms / found[-2].output_rms
    assert growth["plain56"] > 100 * growth["resnet56"] > 0


def curves() -> dict[str, list[LayerGradient]]:
    return {
        name: [LayerGradient(f"layer{i}", base**i, 2.0, 3 * base**i, 4.0) for i in range(depth)]
        for name, base, depth in (("plain", 0.1, 5), ("residual", 0.9, 7))
    }


def test_the_picture_has_a_curve_a_network_by_depth():
    left, right = gradient_figure(curves()).axes
    for axis, factor in ((left, 1), (right, 3)):
        assert axis.get_yscale() == "log"
        assert [line.get_label() for line in axis.lines] == ["plain", "residual"]
        plain, residual = axis.lines
        assert list(residual.get_xdata()) == [1, 2, 3, 4, 5, 6, 7]
        assert list(plain.get_ydata()) == pytest.approx([factor * 0.1**i for i in range(5)])


def test_a_picture_of_no_gradient_at_all_says_so():
    silent = {"silent": [LayerGradient("conv1", 0.0, 0.0, 0.0, 0.0)] * 3}
    for axis in gradient_figure(silent).axes:
        assert axis.get_yscale() == "linear"
        assert [text.get_text() for text in axis.texts] == ["no gradient: all are zero"]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_picture_is_written_the_same_twice(kind, tmp_path):
    path, written = tmp_path / f"gradients.{kind}", []
    for _ in range(2):
        save_figure(gradient_figure(curves()), path)
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert (b"PNG" if kind == "png" else b"<svg") in written[0]
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


PASS = """
import json, resource, sys, torch
from alexnet.networks import create, cross_entropy
from alexnet.probing.gradients import gradient_norms
network, images = create("resnet1001-v2", classes=10), torch.randn(16, 3, 32, 32)
found = gradient_norms(network, images, labels=torch.arange(16) % 10, loss=cross_entropy)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"layers": len(found), "least": min(one.weight_rms for one in found),
                  "most": max(one.weight_rms for one in found), "peak": peak}))
"""


@pytest.mark.slow
def test_resnet_1001_runs_forward_and_backward_in_four_gibibytes():
    """Batch 16 at 32 pixels, in a process of its own: the peak of its resident memory, torch included."""
    ran = subprocess.run([sys.executable, "-c", PASS], capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    assert found["layers"] == 1001 + 3  # and three projections
    assert 0 < found["least"] < found["most"] < float("inf")
    assert found["peak"] < 4 * 2**30, f"{found['peak'] / 2**30:.2f} GiB"
