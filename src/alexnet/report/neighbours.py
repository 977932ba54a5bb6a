"""Pictures and their nearest training pictures: the paper's figure 4, right, and by pixels for contrast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.probing.agreement import Agreement
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
class Line:
    """The nearest training pictures by one measure, nearest first."""

    by: str  # features, pixels
    near: list[Near]

    @property
    def same(self) -> int:
        """Those of the same class."""
        return sum(near.same for near in self.near)


@dataclass(frozen=True)
class Row:
    """A picture, its class, and its nearest training pictures by both measures."""

    picture: Thumbnail
    name: str
    lines: list[Line]


@dataclass(frozen=True)
class Searched:
    """Among how many training pictures neighbours were looked for; there are `of`."""

    features: int
    pixels: int
    of: int
    indexed: bool  # features by the index beside the run


@dataclass(frozen=True)
class Neighbourhood:
    """The sheet, and how often neighbours of more pictures are of the same class, both among the same."""

    rows: list[Row]
    searched: Searched
    agreement: list[Agreement]
    compared: int  # training pictures among which agreement was counted

    @property
    def shown(self) -> int:
        """Neighbours in all, by each measure."""
        return sum(len(row.lines[0].near) for row in self.rows)

    def same(self, place: int) -> int:
        """Neighbours of the same class by the first measure or the second."""
        return sum(row.lines[place].same for row in self.rows)

    @property
    def verdict(self) -> str:
        """Whether features agree with the class more often than pixels, in words."""
        low = min(one.difference_interval[0] for one in self.agreement)
        high = max(one.difference_interval[1] for one in self.agreement)
        if low > 0:
            return "Neighbours by features are of the same class clearly more often than those by pixels."
        if high < 0:
            return "Neighbours by features are of the same class less often than those by pixels."
        return "It does not show at every number of neighbours that features agree more often than pixels."


def spread_over_classes(labels: I64, count: int) -> I64:
    """Numbers of pictures [count], each of another class as far as that goes, evenly over the classes.

    >>> spread_over_classes(np.array([0, 0, 1, 1, 2, 2]), 2).tolist()
    [0, 4]
    """
    classes = np.unique(labels)
    taken = classes[np.linspace(0, len(classes) - 1, min(count, len(classes))).round().astype(int)]
    found = [int(np.flatnonzero(labels == label)[0]) for label in taken]
    return np.array(found, dtype=np.int64)


def rows_of(
    numbers: I64, shelf: Shelf, training: Shelf, found: Mapping[str, Neighbours], names: Sequence[str]
) -> list[Row]:
    """Rows for pictures `numbers` of one shelf, whose neighbours in the other were found so."""
    views = shelf.thumbnails(numbers)
    lines = [_lines(by, each, training, shelf.labels[numbers], names) for by, each in found.items()]
    return [
        Row(views[place], names[shelf.labels[number]], [of_all[place] for of_all in lines])
        for place, number in enumerate(numbers.tolist())
    ]


def _lines(by: str, found: Neighbours, training: Shelf, truth: I64, names: Sequence[str]) -> list[Line]:
    """The neighbours of each picture as they are shown; `truth` [B] are the pictures' classes."""
    lines = []
    for numbers, right in zip(found.numbers, truth.tolist(), strict=True):
        pairs = zip(training.thumbnails(numbers), training.labels[numbers].tolist(), strict=True)
        lines.append(Line(by, [Near(picture, names[label], label == right) for picture, label in pairs]))
    return lines
