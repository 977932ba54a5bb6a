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
from alexnet.dataset.examination.rows import Rows
from alexnet.dataset.examination.set_aside import SetAside
from alexnet.dataset.examination.traits import Trait
from alexnet.dataset.sources import Source

__all__ = ["Spotted", "spot", "to_findings"]

SMALLEST = 8
"""Pixels of the shorter side, below which a picture is tiny whatever the others are."""

LARGEST = 25_000_000
"""Pixels above which a picture is huge."""

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
    traits = np.asarray(rows.column("traits"))
    found = [*_traits(traits, aside), *_sizes(rows, aside)]
    digests, splits, labels = (rows.column(name) for name in ("digest", "split", "label"))
    good = np.flatnonzero(traits & _BAD == 0)
    equal = equal_contents(digests[good])
    equal = Groups(equal.group, good[equal.members])
    exact = repeats(equal, splits=splits, labels=labels, examples=EXAMPLES)
    measured = int((splits > 0).sum())
    found += _same(exact, aside, (rows.count, measured), "")
    once = _once(good, equal, splits)
    once = once[traits[once] & Trait.BLANK == 0]
    near = find_near(rows.column("rendering"), once)
    alike = repeats(near.groups, splits=splits, labels=labels, examples=EXAMPLES)
    found += _same(alike, aside, (rows.count, measured), "near ")
    return found, aside


def _traits(traits: NDArray[np.uint32], aside: SetAside) -> Iterator[Spotted]:
    bad = int((traits & _BAD != 0).sum())
    for trait, words in TRAITS.items():
        places = np.flatnonzero(traits & trait)
        if trait is Trait.GREY and len(places) == len(traits) - bad:
            continue  # a grey set is no mixture
        severity = unreadable_share(bad, len(traits)) if trait & _BAD else None
        yield _spotted(words, places, len(traits), severity)
        if trait & (_BAD | Trait.BLANK):
            aside.add(words.kind, places)


def _sizes(rows: Rows, aside: SetAside) -> Iterator[Spotted]:
    width, height = (np.asarray(rows.column(side), np.int64) for side in ("width", "height"))
    shorter = np.minimum(width, height)
    known = shorter > 0
    usual = float(np.median(shorter[known])) if known.any() else 0.0
    tiny = np.flatnonzero(known & (shorter < max(SMALLEST, usual / 4)))
    aside.add(TINY.kind, tiny)
    yield _spotted(TINY, tiny, rows.count)
    yield _spotted(HUGE, np.flatnonzero(width * height > LARGEST), rows.count)


def _spotted(words: Words, places: Numbers, pictures: int, severity: Severity | None = None) -> Spotted:
    first = tuple((int(place),) for place in places[:EXAMPLES])
    return Spotted(words, len(places), first, pictures, severity)


def _same(found: Repeats, aside: SetAside, pictures: tuple[int, int], prefix: str) -> Iterator[Spotted]:
    """What repeats among so many pictures, of which so many are measured on."""
    kinds = {"two labels": found.two_labels, "leak": found.across, "duplicate": found.within}
    for kind, same in kinds.items():
        aside.add(prefix + kind, same.set_aside)
        yield Spotted(prefix + kind, same.count, same.pairs, pictures[kind == "leak"])


def _once(good: Numbers, equal: Groups, splits: NDArray[np.int16]) -> Numbers:
    """The places `good` without repetitions: of equal contents the first of the earliest split stays."""
    order = np.lexsort((equal.members, splits[equal.members], equal.group))
    again = np.zeros(len(order), bool)
    again[1:] = equal.group[order][1:] == equal.group[order][:-1]
    return np.setdiff1d(good, equal.members[order][again], assume_unique=True)


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
