"""Pictures and their nearest training pictures: the paper's figure 4, right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.probing.search import Neighbours
from alexnet.report.mistakes import Shelf
from alexnet.report.thumbnails import Thumbnail

I64 = NDArray[np.int64]
ROWS = 5  # pictures, as in the paper's figure 4
ACROSS = 6  # neighbours of each


@dataclass(frozen=True)
class Near:
    """A training picture, its class, and whether that is the class of the picture asked for."""

    picture: Thumbnail
    name: str
    same: bool


@dataclass(frozen=True)
class Row:
    """A picture, its class, and its nearest training pictures, nearest first."""

    picture: Thumbnail
    name: str
    near: list[Near]


@dataclass(frozen=True)
class Neighbourhood:
    """The sheet; `among` so many training pictures, `of` so many."""

    rows: list[Row]
    among: int
    of: int
    indexed: bool  # by the index beside the run

    @property
    def same(self) -> int:
        """Neighbours of the same class."""
        return sum(near.same for row in self.rows for near in row.near)

    @property
    def shown(self) -> int:
        """Neighbours in all."""
        return sum(len(row.near) for row in self.rows)


def spread_over_classes(labels: I64, count: int) -> I64:
    """Numbers of pictures [count], each of another class as far as that goes, evenly over the classes.

    >>> spread_over_classes(np.array([0, 0, 1, 1, 2, 2]), 2).tolist()
    [0, 4]
    """
    classes = np.unique(labels)
    taken = classes[np.linspace(0, len(classes) - 1, min(count, len(classes))).round().astype(int)]
    found = [int(np.flatnonzero(labels == label)[0]) for label in taken]
    return np.array(found, dtype=np.int64)


def neighbourhood_of(
    numbers: I64, shelf: Shelf, training: Shelf, found: Neighbours, names: Sequence[str]
) -> list[Row]:
    """Rows for pictures `numbers` of one shelf, whose neighbours by number of the other have been found."""
    rows = []
    views = shelf.thumbnails(numbers)
    for place, number in enumerate(numbers.tolist()):
        truth = int(shelf.labels[number])
        near = found.numbers[place]
        pictures = training.thumbnails(near)
        labels = training.labels[near].tolist()
        pairs = [
            Near(picture, names[label], label == truth)
            for picture, label in zip(pictures, labels, strict=True)
        ]
        rows.append(Row(views[place], names[truth], pairs))
    return rows
