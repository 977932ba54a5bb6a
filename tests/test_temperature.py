import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from test_confusion import drawn

from alexnet.evaluation.errors import ranks
from alexnet.evaluation.predictions import Predictions, load_predictions, save_predictions
from alexnet.evaluation.temperature import (
    cross_fitted,
    first_half,
    fit_temperature,
    tempered,
    with_temperature,
)
from alexnet.problem import Problem


def truthful(images: int, classes: int, seed: int, *, temperature: float = 1.0) -> Predictions:
    """Labels drawn from the very probabilities, which are then handed on too sharp by `temperature`."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2.0 * torch.randn(images, classes, generator=generator)
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator).squeeze(1)
    return Predictions(torch.softmax(temperature * logits, 1), labels)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 1.7, 5.0])
@pytest.mark.parametrize("classes", [2, 30])
def test_a_known_temperature_is_found_again(temperature: float, classes: int) -> None:
    found = fit_temperature(truthful(4000, classes, 3, temperature=temperature))
    assert found.value == pytest.approx(temperature, rel=0.08)
    assert found.interval[0] < found.value < found.interval[1]
    assert found.images == 4000
    assert not found.bounded


def test_it_is_where_scipys_minimiser_ends() -> None:
    predictions = drawn(3000, 10, sharp=2.5)
    peer = minimize_scalar(
        lambda t: with_temperature(predictions, t).loss(), bounds=(0.1, 10), method="bounded"
    )
    assert fit_temperature(predictions).value == pytest.approx(peer.x, rel=1e-3)


def test_the_interval_holds_the_true_temperature() -> None:
    hits = [
        low < 1.5 < high
        for low, high in (
            fit_temperature(truthful(150, 3, seed, temperature=1.5)).interval for seed in range(200)
        )
    ]
    assert 0.90 <= np.mean(hits) <= 0.99  # 0.95, binomially within three deviations


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(2, 12), st.integers(0, 2**31), st.floats(0.05, 20), st.booleans())
def test_a_temperature_never_changes_an_answer(
    images: int, classes: int, seed: int, temperature: float, close: bool
) -> None:
    one = drawn(images, classes, seed, sharp=30.0)
    scores = one.probabilities
    if close:  # neighbours in float32, which division by 20 brings nearer still
        scores = torch.full((images, classes), 0.3)
        scores[:, seed % classes] = float(np.nextafter(np.float32(0.3), np.float32(1)))
    predictions = Predictions(scores, one.labels)
    after = with_temperature(predictions, temperature)
    right = ranks(scores, one.labels) == 0
    assert torch.equal(ranks(after.probabilities, one.labels) == 0, right)
    total = after.probabilities.sum(1)
    assert close or torch.allclose(total, torch.ones(images, dtype=torch.float64))
    assert after.probabilities.dtype == torch.float64


def test_tempering_probabilities_is_dividing_logits() -> None:
    logits = torch.randn(50, 7, dtype=torch.float64) * 5
    ours = tempered(torch.softmax(logits, 1), 1.8)
    assert torch.allclose(ours, torch.softmax(logits / 1.8, 1), atol=1e-12)
    shares = torch.softmax(logits, 1).float()
    assert torch.equal(tempered(shares, 1.0), shares.double())


def test_more_pictures_than_are_worked_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions = drawn(100, 4, sharp=3.0)
    whole, whole_scores = fit_temperature(predictions), with_temperature(predictions, 2.0)
    monkeypatch.setattr("alexnet.evaluation.temperature.ROWS", 7)
    parts = fit_temperature(predictions)
    assert parts.value == pytest.approx(whole.value)
    assert torch.equal(with_temperature(predictions, 2.0).probabilities, whole_scores.probabilities)


def test_no_picture_has_a_part_in_its_own_temperature() -> None:
    predictions = drawn(400, 5, sharp=3.0)
    result, (first, second) = cross_fitted(predictions, seed=4)
    half = torch.from_numpy(first_half(400, 4))
    assert 150 < int(half.sum()) < 250
    assert (first.images, second.images) == (int(half.sum()), int((~half).sum()))
    assert torch.equal(result.probabilities[half], tempered(predictions.probabilities[half], second.value))
    assert torch.equal(result.probabilities[~half], tempered(predictions.probabilities[~half], first.value))
    # a picture of the first half whose label is another changes nothing of its own
    place = int(half.nonzero()[0])
    labels = predictions.labels.clone()
    labels[place] = (labels[place] + 1) % 5
    again, _ = cross_fitted(Predictions(predictions.probabilities, labels), seed=4)
    assert torch.equal(again.probabilities[half], result.probabilities[half])
    assert not torch.equal(again.probabilities[~half], result.probabilities[~half])


def test_halves_belong_to_the_pictures_and_the_seed() -> None:
    np.testing.assert_array_equal(first_half(500, 1)[:200], first_half(200, 1))
    assert (first_half(500, 1) != first_half(500, 2)).mean() > 0.3
    with pytest.raises(Problem, match="evaluate on more"):
        cross_fitted(drawn(1, 3))


def test_a_network_that_is_always_right_or_worse_than_chance_meets_a_bound() -> None:
    labels = torch.zeros(30, dtype=torch.int64)
    sure = Predictions(torch.tensor([[0.9, 0.1]]).expand(30, 2), labels)
    assert fit_temperature(sure).value == pytest.approx(0.05)
    assert fit_temperature(sure).bounded
    backwards = Predictions(torch.tensor([[0.1, 0.9]]).expand(30, 2), labels)
    assert fit_temperature(backwards).value == pytest.approx(20)
    assert fit_temperature(backwards).bounded
    with pytest.raises(Problem, match="broken"):
        fit_temperature(Predictions(torch.full((2, 2), float("nan")), labels[:2]))


def test_a_probability_of_nought_is_survived(tmp_path) -> None:
    shares = torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])
    predictions = Predictions(shares, torch.tensor([0, 1, 2]))
    found = fit_temperature(predictions)
    assert found.value > 1
    after = with_temperature(predictions, found.value)
    assert torch.isfinite(after.probabilities).all()
    save_predictions(after, tmp_path / "after.safetensors", {})
    assert torch.equal(load_predictions(tmp_path / "after.safetensors")[0].probabilities, after.probabilities)
