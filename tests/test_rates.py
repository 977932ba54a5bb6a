"""The range test: a rate that still holds, found where the loss is known to leave."""

import pytest
import torch

from alexnet.training.rates import range_test, rising
from alexnet.verbs.rates import rates


def quadratic(curvature, tried):
    """Losses of gradient descent on curvature / 2 · w², which leaves at a rate of 2 / curvature."""
    w, losses = 1.0, []
    for rate in tried:
        losses.append(curvature / 2 * w**2)
        w -= rate * curvature * w
    return losses


@pytest.mark.parametrize("curvature", [0.5, 4.0, 100.0])
def test_the_suggested_rate_is_a_while_below_where_it_leaves(curvature):
    tried = rising(1e-4 / curvature, 1e2 / curvature, 80)
    found = range_test(tried, quadratic(curvature, tried))
    assert 0.01 / curvature < found.suggested < 2 / curvature


def test_a_loss_that_never_falls_suggests_nothing():
    tried = rising(1e-5, 1.0, 40)
    assert range_test(tried, [2.3] * 40).suggested is None
    assert range_test(tried, [float("nan")] * 40) == type(found := range_test([], []))([], [], None)
    assert found.suggested is None


def test_a_recipe_is_tried_and_nothing_is_kept(small, digits, tmp_path):
    state = torch.get_rng_state()
    found = rates(small, digits, out=tmp_path / "rates.png", steps=60)
    assert (tmp_path / "rates.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["rates.png"]
    assert found.recipes_own == pytest.approx(0.05, rel=0.05)
    assert 0.005 < found.suggested < 1
    assert found.losses[-1] > min(found.losses)
    assert torch.equal(state, torch.get_rng_state())
    again = rates(small, digits, steps=60)
    assert (again.losses, again.picture) == (found.losses, None)
