"""Which classes are taken for which: the confusion matrix, the pairs confused most, an order by likeness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.errors import answers
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.statistics import wilson

Matrix = NDArray[np.int64]


@dataclass(frozen=True)
class Confused:
    """Pictures of class `right` answered with class `answered`; `share` is per cent of those of `right`."""

    right: int
    answered: int
    images: int
    share: float
    interval: tuple[float, float]  # 95 %


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes taken for each other, both ways added; per cent of the pictures of both."""

    classes: tuple[int, int]
    images: int
    share: float
    interval: tuple[float, float]  # 95 %


def confusion_matrix(predictions: Predictions) -> Matrix:
    """Counts int64 [C, C]: row is the right class, column the answer; errors are what is off the diagonal.

    A row adds up to the pictures of its class, less those whose scores are not numbers.
    """
    classes = predictions.probabilities.size(1)
    answered = answers(predictions.probabilities, predictions.labels).numpy()
    known = answered >= 0
    cells = predictions.labels.numpy()[known] * classes + answered[known]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def most_confused(matrix: Matrix, count: int = 10) -> list[Confused]:
    """The cells off the diagonal [C, C] with the most pictures, the largest first, ties by number of class.

    >>> [(one.right, one.answered, one.images) for one in most_confused(np.array([[5, 3], [1, 4]]))]
    [(0, 1, 3), (1, 0, 1)]
    """
    images = matrix.sum(axis=1)
    return [
        Confused(right, answered, number, *_share(number, int(images[right])))
        for right, answered, number in _largest(matrix, count)
    ]


def most_confused_pairs(matrix: Matrix, count: int = 10) -> list[ConfusedPair]:
    """The pairs of classes that are taken for each other most often, both ways added.

    >>> [(pair.classes, pair.images) for pair in most_confused_pairs(np.array([[5, 3], [1, 4]]))]
    [((0, 1), 4)]
    """
    images = matrix.sum(axis=1)
    both = np.triu(matrix + matrix.T, 1)
    return [
        ConfusedPair((one, other), number, *_share(number, int(images[one] + images[other])))
        for one, other, number in _largest(both, count)
    ]


def clustered(matrix: Matrix) -> list[int]:
    """An order of the classes [C] in which those that are confused stand beside each other.

    Average linkage over the share of both classes' pictures that is confused, leaves ordered so that
    neighbours are alike (Bar-Joseph et al. 2001) up to 200 classes, for its time grows with their cube.
    """
    classes = len(matrix)
    if classes < 3:
        return list(range(classes))
    from scipy.cluster.hierarchy import leaves_list, linkage  # slow to import, and few ask for it

    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    alike = shares + shares.T
    upper = np.triu_indices(classes, 1)
    tree = linkage(2.0 - alike[upper], method="average", optimal_ordering=classes <= 200)
    return [int(leaf) for leaf in leaves_list(tree)]


def _largest(matrix: Matrix, count: int) -> list[tuple[int, int, int]]:
    """Row, column and value of the largest cells off the diagonal that are not zero."""
    cells = matrix.copy()
    np.fill_diagonal(cells, 0)
    flat = cells.reshape(-1)
    places = np.flatnonzero(flat)
    places = places[np.argsort(-flat[places], kind="stable")][:count]
    return [(*divmod(place, len(matrix)), int(flat[place])) for place in places.tolist()]


def _share(number: int, images: int) -> tuple[float, tuple[float, float]]:
    return 100.0 * number / images, wilson(number, images)
