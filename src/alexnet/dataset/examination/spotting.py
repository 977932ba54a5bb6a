"""From rows to what is wrong: which pictures have which trait, are too small, too large, or the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.examination.duplicates import Groups, Numbers, Repeats, equal_contents, repeats
from alexnet.dataset.examination.findings import (
    EXAMPLES,
    HUGE,
    TINY,
    TRAITS,
    Finding,
    Severity,
    Words,
    finding,
    same_finding,
    unreadable_share,
)
from alexnet.dataset.examination.near import find_near
from alexnet.dataset.examination.rows import BLOCK, Rows, first_places, where
from alexnet.dataset.examination.set_aside import SetAside
from alexnet.dataset.examination.traits import Trait
from alexnet.dataset.sources import Source

__all__ = ["Spotted", "spot", "to_findings"]

SMALLEST = 8
"""Pixels of the shorter side, below which a picture is tiny whatever the others are."""

LARGEST = 25_000_000
"""Pixels above which a picture is huge."""

_LONGEST = (1 << 16) - 1  # sides beyond it count as this

_BAD = Trait.UNREADABLE | Trait.TRUNCATED


@dataclass(frozen=True)
class Spotted:
    """One kind of fault by places in the listing; an example is one picture or a pair that is the same."""

    words: Words | str  # or one of the kinds of `SAME`
    count: int
    examples: tuple[tuple[int, ...], ...]
    pictures: int
    severity: Severity | None = None


def spot(rows: Rows) -> tuple[list[Spotted], SetAside]:
    """All faults of pictures, and those pictures that are to be set aside."""
    aside = SetAside(np.zeros(rows.count, np.uint8))
    digests, splits, labels, traits = (rows.column(name) for name in ("digest", "split", "label", "traits"))
    found = [*_traits(traits, aside), *_sizes(rows, aside)]
    once = where(lambda traits: traits & _BAD == 0, traits)
    equal = equal_contents(digests, once)
    exact = repeats(equal, splits=splits, labels=labels, examples=EXAMPLES)
    measured = int((splits > 0).sum())
    found += _same(exact, aside, (rows.count, measured), "")
    once[_again(equal, splits)] = False
    once &= where(lambda traits: traits & Trait.BLANK == 0, traits)
    near = find_near(rows.column("rendering"), _places(once, rows), made=rows.made)
    alike = repeats(near.groups, splits=splits, labels=labels, examples=EXAMPLES)
    found += _same(alike, aside, (rows.count, measured), "near ")
    return found, aside


def _traits(traits: NDArray[np.uint32], aside: SetAside) -> Iterator[Spotted]:
    bad = int(where(lambda traits: traits & _BAD != 0, traits).sum())
    for trait, words in TRAITS.items():
        mask = where(lambda traits, trait=trait: traits & trait != 0, traits)
        if trait is Trait.GREY and mask.sum() == len(traits) - bad:
            continue  # a grey set is no mixture
        severity = unreadable_share(bad, len(traits)) if trait & _BAD else None
        yield _spotted(words, mask, severity)
        if trait & (_BAD | Trait.BLANK):
            aside.add_all(words.kind, mask)


def _sizes(rows: Rows, aside: SetAside) -> Iterator[Spotted]:
    sides = rows.column("width"), rows.column("height")
    small = max(SMALLEST, _usual(*sides) / 4)
    tiny = where(lambda *sides: (np.minimum(*sides) > 0) & (np.minimum(*sides) < small), *sides)
    aside.add_all(TINY.kind, tiny)
    yield _spotted(TINY, tiny)
    yield _spotted(HUGE, where(lambda *sides: np.prod(sides, axis=0, dtype=np.int64) > LARGEST, *sides))


def _usual(width: NDArray[np.uint32], height: NDArray[np.uint32]) -> float:
    """The median of the shorter sides in pixels, counted; of pictures that can be read."""
    counts = np.zeros(_LONGEST + 1, np.int64)
    for start in range(0, len(width), BLOCK):
        some = slice(start, start + BLOCK)
        shorter = np.minimum(np.minimum(width[some], height[some]), _LONGEST)
        counts += np.bincount(shorter, minlength=len(counts))
    counts[0] = 0
    known, total = counts.cumsum(), int(counts.sum())
    if not total:
        return 0.0
    middle = np.searchsorted(known, [(total - 1) // 2, total // 2], side="right")
    return float(middle.mean())


def _spotted(words: Words, mask: NDArray[np.bool_], severity: Severity | None = None) -> Spotted:
    first = tuple((place,) for place in first_places(mask, EXAMPLES))
    return Spotted(words, int(mask.sum()), first, len(mask), severity)


def _same(found: Repeats, aside: SetAside, pictures: tuple[int, int], prefix: str) -> Iterator[Spotted]:
    """What repeats among so many pictures, of which so many are measured on."""
    kinds = {"two labels": found.two_labels, "leak": found.across, "duplicate": found.within}
    for kind, same in kinds.items():
        aside.add(prefix + kind, same.set_aside)
        yield Spotted(prefix + kind, same.count, same.pairs, pictures[kind == "leak"])


def _again(equal: Groups, splits: NDArray[np.int16]) -> Numbers:
    """The places that repeat another: of equal contents the first of the earliest split does not."""
    order = np.lexsort((equal.members, splits[equal.members], equal.group))
    again = np.zeros(len(order), bool)
    again[1:] = equal.group[order][1:] == equal.group[order][:-1]
    return equal.members[order][again]


def _places(mask: NDArray[np.bool_], rows: Rows) -> NDArray[np.integer]:
    """The places where a mask holds, on the disk."""
    places = rows.made(int(mask.sum()), np.int32 if len(mask) < 1 << 31 else np.int64)
    at = 0
    for start in range(0, len(mask), BLOCK):
        some = start + np.flatnonzero(mask[start : start + BLOCK])
        places[at : at + len(some)] = some
        at += len(some)
    return places


def to_findings(
    spotted: list[Spotted], source: Source, reasons: Sequence[str], numbers: NDArray[np.int16]
) -> list[Finding]:
    """Findings with names: another listing gives those of the few examples, by their places.

    `numbers` [N] are those of the reasons why pictures cannot be read.
    """
    wanted = {place for each in spotted for example in each.examples for place in example}
    names: dict[int, str] = {}
    if wanted:
        for place, entry in enumerate(source.entries()):
            if place in wanted:
                reason = reasons[numbers[place]] if numbers[place] >= 0 else ""
                names[place] = f"{entry.name}: {reason}" if reason else entry.name
    return [each for one in spotted for each in _finding(one, names)]


def _finding(one: Spotted, names: Mapping[int, str]) -> list[Finding]:
    examples = [" = ".join(names[place] for place in example) for example in one.examples]
    if isinstance(one.words, str):
        return same_finding(one.words, one.count, examples, pictures=one.pictures)
    return finding(one.words, one.count, examples, severity=one.severity)
