import numpy as np
import pytest
import torch
from torch import nn

from alexnet.compiled import why_not
from alexnet.ingredients import Rule
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.schedule import Constant, Pieces, Steps
from alexnet.training.optimizer import (
    SGD2012,
    TensorFlowRMSProp,
    clip_gradients,
    optimizer_of,
    parameter_groups,
    set_rates,
)
from alexnet.training.update import update_compiled


def weights(seed: int = 0) -> nn.Parameter:
    return nn.Parameter(torch.randn(7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def gradient(step: int) -> torch.Tensor:
    return torch.randn(7, generator=torch.Generator().manual_seed(100 + step), dtype=torch.float64)


def stepped(optimizer: torch.optim.Optimizer, weight: nn.Parameter, step: int) -> None:
    weight.grad = gradient(step)
    optimizer.step()


def test_the_update_is_the_papers_formula_across_a_change_of_rate() -> None:
    weight = weights()
    optimizer = SGD2012([{"params": [weight]}], lr=0.01, momentum=0.9, weight_decay=0.0005)
    w, v = weight.detach().clone(), torch.zeros(7, dtype=torch.float64)
    for step in range(8):
        rate = 0.01 if step < 4 else 0.001
        optimizer.param_groups[0]["lr"] = rate
        stepped(optimizer, weight, step)
        v = 0.9 * v - 0.0005 * rate * w - rate * gradient(step)
        w = w + v
        assert torch.allclose(weight, w, rtol=0, atol=1e-15)


def test_torchs_sgd_is_the_same_only_while_the_rate_is() -> None:
    ours, theirs = weights(), weights()
    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.0005}
    one, other = SGD2012([{"params": [ours]}], **settings), torch.optim.SGD([theirs], **settings)
    for step in range(5):
        stepped(one, ours, step)
        stepped(other, theirs, step)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-15)
    for optimizer in (one, other):
        optimizer.param_groups[0]["lr"] = 0.001
    other.state[theirs]["momentum_buffer"] *= 0.01 / 0.001  # what makes torch's step as long as the paper's
    for step in range(5, 10):
        stepped(one, ours, step)
        stepped(other, theirs, step)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-15)


def test_without_the_correction_they_part() -> None:
    ours, theirs = weights(), weights()
    one = SGD2012([{"params": [ours]}], lr=0.01)
    other = torch.optim.SGD([theirs], lr=0.01, momentum=0.9)
    for step in range(6):
        for optimizer in (one, other):
            optimizer.param_groups[0]["lr"] = 0.01 if step < 3 else 0.001
        stepped(one, ours, step)
        stepped(other, theirs, step)
    assert (ours - theirs).abs().max() > 1e-3


def test_rmsprop_is_tensorflows_formula_across_a_change_of_rate() -> None:
    weight = weights()
    optimizer = TensorFlowRMSProp([{"params": [weight]}], lr=0.045, weight_decay=0.0004)
    w, s, v = weight.detach().numpy().copy(), np.ones(7), np.zeros(7)
    for step in range(8):
        rate = 0.045 if step < 4 else 0.0423
        optimizer.param_groups[0]["lr"] = rate
        stepped(optimizer, weight, step)
        g = gradient(step).numpy() + 0.0004 * w
        s = 0.9 * s + 0.1 * g**2
        v = 0.9 * v + rate * g / np.sqrt(s + 1.0)
        w = w - v
        assert np.allclose(weight.detach().numpy(), w, rtol=0, atol=1e-15)


def test_rmsprop_and_torchs_part_by_less_than_the_root_of_two() -> None:
    ours, theirs = weights(), weights()
    one = TensorFlowRMSProp([{"params": [ours]}], lr=0.1, momentum=0.0)
    other = torch.optim.RMSprop([theirs], lr=0.1, alpha=0.9, eps=1.0)
    for step in range(60):
        before = ours.detach().clone(), theirs.detach().clone()
        stepped(one, ours, step)
        stepped(other, theirs, step)
        ratio = (ours - before[0]) / (theirs - before[1])
        assert ratio.min() >= 2**-0.5
        assert ratio.max() <= 2**0.5
    assert (ratio - 1).abs().max() > 0.2


def test_gradients_that_are_too_long_are_shortened_together() -> None:
    one, other = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))
    optimizer = SGD2012([{"params": [one]}, {"params": [other]}], lr=0.1)
    drawn = np.random.default_rng(0).normal(size=7)
    for longest in (2.0, 100.0):
        one.grad = torch.tensor(drawn[:3], dtype=torch.float32)
        other.grad = torch.tensor(drawn[3:], dtype=torch.float32).reshape(2, 2)
        clip_gradients(optimizer, longest)
        clipped = np.concatenate([one.grad.numpy().ravel(), other.grad.numpy().ravel()])
        assert np.allclose(clipped, drawn * min(1, longest / np.sqrt((drawn**2).sum())), rtol=1e-5)


