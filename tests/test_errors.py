import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import top_k_accuracy_score

from alexnet.evaluation.errors import Errors, count_errors
from alexnet.evaluation.predictions import Predictions, average, load_predictions, predict, save_predictions
from alexnet.evaluation.statistics import wilson
from alexnet.problem import Problem


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(6, 12))
def test_counts_agree_with_scikit_learn_where_nothing_ties(seed: int, images: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.permuted(np.tile(np.arange(classes, dtype=np.float64), (images, 1)), axis=1)
    labels = generator.integers(classes, size=images)
    errors = count_errors(torch.from_numpy(scores), torch.from_numpy(labels))
    for k, wrong in ((1, errors.top1), (5, errors.top5)):
        right = top_k_accuracy_score(labels, scores, k=k, normalize=False, labels=np.arange(classes))
        assert wrong == images - right


@given(st.integers(0, 30), st.integers(0, 2**31))
def test_counts_add(cut: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(30, 8, generator=generator).round()  # rounding makes ties
    labels = torch.randint(8, (30,), generator=generator)
    parts = count_errors(scores[:cut], labels[:cut]) + count_errors(scores[cut:], labels[cut:])
    assert parts == count_errors(scores, labels)


def test_ties_and_nan_count_against_us() -> None:
    labels = torch.zeros(4, dtype=torch.int64)
    assert count_errors(torch.zeros(4, 10), labels) == Errors(4, 4, 4)
    assert count_errors(torch.full((4, 10), float("nan")), labels) == Errors(4, 4, 4)
    assert count_errors(torch.full((4, 3), float("nan")), labels) == Errors(4, 4, 4)
    assert count_errors(torch.zeros(4, 3), labels) == Errors(4, 4, 0)
    one_broken = torch.zeros(4, 10)
    one_broken[:, 0], one_broken[:, 1] = 1, float("nan")
    assert count_errors(one_broken, labels).top1 == 4


@pytest.mark.parametrize(
    ("wrong", "images"), [(0, 1), (0, 100), (3, 100), (50, 100), (100, 100), (731, 3000)]
)
def test_wilson_is_scipys(wrong: int, images: int) -> None:
    expected = binomtest(wrong, images).proportion_ci(method="wilson")
    assert wilson(wrong, images) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-9)


def test_wilsons_interval_ends_at_the_rate_of_none_and_of_all_to_the_bit() -> None:
    assert {wilson(0, images)[0] for images in range(1, 400)} == {0.0}
    assert {wilson(images, images)[1] for images in range(1, 400)} == {100.0}


def test_views_average_probabilities_not_scores() -> None:
    views = [[torch.tensor([[4.0, 0.0]])], [torch.tensor([[0.0, 1.0]])]]
    result = predict(lambda scores: scores, views, torch.tensor([0]))
    expected = (torch.softmax(views[0][0], 1) + torch.softmax(views[1][0], 1)) / 2
    assert torch.equal(result.probabilities, expected)


def test_saved_scores_come_back(tmp_path) -> None:
    predictions = Predictions(torch.rand(5, 3), torch.tensor([0, 1, 2, 0, 1]))
    save_predictions(predictions, tmp_path / "scores" / "val.safetensors", {"split": "val"})
    loaded, facts = load_predictions(tmp_path / "scores" / "val.safetensors")
    assert torch.equal(loaded.probabilities, predictions.probabilities)
    assert facts == {"split": "val"}
    assert [one.images for one in loaded.per_class()] == [2, 2, 1]


def test_models_of_other_images_are_not_averaged() -> None:
    one = Predictions(torch.rand(2, 3), torch.tensor([0, 1]))
    with pytest.raises(Problem, match="different images"):
        average([one, Predictions(torch.rand(2, 3), torch.tensor([1, 0]))])
    mixed = average([one, Predictions(torch.zeros(2, 3), one.labels)], weights=[3, 1])
    assert torch.allclose(mixed.probabilities, 0.75 * one.probabilities)
