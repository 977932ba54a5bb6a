"""A training fitted to a time ends at it, whatever its steps turn out to cost."""

import itertools
import random

import pytest

from alexnet.cli.clock import seconds
from alexnet.problem import UsageProblem
from alexnet.training.loop import State
from alexnet.training.pace import Pace


def walked(wish, *, step, probe, validation=0.0, steps=100, noise=0.0, slower_from=None, seed=0):
    """Time a pretended training takes, and the share of its rate's schedule at each step."""
    now, state, chance = 0.0, State(), random.Random(seed)
    pace = Pace(wish, steps=steps, step_seconds=probe, validation_seconds=probe * 5, clock=lambda: now)
    shares = []
    for count in itertools.count(1):
        if state.steps >= pace(state):
            break
        shares.append(state.steps / state.planned)
        slow = 2 if slower_from and now > slower_from else 1
        now += step * slow * (1 + noise * chance.uniform(-1, 1))
        state.steps, state.step = count, state.step + 1
        if state.step == steps or state.steps >= pace(state):
            now += validation
            state.validation_seconds += validation
            state.errors.append(50.0)
            state.epoch, state.step = state.epoch + 1, 0
    return now, shares


@pytest.mark.parametrize("step", [0.02, 0.3])
@pytest.mark.parametrize("validation", [0.0, 3.0])
@pytest.mark.parametrize("probe", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("wish", [60, 300, 1000])
def test_it_ends_within_five_per_cent(wish, step, validation, probe):
    taken, shares = walked(wish, step=step, probe=step * probe, validation=validation, noise=0.3)
    assert taken == pytest.approx(wish, rel=0.05)
    assert shares[-1] > 0.98


def test_it_follows_a_machine_that_becomes_slower():
    taken, shares = walked(300, step=0.1, probe=0.1, slower_from=100)
    assert taken == pytest.approx(300, rel=0.03)
    assert min(later - share for share, later in itertools.pairwise(shares)) > -0.01  # no leap back


def test_a_wish_too_short_is_one_step():
    taken, shares = walked(0.5, step=2.0, probe=2.0)
    assert len(shares) == 1
    assert taken == 2.0


@pytest.mark.parametrize("text", ["", "5 parsecs", "-3m", "0s", "m", "1:30"])
def test_a_length_of_time_is_explained(text):
    with pytest.raises(UsageProblem, match=r"write it as 90s, 20m or 1\.5h"):
        seconds(text)
