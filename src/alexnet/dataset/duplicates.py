"""Pictures whose contents are the same, byte for byte: within a split, across splits, under two labels.

A picture costs some thirty bytes here and no object: millions are compared by sorting arrays.
"""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_DIGEST_BYTES = (
    16  # of SHA-256: among 2**40 different contents two that agree here are unlikelier than 1 in 2**48
)


@dataclass
class Contents:
    """What is kept of each picture that was read."""

    digests: bytearray = field(default_factory=bytearray)
    splits: "array[int]" = field(default_factory=lambda: array("b"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    numbers: "array[int]" = field(default_factory=lambda: array("q"))  # in the listing

    def add(self, digest: bytes, split: int, label: int, number: int) -> None:
        """Keep one picture's SHA-256, the number of its split (train first), its class and its place."""
        self.digests += digest[:_DIGEST_BYTES]
        self.splits.append(split)
        self.labels.append(label)
        self.numbers.append(number)


@dataclass(frozen=True)
class Same:
    """How many pictures are concerned, and some pairs of them by their numbers in the listing."""

    count: int
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Duplicates:
    """Pictures that repeat one of their split, that repeat one of an earlier split, that have two labels."""

    within: Same
    across: Same
    two_labels: Same


def find_duplicates(contents: Contents, *, examples: int = 5) -> Duplicates:
    """Group equal contents and count what repeats; of each kind the first few pairs are named.

    >>> contents = Contents()
    >>> for number, (content, split) in enumerate([(b"a" * 16, 0), (b"b" * 16, 0), (b"a" * 16, 2)]):
    ...     contents.add(content, split, 0, number)
    >>> find_duplicates(contents).across
    Same(count=1, pairs=((0, 2),))
    """
    group, members = _repeated(np.frombuffer(bytes(contents.digests), np.uint64).reshape(-1, 2))
    numbers = np.array(contents.numbers, np.int64)[members]
    splits, labels = (np.array(values, np.int32)[members] for values in (contents.splits, contents.labels))
    same_split, other_split = _neighbours(group, splits, numbers)
    _, other_label = _neighbours(group, labels, numbers)
    first = np.full(group.max(initial=-1) + 1, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(first, group, splits)
    confused = np.isin(group, group[np.isin(numbers, other_label)])
    return Duplicates(
        Same(len(same_split), _pairs(same_split, examples)),
        Same(int((splits > first[group]).sum()), _pairs(other_split, examples)),
        Same(int(confused.sum()), _pairs(other_label, examples)),
    )


def _repeated(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys [N, 2] that occur more than once: the number of each one's group, and its place in `keys`."""
    order = np.lexsort((keys[:, 0], keys[:, 1]))
    ordered = keys[order]
    starts = np.ones(len(keys), bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    group = np.cumsum(starts) - 1
    repeated = np.bincount(group)[group] > 1 if len(group) else starts
    _, renumbered = np.unique(group[repeated], return_inverse=True)
    return renumbered, order[repeated]


def _neighbours(
    group: NDArray[np.int64], values: NDArray[np.int32], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs [P, 2] of pictures that follow each other in a group: of one value, and of two."""
    order = np.lexsort((numbers, values, group))
    pairs = np.stack((numbers[order][:-1], numbers[order][1:]), axis=1)
    same_group, same_value = (part[order][1:] == part[order][:-1] for part in (group, values))
    return pairs[same_group & same_value], pairs[same_group & ~same_value]


def _pairs(pairs: NDArray[np.int64], examples: int) -> tuple[tuple[int, int], ...]:
    first = pairs[np.argsort(pairs[:, 0], kind="stable")][:examples]
    return tuple((int(one), int(other)) for one, other in first)
