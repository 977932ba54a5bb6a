"""LARS and Muon: their formulas, on layers one can follow by hand."""

import pytest
import torch
from torch import nn

from alexnet.recipe import Recipe
from alexnet.schedule import Constant
from alexnet.training.groups import ends_of
from alexnet.training.layerwise import LARS, orthogonal
from alexnet.training.optimizer import optimizer_of, set_rates


def parameter(values, gradient):
    made = nn.Parameter(torch.tensor(values))
    made.grad = torch.tensor(gradient)
    return made


def test_a_lars_step_is_a_share_of_the_weights_length():
    weight, bias = parameter([[3.0, 4.0]], [[0.0, 10.0]]), parameter([1.0], [0.5])
    optimizer = LARS([{"params": [weight, bias]}], lr=2.0, momentum=0.9, weight_decay=0.0)
    optimizer.step()
    # |w| = 5, |g| = 10: 2 * 0.001 * 5 / 10 * g
    torch.testing.assert_close(weight.detach(), torch.tensor([[3.0, 4.0 - 0.01]]))
    torch.testing.assert_close(bias.detach(), torch.tensor([1.0 - 2 * 0.001]))
    optimizer.step()
    length = (9 + 3.99**2) ** 0.5
    torch.testing.assert_close(weight.detach()[0, 1].item(), 3.99 - 0.9 * 0.01 - 2 * 0.001 * length)


def test_lars_bounds_the_decayed_gradient():
    weight = parameter([[3.0, 4.0]], [[0.0, 10.0]])
    LARS([{"params": [weight]}], lr=1.0, momentum=0.0, weight_decay=0.1).step()
    ratio = 0.001 * 5 / (10 + 0.1 * 5)
    torch.testing.assert_close(
        weight.detach(), torch.tensor([[3.0, 4.0]]) - ratio * torch.tensor([[0.3, 10.4]])
    )


def test_lars_moves_a_layer_of_zeros_by_a_small_step():
    weight = parameter([[0.0, 0.0]], [[1.0, 2.0]])
    LARS([{"params": [weight]}], lr=0.5, momentum=0.0).step()
    torch.testing.assert_close(weight.detach(), torch.tensor([[-0.0005, -0.001]]))


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (12, 12)])
def test_the_iteration_puts_singular_values_near_one(shape):
    torch.manual_seed(0)
    matrix = torch.randn(*shape)
    made = orthogonal(matrix)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    inner = left.T @ made @ right.T
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 1e-4  # the same directions
    assert inner.diagonal().min() > 0.3
    assert inner.diagonal().max() < 1.3


def test_muon_turns_hidden_kernels_and_leaves_the_rest_to_adamw():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 4))
    assert ends_of(network) == {"0", "3"}
    recipe = Recipe(
        name="r", network="lenet", epochs=1, learning_rate=Constant(start=0.01), optimizer="muon",
        weight_decay=0.0,
    )  # fmt: skip
    optimizer = optimizer_of(recipe, network)
    set_rates(optimizer, recipe, 0.5, [])
    before = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
    for tensor in network.parameters():
        tensor.grad = torch.randn_like(tensor)
    optimizer.step()
    steps = {name: (before[name] - tensor.detach()) for name, tensor in network.named_parameters()}
    for name in ("0.weight", "3.weight", "2.weight", "1.bias"):
        torch.testing.assert_close(steps[name].abs(), torch.full_like(steps[name], 0.01), rtol=1e-3, atol=0)
    turned = steps["1.weight"].flatten(1) / (0.01 * 0.2 * 72**0.5)
    values = torch.linalg.svdvals(turned)
    assert values.min() > 0.3
    assert values.max() < 1.3


@pytest.mark.parametrize("kind", ["lars", "muon"])
def test_they_learn(kind):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    inputs = torch.randn(64, 8)
    labels = (inputs[:, 0] * inputs[:, 1] > 0).long()
    rate = {"lars": 20.0, "muon": 0.02}[kind]
    recipe = Recipe(
        name="r", network="lenet", epochs=1, learning_rate=Constant(start=rate), optimizer=kind,
        decay_of="weights", weight_decay=0.0005,
    )  # fmt: skip
    optimizer = optimizer_of(recipe, network)
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0, 0.0005}
    set_rates(optimizer, recipe, 0.5, [])
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2
