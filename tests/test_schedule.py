import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet.schedule import Constant, Cosine, Exponential, OneCycle, Pieces, Plateau, Steps


def test_the_logged_drops_of_net_145() -> None:
    schedule = Steps(start=0.01, drops=(25, 51, 79))
    rates = [schedule(epoch, 91) for epoch in (0, 24.99, 25, 50.99, 51, 78.99, 79, 90)]
    assert rates == [0.01, 0.01, 0.001, 0.001, 1e-4, 1e-4, 1e-5, 1e-5]


def test_dexp_of_the_2014_code() -> None:
    rates = [Exponential(start=0.01, factor=250, steps=4)(epoch, 80) for epoch in (0, 20, 40, 60, 79.9)]
    assert rates == pytest.approx([0.01, 0.0015874, 0.00025198, 0.00004, 0.00004], rel=1e-4)


@given(
    st.sampled_from(
        [
            Constant(start=0.1, warm_up=2),
            Steps(start=0.1, drops=(3, 6), warm_up=2),
            Cosine(start=0.1, warm_up=2),
            OneCycle(peak=0.1),
        ]
    ),
    st.floats(0, 2),
    st.floats(0, 2),
)
def test_warm_up_rises_from_zero(schedule: Constant, one: float, other: float) -> None:
    assert schedule(0, 10) == 0
    early, late = sorted((one, other))
    assert schedule(early, 10) <= schedule(late, 10)


@given(st.floats(0, 20))
def test_cosine_stays_between_its_ends(epoch: float) -> None:
    assert 0.01 <= Cosine(start=0.1, end=0.01)(epoch, 20) <= 0.1
    assert Cosine(start=0.1, end=0.01)(20, 20) == pytest.approx(0.01)


def test_plateau_waits_then_drops_three_times_at_most() -> None:
    schedule = Plateau(start=0.01, patience=3)
    assert schedule(4, 90, [50, 40, 41, 42]) == 0.01
    assert schedule(5, 90, [50, 40, 41, 42, 43]) == 0.001
    assert schedule(60, 90, [50.0] * 60) == pytest.approx(1e-5)


def test_plateau_counts_a_broken_validation_as_no_progress() -> None:
    assert Plateau(start=0.01, patience=1)(2, 90, [50, math.nan]) == 0.001


def test_pieces_must_begin_with_the_training() -> None:
    with pytest.raises(ValueError, match="begin with 0"):
        Pieces(starts=(1, 2), values=(1, 0))
