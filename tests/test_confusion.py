import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torchmetrics.functional.classification import multiclass_confusion_matrix

from alexnet.evaluation.confusion import clustered, confusion_matrix, most_confused, most_confused_pairs
from alexnet.evaluation.errors import answers, count_errors, ranks
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import wilson


def drawn(images: int, classes: int, seed: int = 0, *, sharp: float = 1.0) -> Predictions:
    """Probabilities that lean towards the right class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (images,), generator=generator)
    logits = torch.randn(images, classes, generator=generator)
    logits[torch.arange(images), labels] += 1.0
    return Predictions(torch.softmax(sharp * logits, 1), labels)


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_the_matrix_is_scikit_learns_and_torchmetrics(classes: int) -> None:
    predictions = drawn(3000, classes)
    matrix, answered = confusion_matrix(predictions), predictions.probabilities.argmax(1)
    peer = metrics.confusion_matrix(predictions.labels, answered, labels=range(classes))
    np.testing.assert_array_equal(matrix, peer)
    other = multiclass_confusion_matrix(predictions.probabilities, predictions.labels, num_classes=classes)
    np.testing.assert_array_equal(matrix, other.numpy())


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.integers(2, 12), st.integers(0, 2**31), st.booleans())
def test_rows_add_up_to_classes_and_the_diagonal_to_what_is_right(
    images: int, classes: int, seed: int, ties: bool
) -> None:
    one = drawn(images, classes, seed)
    scores = one.probabilities.mul(3).round() if ties else one.probabilities
    predictions = Predictions(scores, one.labels)
    matrix = confusion_matrix(predictions)
    np.testing.assert_array_equal(matrix.sum(1), np.bincount(one.labels.numpy(), minlength=classes))
    assert images - np.trace(matrix) == count_errors(scores, one.labels).top1
    right = answers(scores, one.labels) == one.labels
    assert torch.equal(right, ranks(scores, one.labels) == 0)


def test_scores_that_are_no_numbers_are_no_answer() -> None:
    scores = torch.tensor([[0.1, 0.9], [float("nan"), 1.0], [0.5, float("nan")]])
    labels = torch.tensor([1, 1, 0])
    assert answers(scores, labels).tolist() == [1, -1, -1]
    assert confusion_matrix(Predictions(scores, labels)).tolist() == [[0, 0], [0, 1]]


def test_pairs_are_listed_by_how_often_they_are_confused() -> None:
    matrix = np.array([[90, 7, 3], [2, 50, 0], [0, 6, 4]])
    listed = [(one.right, one.answered, one.images) for one in most_confused(matrix)]
    assert listed == [(0, 1, 7), (2, 1, 6), (0, 2, 3), (1, 0, 2)]
    assert most_confused(matrix, 2)[1].share == 60.0
    assert most_confused(matrix, 2)[1].interval == wilson(6, 10)
    pairs = most_confused_pairs(matrix)
    assert [(pair.classes, pair.images) for pair in pairs] == [((0, 1), 9), ((1, 2), 6), ((0, 2), 3)]
    assert pairs[0].share == pytest.approx(100 * 9 / 152)
    assert most_confused(np.eye(3, dtype=np.int64)) == most_confused_pairs(np.eye(3, dtype=np.int64)) == []
    assert matrix[0, 0] == 90, "what is asked is left as it was"


def test_groups_of_confused_classes_stand_together() -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(4), 5))
    matrix = np.where(groups[:, None] == groups, 10, 0) + 1
    order = clustered(matrix)
    assert sorted(order) == list(range(20))
    assert (np.diff(groups[order]) != 0).sum() == 3, "each group in one stretch"
    assert clustered(matrix[:2, :2]) == [0, 1]


def test_a_class_without_pictures_has_its_place_in_the_order() -> None:
    matrix = np.diag([3, 0, 2, 4])
    assert sorted(clustered(matrix)) == [0, 1, 2, 3]
