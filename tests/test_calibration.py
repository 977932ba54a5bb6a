import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from test_confusion import drawn
from torchmetrics.functional.classification import multiclass_calibration_error

from alexnet.evaluation.calibration import (
    Confidences,
    brier_scores,
    by_chance,
    calibration,
    confidences,
    expected_error,
    maximum_error,
    reliability,
    reliability_equal_mass,
    surprisals,
)
from alexnet.evaluation.predictions import Predictions
from alexnet.problem import Problem


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("bins", [5, 15, 30])
@pytest.mark.parametrize("sharp", [0.5, 1.0, 4.0])
def test_errors_are_torchmetrics(classes: int, bins: int, sharp: float) -> None:
    predictions = drawn(2000, classes, sharp=sharp)
    below_one = predictions.probabilities.amax(1) < 1  # torchmetrics puts an exact 1 into a bin of its own
    some = Predictions(predictions.probabilities[below_one].double(), predictions.labels[below_one])
    table = reliability(confidences(some), bins)
    for norm, ours in (("l1", expected_error(table)), ("max", maximum_error(table))):
        peer = multiclass_calibration_error(
            some.probabilities,
            some.labels,
            classes,
            n_bins=bins,
            norm=norm,  # type: ignore[arg-type]
        )
        assert ours == pytest.approx(float(peer), abs=5e-6)  # it adds in float32


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_brier_and_log_loss_are_scikit_learns(classes: int) -> None:
    one = drawn(500, classes)
    shares = one.probabilities.double()
    predictions = Predictions(shares / shares.sum(1, keepdim=True), one.labels)
    found = calibration(predictions)
    given_to = (predictions.labels.numpy(), predictions.probabilities.numpy())
    peer = brier_score_loss(*given_to, labels=np.arange(classes), scale_by_half=False)
    assert found.brier == pytest.approx(peer, abs=1e-12)
    peer = log_loss(*given_to, labels=np.arange(classes))
    assert found.negative_log_likelihood == pytest.approx(peer, rel=1e-9)
    assert one.loss() == pytest.approx(float(surprisals(one).mean()), rel=1e-6)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_reliability_table_is_scikit_learns(strategy: str) -> None:
    sure = confidences(drawn(1000, 4))
    ours = (reliability if strategy == "uniform" else reliability_equal_mass)(sure, 10)
    accuracy, confidence = calibration_curve(sure.right, sure.values, n_bins=10, strategy=strategy)
    np.testing.assert_allclose([one.accuracy for one in ours], accuracy)
    np.testing.assert_allclose([one.confidence for one in ours], confidence)


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 60), st.integers(2, 9), st.integers(1, 20), st.integers(0, 2**31), st.floats(0.1, 300))
def test_whatever_the_probabilities_the_figures_are_in_bounds(
    images: int, classes: int, bins: int, seed: int, sharp: float
) -> None:
    predictions = drawn(images, classes, seed, sharp=sharp)
    found = calibration(predictions, bins=bins)
    assert 0 <= found.expected_error <= found.maximum_error + 1e-12 <= 1 + 1e-12
    assert 0 <= found.expected_error_equal_mass <= 1
    assert abs(found.overconfidence) <= found.expected_error + 1e-9
    assert 0 <= found.brier <= 2
    assert found.negative_log_likelihood >= 0
    assert sum(one.images for one in found.bins) == images
    assert all(one.interval[0] <= one.accuracy <= one.interval[1] + 1e-12 for one in found.bins)
    for one in found.bins:
        assert one.low - 1e-12 <= one.confidence <= one.high + 1e-12


def test_equal_probabilities_stay_in_one_bin_of_equal_mass() -> None:
    sure = Confidences(np.array([0.3] * 6 + [0.7] * 4), np.arange(10) % 2 == 0, 3)
    assert [one.images for one in reliability_equal_mass(sure, 5)] == [6, 4]
    everywhere = Confidences(np.ones(10), np.ones(10, bool), 3)
    assert [one.images for one in reliability_equal_mass(everywhere, 5)] == [10]
    assert [one.images for one in reliability(everywhere, 5)] == [10]


def test_true_probabilities_show_an_error_by_chance_and_no_more() -> None:
    """Of networks whose probabilities are true one in twenty exceeds the bound; one too sure does."""
    generator = np.random.default_rng(0)
    beyond = []
    for seed in range(200):
        values = generator.uniform(0.2, 1.0, 400)
        sure = Confidences(values, generator.random(400) < values, 10)
        chance = by_chance(sure, rounds=100, seed=seed)
        beyond.append(expected_error(reliability(sure)) > np.quantile(chance, 0.95))
    assert 0.01 < np.mean(beyond) < 0.11  # 0.05, binomially within three deviations
    boastful = Confidences(values**0.5, generator.random(400) < values, 10)
    assert expected_error(reliability(boastful)) > by_chance(boastful).max()


def test_the_mean_by_chance_is_what_a_plain_loop_draws() -> None:
    values = np.random.default_rng(1).uniform(0.1, 1, 300)
    sure = Confidences(values, np.ones(300, bool), 10)
    generator = np.random.default_rng(2)
    plain = [
        expected_error(reliability(Confidences(values, generator.random(300) < values, 10)))
        for _ in range(400)
    ]
    assert by_chance(sure, rounds=400).mean() == pytest.approx(np.mean(plain), rel=0.05)
    np.testing.assert_array_equal(by_chance(sure), by_chance(sure))


def test_intervals_of_brier_and_log_loss_hold_the_truth() -> None:
    """Over simulated splits of a known network, 95 of 100 intervals hold the mean over all pictures."""
    everyone = drawn(50_000, 5)
    squares, losses = brier_scores(everyone), surprisals(everyone)
    generator = np.random.default_rng(0)
    hits = []
    for _ in range(200):
        chosen = torch.from_numpy(generator.integers(0, 50_000, 300))
        found = calibration(Predictions(everyone.probabilities[chosen], everyone.labels[chosen]), bins=2)
        assert found.brier_interval is not None
        assert found.negative_log_likelihood_interval is not None
        hits.append(found.brier_interval[0] < squares.mean() < found.brier_interval[1])
        low, high = found.negative_log_likelihood_interval
        hits.append(low < losses.mean() < high)
    assert 0.92 < np.mean(hits) < 0.98


def test_a_broken_network_is_a_problem_and_one_picture_has_no_interval() -> None:
    scores = torch.full((3, 4), float("nan"))
    with pytest.raises(Problem, match="3 of 3 pictures are not numbers"):
        calibration(Predictions(scores, torch.zeros(3, dtype=torch.int64)))
    alone = calibration(drawn(1, 4))
    assert alone.brier_interval is None
    assert alone.negative_log_likelihood_interval is None