def recipe(**fields: object) -> Recipe:
    values = {"name": "r", "network": "n", "epochs": 10, "learning_rate": Constant(start=0.01), **fields}
    return Recipe.model_validate(values)


def small() -> nn.Module:
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(3, 4, 3))
    net.add_module("fc2", nn.Linear(4, 2))
    return net


def test_rules_multiply_rates_and_the_last_decay_holds() -> None:
    rules = (
        Rule(match="*.bias", times=2.0, weight_decay=0.0),
        Rule(match="conv1.*", times=Pieces(starts=(0, 5, 7), values=(1, 0.1, 0))),
    )
    optimizer = optimizer_of(recipe(rules=rules, weight_decay=0.0005), small())
    assert set_rates(optimizer, recipe(rules=rules), 6.0, []) == 0.01
    found = {group["names"][0]: (group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert found == {
        "conv1.weight": (pytest.approx(0.001), 0.0005),
        "conv1.bias": (pytest.approx(0.002), 0.0),
        "fc2.weight": (0.01, 0.0005),
        "fc2.bias": (0.02, 0.0),
    }


def test_a_rate_of_zero_stops_a_layer_and_frozen_ones_get_no_gradient() -> None:
    net = small()
    frozen = recipe(frozen=("conv1.*",), learning_rate=Steps(start=0.1, drops=()))
    groups = list(parameter_groups(frozen, net))
    assert [name for group in groups for name in group["names"]] == ["fc2.weight", "fc2.bias"]
    assert not net.get_parameter("conv1.weight").requires_grad


@pytest.mark.parametrize("fields", [{"rules": (Rule(match="conv9.*"),)}, {"frozen": ("conv9.*",)}])
def test_a_pattern_that_fits_nothing_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(UsageProblem, match=r"no parameter of n fits 'conv9\.\*'.*conv1\.weight"):
        optimizer_of(recipe(**fields), small())


def test_freezing_all_is_refused() -> None:
    with pytest.raises(UsageProblem, match="leaves nothing to train"):
        optimizer_of(recipe(frozen=("*",)), small())


# ------------------------------------------------------------------------------------------------ compiled


def layer(dtype: torch.dtype, order: torch.memory_format) -> nn.Parameter:
    drawn = torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return nn.Parameter(drawn.to(dtype).to(memory_format=order))


def trained(
    dtype: torch.dtype, order: torch.memory_format, gradient_order: torch.memory_format
) -> nn.Parameter:
    """A weight after three updates at two rates."""
    weight = layer(dtype, order)
    optimizer = SGD2012([{"params": [weight]}], lr=0.01, momentum=0.9, weight_decay=0.0005)
    for step, rate in enumerate((0.01, 0.01, 0.001)):
        optimizer.param_groups[0]["lr"] = rate
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        weight.grad = drawn.to(dtype).to(memory_format=gradient_order)
        optimizer.step()
    return weight


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("gradient_order", [torch.contiguous_format, torch.channels_last])
def test_the_compiled_update_is_the_formula(
    order: torch.memory_format, gradient_order: torch.memory_format
) -> None:
    exact = trained(torch.float64, order, gradient_order)
    assert torch.allclose(trained(torch.float32, order, gradient_order).double(), exact, rtol=1e-6, atol=1e-7)


@pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")
def test_only_what_lies_alike_in_float32_is_updated_compiled() -> None:
    def taken(weight: torch.Tensor, velocity: torch.Tensor, gradient: torch.Tensor) -> bool:
        parameter = nn.Parameter(weight)
        parameter.grad = gradient
        with torch.no_grad():
            return update_compiled(parameter, velocity, (0.9, 0.0, -0.1))

    plain = torch.ones(4, 3, 2, 2)
    last = plain.to(memory_format=torch.channels_last)
    assert taken(plain, plain.clone(), plain.clone())
    assert taken(last, last.clone(), last.clone())
    assert not taken(last, last.clone(), plain)
    assert not taken(last, plain.clone(), last)
    assert not taken(plain.double(), plain.double(), plain.double())
    gaps = torch.ones(4, 6)[:, ::2]
    assert not taken(gaps, gaps.clone(), gaps)
    one = torch.ones(4, 3, 1, 1)  # where a side is one, its stride says nothing
    assert taken(one, one.clone(), one.to(memory_format=torch.channels_last))


@pytest.mark.parametrize("count", [1, 7, 40_000])
def test_every_number_is_updated_once(count: int) -> None:
    weight = nn.Parameter(torch.zeros(count))
    weight.grad = torch.ones(count)
    optimizer = SGD2012([{"params": [weight]}], lr=0.5, momentum=0.0)
    optimizer.step()
    assert torch.equal(weight, torch.full((count,), -0.5))
