"""What each fault of pictures is called, how grave it is, why it matters and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from alexnet.dataset.examination.traits import Trait

__all__ = ["EXAMPLES", "SPOILING", "WHOLE", "Finding", "finding", "named", "same_finding", "unreadable_share"]

WHOLE = "all"
"""Stands for the split of a source that has none."""

EXAMPLES = 5
UNREADABLE = 0.01
"""The share that `prepare` skips at most, unless it is told otherwise."""

SPOILING = 0.001
"""The share above which contradictions (of all pictures) and leaks (of those that are measured on) are an
error: well-kept sets have some."""

SPOILING_NEAR = 0.02
"""The same for those that only look alike: CIFAR-10's test split has 1.5 % of them."""

Severity = Literal["error", "warning", "note"]
"""An error would spoil a training or what is measured after it, a warning is worth a look; a note is said."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how many, a few by name, why it matters, what to do."""

    kind: str
    severity: Severity
    count: int
    examples: tuple[str, ...]
    why: str
    advice: str


class Words(NamedTuple):
    """What is said of one kind of fault."""

    kind: str
    severity: Severity
    why: str
    advice: str


TRAITS: dict[Trait, Words] = {
    Trait.UNREADABLE: Words(
        "unreadable",
        "warning",
        "prepare skips them, and stops where they and the truncated ones are more than 1 % of all",
        "fetch them again or remove them, or prepare with a larger --max-skipped",
    ),
    Trait.TRUNCATED: Words(
        "truncated",
        "warning",
        "the file ends before the picture does: prepare skips it, other programs fill it up with grey",
        "fetch them again: most often a download or a copy was cut",
    ),
    Trait.WRONG_EXTENSION: Words(
        "wrong extension",
        "note",
        "the content is of another kind than the name says; here the content counts, elsewhere it may fail",
        "rename them where other programs are to read them",
    ),
    Trait.TURNED: Words(
        "turned",
        "note",
        "EXIF says how to turn them; here they are turned, a program that does not sees them sideways",
        "nothing to do here; turn the pixels themselves where other programs are to read them",
    ),
    Trait.CMYK: Words(
        "CMYK",
        "note",
        "inks in place of red, green and blue: converted here, elsewhere colours may come out inverted",
        "nothing to do here",
    ),
    Trait.PALETTE: Words(
        "palette",
        "note",
        "pixels are numbers of colours; here the colours count, a careless program takes the numbers",
        "nothing to do here",
    ),
    Trait.ALPHA: Words(
        "alpha",
        "note",
        "they are laid over white; where one class alone has it, white becomes a sign of that class",
        "check that it does not go with one class, or lay them over a colour of your own",
    ),
    Trait.SIXTEEN_BITS: Words(
        "16 bits",
        "note",
        "they are scaled to 8 bits, whatever range they use: medical and depth pictures may come out dark",
        "stretch their range before, if they use a small part of it",
    ),
    Trait.GREY: Words(
        "grey",
        "note",
        "some pictures are grey and some are not: where that goes with the class, the network learns it",
        "check that it does not go with one class",
    ),
    Trait.ANIMATED: Words(
        "animated",
        "note",
        "the first frame alone is used",
        "take out the frame that shows the class, if the first does not",
    ),
    Trait.BLANK: Words(
        "blank",
        "warning",
        "nearly all of it has one colour: nothing to learn from, under whatever label",
        "remove them; pictures of a web page that are gone often look like this",
    ),
}

TINY = Words(
    "tiny",
    "warning",
    "a side of less than a quarter of the usual one, or of 8 pixels: enlarged they are blurs",
    "remove them, or fetch larger ones; previews among the pictures look like this",
)
HUGE = Words(
    "huge",
    "warning",
    "more than 25 million pixels: each takes as long to decode as a hundred others",
    "nothing spoils; prepare decodes each only once",
)

_LEAK = "remove them from the training split, so that errors stay comparable with those of others"
_RIGHT = "keep each under the right label alone"

SAME: dict[str, tuple[float, Words]] = {
    "duplicate": (
        1.0,
        Words(
            "duplicate",
            "warning",
            "a picture that repeats another of its split counts more than once",
            "remove the repetitions",
        ),
    ),
    "leak": (
        SPOILING,
        Words(
            "leak",
            "warning",
            "a picture that is also in another split is remembered, not recognised: errors come out too low",
            _LEAK,
        ),
    ),
    "two labels": (
        SPOILING,
        Words("two labels", "warning", "the same picture under two labels teaches a contradiction", _RIGHT),
    ),
    "near duplicate": (
        1.0,
        Words(
            "near duplicate",
            "warning",
            "a picture that looks like another of its split, saved anew or scaled, counts more than once",
            "look at some pairs, and remove the repetitions",
        ),
    ),
    "near leak": (
        SPOILING_NEAR,
        Words(
            "near leak",
            "warning",
            "a picture that looks like one of another split is remembered, not recognised",
            "look at some pairs; " + _LEAK,
        ),
    ),
    "near two labels": (
        SPOILING_NEAR,
        Words("near two labels", "warning", "pictures that look the same have two labels", _RIGHT),
    ),
}
"""The share above which each is an error, and what is said of it."""


def finding(
    words: Words, count: int, examples: Sequence[str], *, severity: Severity | None = None
) -> list[Finding]:
    """What is said of `count` pictures, or nothing where there are none."""
    if not count:
        return []
    kind, usual, why, advice = words
    return [Finding(kind, severity or usual, count, tuple(examples[:EXAMPLES]), why, advice)]


def named(words: Words, names: Sequence[str]) -> list[Finding]:
    """The same for things that all have names."""
    return finding(words, len(names), names)


def unreadable_share(count: int, pictures: int) -> Severity:
    """How grave it is that so many of all pictures cannot be read."""
    return "error" if count > UNREADABLE * pictures else "warning"


def same_finding(kind: str, count: int, examples: Sequence[str], *, pictures: int) -> list[Finding]:
    """Pictures that repeat, of one kind of `SAME`, among so many that could.

    >>> same_finding("leak", 2, ["x = y"], pictures=1000)[0].severity
    'error'
    """
    spoiling, words = SAME[kind]
    return finding(words, count, examples, severity="error" if count > spoiling * pictures else None)
