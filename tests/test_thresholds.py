import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from test_confusion import drawn

from alexnet.evaluation.calibration import Confidences, confidences
from alexnet.evaluation.errors import answers
from alexnet.evaluation.statistics import at_least
from alexnet.evaluation.thresholds import (
    class_thresholds,
    promised_class_thresholds,
    promised_threshold,
    risk_coverage,
    threshold_for,
)


def sure_of(images: int, seed: int, *, steps: int = 0) -> Confidences:
    """Answers right as often as their probabilities say; rounded to `steps`, many of these are equal."""
    generator = np.random.default_rng(seed)
    values = generator.uniform(0.1, 1.0, images)
    values = np.ceil(values * steps) / steps if steps else values
    return Confidences(values, generator.random(images) < values, 10)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.integers(0, 2**31), st.floats(0, 1), st.sampled_from([0, 4, 20]))
def test_the_threshold_is_the_lowest_that_a_plain_search_finds(
    images: int, seed: int, precision: float, steps: int
) -> None:
    sure = sure_of(images, seed, steps=steps)
    found = threshold_for(sure, precision)
    reached = []
    for above in [0.0, *np.unique(sure.values)]:
        kept = sure.values > above
        if kept.any() and sure.right[kept].sum() >= precision * kept.sum():
            reached.append((above, int(kept.sum()), int(sure.right[kept].sum())))
    if reached:
        assert (found.above, found.answered, found.right) == min(reached)
        assert found.precision is not None
        assert found.precision >= 100 * precision - 1e-9
        assert found.coverage == 100 * found.answered / images
    else:
        assert (found.above, found.answered, found.precision) == (None, 0, None)


def test_the_exact_bound_is_scipys() -> None:
    for right, images in ((0, 10), (7, 10), (10, 10), (930, 1000)):
        peer = binomtest(right, images, alternative="greater").proportion_ci(0.9, method="exact").low
        assert at_least(right, images, level=0.9) == pytest.approx(100 * peer)


def _kept(seed: int, images: int, *, promise: bool) -> bool | None:
    """Whether a threshold chosen on simulated pictures holds 75 % on all there could be; None where none."""
    choose = promised_threshold if promise else threshold_for
    found = choose(sure_of(images, seed), 0.75)
    # uniform confidences that tell the truth: the precision above t is the middle of t and 1
    return None if found.above is None else (max(found.above, 0.1) + 1) / 2 >= 0.75


def test_the_promise_holds_where_the_plain_threshold_often_fails() -> None:
    promised = [kept for seed in range(150) if (kept := _kept(seed, 800, promise=True)) is not None]
    plain = [kept for seed in range(150) if (kept := _kept(seed, 800, promise=False)) is not None]
    assert len(promised) > 120
    assert np.mean(promised) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(promised))
    assert np.mean(plain) < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("images", [200, 1000, 5000])
def test_the_promise_holds_at_every_size(images: int) -> None:
    kept = [kept for seed in range(2000) if (kept := _kept(seed, images, promise=True)) is not None]
    assert np.mean(kept) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(kept))


def test_a_promise_answers_fewer_pictures_and_says_so() -> None:
    sure = sure_of(3000, 1)
    plain, promised = threshold_for(sure, 0.9), promised_threshold(sure, 0.9)
    assert plain.above is not None
    assert promised.above is not None
    assert promised.above > plain.above
    assert 0 < promised.coverage < plain.coverage
    assert promised.interval[0] > 90 - 1.0
    assert promised_threshold(sure_of(30, 1), 0.99).above is None, "thirty pictures promise nothing of 99 %"


def test_classes_have_thresholds_of_their_own_answers() -> None:
    predictions = drawn(4000, 4, sharp=2.0)
    answered = answers(predictions.probabilities, predictions.labels).numpy()
    sure = confidences(predictions)
    for label, (plain, promised) in enumerate(
        zip(class_thresholds(predictions, 0.8), promised_class_thresholds(predictions, 0.8), strict=True)
    ):
        mine = answered == label
        assert plain.images == promised.images == mine.sum()
        assert plain.above is not None
        kept = mine & (sure.values > plain.above)
        assert (plain.answered, plain.right) == (kept.sum(), sure.right[kept].sum())
        assert promised.answered <= plain.answered


def test_risk_and_coverage_are_those_of_a_plain_walk() -> None:
    sure = sure_of(500, 0)
    order = np.argsort(-sure.values)
    risks = np.cumsum(~sure.right[order]) / np.arange(1, 501)
    found = risk_coverage(sure)
    np.testing.assert_allclose(found.risk, 100 * risks)
    np.testing.assert_allclose(found.coverage, np.arange(1, 501) / 5)
    assert found.area == pytest.approx(100 * risks.mean())
    assert found.best_area < found.area < 100 * (~sure.right).mean()


def test_equal_confidences_are_taken_in_no_order() -> None:
    """The area over ties is the mean over the orders in which they could come."""
    right = np.array([True, False, True, True, False, False])
    sure = Confidences(np.array([0.9, 0.9, 0.9, 0.5, 0.5, 0.5]), right, 2)
    generator = np.random.default_rng(0)
    areas = []
    for _ in range(4000):
        order = np.concatenate([generator.permutation(3), 3 + generator.permutation(3)])
        areas.append((np.cumsum(~right[order]) / np.arange(1, 7)).mean())
    found = risk_coverage(sure)
    assert found.area == pytest.approx(100 * np.mean(areas), rel=0.01)
    assert len(found.coverage) == 2


def test_perfect_order_has_the_best_area() -> None:
    sure = Confidences(np.linspace(1, 0.1, 50), np.arange(50) < 40, 3)
    found = risk_coverage(sure)
    assert found.area == pytest.approx(found.best_area)
    assert torch.tensor(found.risk).max() == pytest.approx(20)
