"""What each fault is called, why it matters and what to do: pure functions from counts to findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alexnet.dataset.sources import PassedOver

WHOLE = "all"
"""Stands for the split of a source that has none."""

EXAMPLES = 5
UNREADABLE = 0.01
"""The share that `prepare` skips at most, unless it is told otherwise."""

SPOILING = 0.001
"""The share of all pictures above which leaks and contradictions are an error: well-kept sets have some."""

IMBALANCE = 10
"""A class with so many times fewer training pictures than the largest is named."""

Severity = Literal["error", "warning"]

Counts = Mapping[str, Mapping[str, int]]
"""Pictures by split and class."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how many, a few by name, why it matters, what to do."""

    kind: str
    severity: Severity
    count: int
    examples: tuple[str, ...]
    why: str
    advice: str


def unreadable(reasons: Sequence[str], count: int, pictures: int) -> list[Finding]:
    """Pictures that cannot be read, some of them with name and reason."""
    if not count:
        return []
    return [
        Finding(
            "unreadable",
            "error" if count > UNREADABLE * pictures else "warning",
            count,
            tuple(reasons[:EXAMPLES]),
            "prepare skips them, and stops where they are more than 1 % of all",
            "fetch them again or remove them, or prepare with a larger --max-skipped",
        )
    ]


def class_findings(counts: Counts) -> list[Finding]:
    """Classes that the splits do not share, that differ by a hair, or that are far apart in size."""
    trained = counts.get("train", counts.get(WHOLE, {}))
    if not trained:
        return [
            Finding(
                "no training split",
                "error",
                1,
                tuple(counts),
                "there is nothing to learn from",
                "name one folder train, beside val or test",
            )
        ]
    found = [*_missing(counts, trained), *_absent(counts, trained), *_similar(trained), *_unequal(trained)]
    if len(trained) == 1:
        found.append(
            Finding(
                "single class",
                "error",
                1,
                tuple(trained),
                "one class alone cannot be told from any other",
                "give the folder that holds the class folders",
            )
        )
    return found


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _missing(counts: Counts, trained: Mapping[str, int]) -> list[Finding]:
    """Classes of other splits that train lacks, with the train class that each is like."""
    like = {_plain(name): name for name in trained}
    named = [
        f"{name} ({split})" + (f", train has {like[_plain(name)]}" if _plain(name) in like else "")
        for split, classes in counts.items()
        for name in classes
        if name not in trained
    ]
    why = "a class that is never learned makes every picture of it an error; prepare refuses it"
    advice = "rename the class folders alike in every split, or remove these"
    return _named("missing class", "error", named, why, advice)


def _absent(counts: Counts, trained: Mapping[str, int]) -> list[Finding]:
    named = [
        f"{name} ({split})"
        for split, classes in counts.items()
        for name in trained
        if split not in ("train", WHOLE) and name not in classes
    ]
    why = "the error of a class that a split lacks is not measured there"
    return _named("absent class", "warning", named, why, "add pictures of it, or mind this when comparing")


def _similar(trained: Mapping[str, int]) -> list[Finding]:
    alike: dict[str, list[str]] = {}
    for name in trained:
        alike.setdefault(_plain(name), []).append(name)
    named = [" / ".join(repr(name) for name in names) for names in alike.values() if len(names) > 1]
    why = "names that differ by case or spaces alone are most often one class, split in two"
    return _named(
        "similar names", "warning", named, why, "put their pictures into one folder if they are one"
    )


def _unequal(trained: Mapping[str, int]) -> list[Finding]:
    most = max(trained.values())
    few = sorted((count, name) for name, count in trained.items() if count * IMBALANCE < most)
    named = [f"{name}: {count}, the largest has {most}" for count, name in few]
    why = f"a class with less than a {IMBALANCE}th of the largest one's pictures is seldom predicted"
    advice = "add pictures of it, and read the errors class by class"
    return _named("imbalance", "warning", named, why, advice)


def passed_over(over: PassedOver) -> list[Finding]:
    """What the listing leaves out."""
    empty = [f"{split}/{name}" if split else name for split, name in over.empty]
    return [
        *_named(
            "empty class",
            "warning",
            empty,
            "a class folder without a picture is no class",
            "put its pictures there, or remove the folder",
        ),
        *_named(
            "hidden",
            "warning",
            over.hidden,
            "files and folders whose name begins with a dot are no pictures and no classes here",
            "rename what was meant to be a class or a picture",
        ),
        *_named(
            "loose",
            "warning",
            over.loose,
            "a picture outside every class folder has no label and is left out",
            "move it into its class folder",
        ),
    ]


def duplicate_findings(kind: str, count: int, examples: Sequence[str], *, pictures: int) -> list[Finding]:
    """Contents that repeat, of one kind of `DUPLICATES`, among so many pictures."""
    spoils, why, advice = DUPLICATES[kind]
    severity: Severity = "error" if spoils and count > SPOILING * pictures else "warning"
    return [Finding(kind, severity, count, tuple(examples[:EXAMPLES]), why, advice)] if count else []


DUPLICATES: dict[str, tuple[bool, str, str]] = {
    "duplicate": (
        False,
        "a picture that repeats another of its split counts more than once",
        "remove the repetitions",
    ),
    "leak": (
        True,
        "a picture that is also in another split is remembered, not recognised: errors come out too low",
        "remove it from one of the splits",
    ),
    "two labels": (
        True,
        "the same picture under two labels teaches a contradiction",
        "keep it under the right one alone",
    ),
}


def _named(kind: str, severity: Severity, named: Sequence[str], why: str, advice: str) -> list[Finding]:
    if not named:
        return []
    return [Finding(kind, severity, len(named), tuple(named[:EXAMPLES]), why, advice)]
