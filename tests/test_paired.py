import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.evaluation.paired import all_pairs, bootstrapped, holm, mcnemar, paired_interval
from alexnet.evaluation.statistics import Wrong
from alexnet.problem import Problem


def errors(only_first: int, only_second: int, both: int = 0, neither: int = 0) -> tuple[Wrong, Wrong]:
    cases = [(True, False)] * only_first + [(False, True)] * only_second
    cases += [(True, True)] * both + [(False, False)] * neither
    first, second = np.array(cases, bool).reshape(-1, 2).T
    return first, second


@pytest.mark.parametrize(("one", "other"), list(product(range(6), range(6))))
def test_the_exact_test_is_brute_force(one: int, other: int) -> None:
    """Every way in which the pictures that only one gets wrong could have fallen, counted."""
    found = mcnemar(*errors(one, other, 3, 4))
    ways = list(product([0, 1], repeat=one + other))
    as_uneven = [abs(2 * sum(way) - len(way)) >= abs(one - other) for way in ways]
    assert found.p == pytest.approx(sum(as_uneven) / len(ways))
    assert (found.only_first, found.only_second, found.test) == (one, other, "exact")


@pytest.mark.parametrize(("one", "other"), [(20, 8), (13, 12), (30, 30), (0, 40), (400, 330)])
def test_mid_p_is_the_exact_one_less_half_of_what_was_seen(one: int, other: int) -> None:
    either, fewer = one + other, min(one, other)
    seen = math.comb(either, fewer) / 2**either
    tail = sum(math.comb(either, k) for k in range(fewer + 1)) / 2**either
    expected = 1 - seen / 2 if one == other else 2 * tail - seen
    found = mcnemar(*errors(one, other, 5, 5))
    assert found.p == pytest.approx(expected)
    assert found.test == "mid-p"
    assert mcnemar(*errors(other, one)).p == pytest.approx(found.p)


def simulated(images: int, seed: int, *, better: float = 0.0) -> tuple[Wrong, Wrong]:
    """Two networks that err on 30 % and share much of it; the second errs more often by `better`."""
    generator = np.random.default_rng(seed)
    hard = generator.random(images) < 0.2
    first = hard | (generator.random(images) < 0.125)
    second = hard | (generator.random(images) < 0.125 + better / 0.8)
    return first, second


def coverage(images: int, rounds: int, *, better: float) -> float:
    held = []
    for seed in range(rounds):
        low, high = paired_interval(*simulated(images, seed, better=better)).interval
        held.append(low <= 100 * better <= high)
    return float(np.mean(held))


def test_intervals_and_tests_have_their_nominal_level() -> None:
    assert 0.93 <= coverage(200, 1000, better=0.05) <= 0.97
    false = [mcnemar(*simulated(400, seed)).p < 0.05 for seed in range(600)]
    assert np.mean(false) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)
    assert np.mean(false) > 0.02, "and it is not timid"


@pytest.mark.slow
@pytest.mark.parametrize("images", [30, 100, 1000, 10_000])
@pytest.mark.parametrize("better", [0.0, 0.01, 0.2])
def test_intervals_cover_at_every_size(images: int, better: float) -> None:
    assert 0.93 <= coverage(images, 4000, better=better) <= 0.975


def test_few_pictures_and_no_difference_make_no_certainty() -> None:
    none = paired_interval(*errors(0, 0, 0, 10))
    assert none.points == 0
    assert none.interval[0] < -5
    assert none.interval[1] > 5
    all_of_it = paired_interval(*errors(0, 3))
    assert all_of_it.points == 100
    assert all_of_it.interval[1] <= 100


def test_the_bootstrap_agrees_with_the_closed_interval() -> None:
    first, second = simulated(2000, 1, better=0.03)
    closed = paired_interval(first, second)
    mean, (low, high) = bootstrapped(first, second, rounds=4000)
    assert 100 * mean == pytest.approx(closed.points)
    assert (100 * low, 100 * high) == pytest.approx(closed.interval, abs=0.3)


def test_the_bootstrap_is_the_plain_one_and_holds_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    losses = generator.exponential(size=(2, 400))
    mean, interval = bootstrapped(*losses, rounds=1500)
    difference = losses[1] - losses[0]
    plain = [difference[generator.integers(0, 400, 400)].mean() for _ in range(1500)]
    assert mean == pytest.approx(difference.mean())
    assert interval == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.02)
    monkeypatch.setattr("alexnet.evaluation.paired.BYTES", 8 * 400 * 100)
    assert bootstrapped(*losses, rounds=1500)[1] == pytest.approx(interval, abs=0.02)
    hits = []
    for _ in range(100):
        _, (low, high) = bootstrapped(*generator.exponential(size=(2, 200)), rounds=300)
        hits.append(low < 0 < high)
    assert 0.88 <= np.mean(hits) <= 0.99


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_procedure(values: list[float]) -> None:
    """At any level it rejects just what rejecting one after the other from the smallest rejects."""
    adjusted = holm(values)
    for level in (0.01, 0.05, 0.2):
        rejected, going = set(), True
        for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            going = going and values[place] * (len(values) - rank) < level
            if going:
                rejected.add(place)
        assert {place for place, p in enumerate(adjusted) if p < level} == rejected


def test_pairs_are_told_in_words_and_corrected_together() -> None:
    generator = np.random.default_rng(0)
    base = generator.random(1000) < 0.3
    worse = base | (generator.random(1000) < 0.1)
    shaken = base ^ (np.arange(1000) % 100 == 0)
    pairs = all_pairs({"base": base, "worse": worse, "shaken": shaken})
    assert [(pair.first, pair.second) for pair in pairs] == [
        ("base", "worse"), ("base", "shaken"), ("worse", "shaken"),
    ]  # fmt: skip
    assert pairs[0].reading == "base is better"
    assert pairs[0].difference.points == pytest.approx(100 * (worse & ~base).mean())
    assert pairs[1].reading == "this difference is noise"
    assert pairs[2].reading == "shaken is better"
    assert [pair.adjusted_p for pair in pairs] == holm([pair.mcnemar.p for pair in pairs])
    assert all_pairs({"alone": base}) == []


def test_other_pictures_cannot_be_paired() -> None:
    with pytest.raises(Problem, match="same data"):
        mcnemar(np.zeros(3, bool), np.zeros(4, bool))
