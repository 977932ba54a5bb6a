"""Pictures that are the same: within a split, across splits, under two labels.

Contents are compared by sorting arrays of their hashes: no picture is an object, and only those that repeat
are kept. `near` finds the groups of those that only look the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Groups", "Repeats", "Same", "equal_contents", "repeats"]

Numbers = NDArray[np.int64]

_PART = 1 << 18
"""Hashes that are sorted together."""


@dataclass(frozen=True)
class Groups:
    """Pictures that are the same: the group [M] of each of `members` [M], which are places in the listing."""

    group: Numbers
    members: Numbers


@dataclass(frozen=True)
class Same:
    """How many pictures are concerned, some pairs, and which to set aside, by places in the listing."""

    count: int
    pairs: tuple[tuple[int, int], ...]
    set_aside: Numbers


@dataclass(frozen=True)
class Repeats:
    """Pictures that repeat one of their split, that repeat one of an earlier split, that have two labels."""

    within: Same
    across: Same
    two_labels: Same


def equal_contents(digests: NDArray[np.uint64], wanted: NDArray[np.bool_] | None = None) -> Groups:
    """Group those of the hashes [N, 2] that occur more than once; of `wanted` [N] places alone, if given.

    They are sorted a part at a time, by their last bits: memory grows with what repeats and nothing else.

    >>> equal_contents(np.array([[1, 1], [2, 2], [1, 1]], np.uint64)).members.tolist()
    [0, 2]
    """
    parts = 1 + len(digests) // _PART
    groups, members, known = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for part in range(parts):
        found = _equal(*_of_part(digests, wanted, part, parts))
        groups.append(found.group + known)
        members.append(found.members)
        known += int(found.group.max(initial=-1)) + 1
    return Groups(np.concatenate(groups), np.concatenate(members))


def _of_part(
    digests: NDArray[np.uint64], wanted: NDArray[np.bool_] | None, part: int, parts: int
) -> tuple[NDArray[np.uint64], Numbers]:
    """Hashes of one of so many parts, and their places."""
    hashes, places = [np.empty((0, 2), np.uint64)], [np.empty(0, np.int64)]
    for start in range(0, len(digests), _PART):
        block = digests[start : start + _PART]
        mine = block[:, 0] % np.uint64(parts) == part
        if wanted is not None:
            mine &= wanted[start : start + _PART]
        hashes.append(np.asarray(block[mine]))
        places.append(start + np.flatnonzero(mine))
    return np.concatenate(hashes), np.concatenate(places)


def _equal(digests: NDArray[np.uint64], places: Numbers) -> Groups:
    order = np.lexsort((digests[:, 0], digests[:, 1]))
    same = (digests[order[1:]] == digests[order[:-1]]).all(axis=1)
    repeated = np.zeros(len(order), bool)
    repeated[1:] |= same
    repeated[:-1] |= same
    group = np.cumsum(np.concatenate([[True], ~same])) if len(order) else order
    _, renumbered = np.unique(group[repeated], return_inverse=True)
    return Groups(renumbered.astype(np.int64), places[order[repeated]])


def repeats(
    groups: Groups, *, splits: NDArray[np.integer], labels: NDArray[np.integer], examples: int = 5
) -> Repeats:
    """Count what repeats; `splits` [N] (train first) and `labels` [N] are of all pictures of the listing.

    Of those of one split all but the first are to be set aside; of those in several splits the ones of the
    earlier, so that what is measured on the later stays comparable; under two labels all, since nothing says
    which is right.

    >>> groups = equal_contents(np.array([[1, 1], [2, 2], [1, 1]], np.uint64))
    >>> found = repeats(groups, splits=np.array([0, 0, 2]), labels=np.array([0, 0, 0]))
    >>> found.across.count, found.across.pairs, found.across.set_aside.tolist()
    (1, ((0, 2),), [0])
    """
    group, members = groups.group, groups.members
    splits, labels = (np.asarray(values[members], np.int32) for values in (splits, labels))
    same_split, other_split = _neighbours(group, splits, members)
    _, other_label = _neighbours(group, labels, members)
    first = np.full(group.max(initial=-1) + 1, np.iinfo(np.int32).max, np.int32)
    last = np.full(len(first), -1, np.int32)
    np.minimum.at(first, group, splits)
    np.maximum.at(last, group, splits)
    confused = np.isin(group, group[np.isin(members, other_label)])
    later, earlier = splits > first[group], members[splits < last[group]]
    return Repeats(
        Same(len(same_split), _pairs(same_split, examples), same_split[:, 1]),
        Same(int(later.sum()), _pairs(other_split, examples), earlier),
        Same(int(confused.sum()), _pairs(other_label, examples), members[confused]),
    )


def _neighbours(group: Numbers, values: NDArray[np.int32], members: Numbers) -> tuple[Numbers, Numbers]:
    """Pairs [P, 2] of pictures that follow each other in a group: of one value, and of two."""
    order = np.lexsort((members, values, group))
    pairs = np.stack((members[order][:-1], members[order][1:]), axis=1)
    same_group, same_value = (part[order][1:] == part[order][:-1] for part in (group, values))
    return pairs[same_group & same_value], pairs[same_group & ~same_value]


def _pairs(pairs: Numbers, examples: int) -> tuple[tuple[int, int], ...]:
    first = pairs[np.argsort(pairs[:, 0], kind="stable")][:examples]
    return tuple((int(one), int(other)) for one, other in first)
