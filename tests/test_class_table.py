import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support
from test_confusion import drawn
from torchmetrics.functional.classification import (
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from alexnet.evaluation.classes import class_table, macro, micro
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import wilson


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 80), st.integers(2, 15), st.integers(0, 2**31))
def test_the_table_is_scikit_learns(images: int, classes: int, seed: int) -> None:
    predictions = drawn(images, classes, seed)
    table = class_table(predictions)
    answered = predictions.probabilities.argmax(1)
    peer = precision_recall_fscore_support(
        predictions.labels, answered, labels=range(classes), zero_division=0
    )
    for row, precision, recall, f1, support in zip(table, *peer, strict=True):
        ours = (row.precision or 0, row.recall or 0, row.f1 or 0, row.images)
        assert ours == pytest.approx((100 * precision, 100 * recall, 100 * f1, support))


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize(("images", "classes"), [(500, 2), (40, 30), (2000, 100)])
def test_the_means_are_torchmetrics(average: str, images: int, classes: int) -> None:
    predictions = drawn(images, classes)
    means = (macro if average == "macro" else micro)(class_table(predictions))
    peers = (multiclass_precision, multiclass_recall, multiclass_f1_score)
    theirs = [
        100 * float(peer(predictions.probabilities, predictions.labels, classes, average=average))  # type: ignore[arg-type]
        for peer in peers
    ]
    assert (means.precision, means.recall, means.f1) == pytest.approx(theirs, rel=1e-5)


def test_errors_are_those_of_the_predictions() -> None:
    predictions = drawn(300, 8)
    for row, errors in zip(class_table(predictions), predictions.per_class(), strict=True):
        assert (row.images, row.images - row.right, row.wrong5) == (errors.images, errors.top1, errors.top5)
        assert row.top1_error == pytest.approx(errors.top1_error)
        assert row.top5_error == pytest.approx(errors.top5_error)
        assert row.top1_interval == wilson(errors.top1, errors.images)
        assert row.precision_interval == wilson(row.right, row.answered)


def test_a_class_without_pictures_or_answers_has_no_shares() -> None:
    table = class_table(Predictions(torch.tensor([[0.9, 0.1, 0.0]]), torch.tensor([1])))
    assert [(row.precision, row.recall, row.f1) for row in table] == [(0, None, 0), (None, 0, 0), (None,) * 3]
    assert macro(table).recall == 0, "two classes count, the third is not there"


def test_pictures_whose_scores_are_no_numbers_are_wrong_and_answered_with_nothing() -> None:
    scores = torch.tensor([[0.9, 0.1], [float("nan"), 0.5]])
    predictions = Predictions(scores, torch.tensor([0, 1]))
    table = class_table(predictions)
    assert [(row.images, row.answered, row.right) for row in table] == [(1, 1, 1), (1, 0, 0)]
    assert [row.wrong5 for row in table] == [one.top5 for one in predictions.per_class()]
    assert micro(table).precision == 100
    assert micro(table).recall == 50
