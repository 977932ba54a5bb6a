"""A table of the classes: precision, recall, F1 and errors of each, and their means.

Of the pictures answered with a class, precision is the share that is right; of the class's own pictures,
recall is the share answered so; F1 is their harmonic mean (van Rijsbergen, "Information Retrieval", 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from alexnet.evaluation.errors import answers, ranks
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import wilson


@dataclass(frozen=True)
class ClassScores:
    """How one class fares, per cent; None where there is nothing to divide by."""

    label: int
    images: int  # of this class
    answered: int  # with this class
    right: int
    wrong5: int  # pictures of this class without it among the five best

    @property
    def precision(self) -> float | None:
        """Of the pictures answered with the class, those that are right; None if none was."""
        return 100.0 * self.right / self.answered if self.answered else None

    @property
    def precision_interval(self) -> tuple[float, float]:
        """95 %, Wilson."""
        return wilson(self.right, self.answered)

    @property
    def recall(self) -> float | None:
        """Of the class's pictures, those answered so; None if it has none."""
        return 100.0 * self.right / self.images if self.images else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if the class neither has pictures nor is answered."""
        either = self.images + self.answered
        return 200.0 * self.right / either if either else None

    @property
    def top1_error(self) -> float | None:
        """Of the class's pictures, those answered otherwise."""
        return 100.0 * (self.images - self.right) / self.images if self.images else None

    @property
    def top1_interval(self) -> tuple[float, float]:
        """95 %, Wilson."""
        return wilson(self.images - self.right, self.images)

    @property
    def top5_error(self) -> float | None:
        """Of the class's pictures, those without it among the five best."""
        return 100.0 * self.wrong5 / self.images if self.images else None


@dataclass(frozen=True)
class Means:
    """Precision, recall and F1 over classes, per cent."""

    precision: float
    recall: float
    f1: float


def class_table(predictions: Predictions) -> list[ClassScores]:
    """A row for every class in order, also for those without pictures."""
    classes = predictions.probabilities.size(1)
    labels, rank = predictions.labels, ranks(predictions.probabilities, predictions.labels)
    answered = answers(predictions.probabilities, labels)
    broken = torch.isnan(predictions.probabilities.gather(1, labels[:, None])).squeeze(1)
    counts = (
        torch.bincount(labels, minlength=classes),
        torch.bincount(answered[answered >= 0], minlength=classes),
        torch.bincount(labels[rank == 0], minlength=classes),
        torch.bincount(labels[(rank >= min(5, classes)) | broken], minlength=classes),
    )
    return [ClassScores(label, *row) for label, row in enumerate(torch.stack(counts, 1).tolist())]


def macro(table: Sequence[ClassScores]) -> Means:
    """Each class counts alike: the mean over classes that have pictures or are answered.

    A class that has none to divide by counts as 0, as in scikit-learn and torchmetrics.
    """
    there = [row for row in table if row.images or row.answered]
    return Means(
        sum(row.precision or 0.0 for row in there) / len(there),
        sum(row.recall or 0.0 for row in there) / len(there),
        sum(row.f1 or 0.0 for row in there) / len(there),
    )


def micro(table: Sequence[ClassScores]) -> Means:
    """Each picture counts alike: all three are the share of right answers, unless some had no answer."""
    images, answered = sum(row.images for row in table), sum(row.answered for row in table)
    right = sum(row.right for row in table)
    return Means(
        100.0 * right / max(answered, 1), 100.0 * right / images, 200.0 * right / (images + answered)
    )
