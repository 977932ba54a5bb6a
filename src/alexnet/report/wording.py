"""Figures as the report prints them: the same everywhere, with spaces that do not break."""

import unicodedata
from collections.abc import Sequence

NONE = "–"
SPACE = "\u00a0"  # between a figure and its unit


def percent(value: float | None, digits: int = 2) -> str:
    """Per cent.

    >>> percent(12.3456).replace(SPACE, " "), percent(None)
    ('12.35 %', '–')
    """
    return NONE if value is None else f"{value:.{digits}f}{SPACE}%"


def share(value: float, digits: int = 0) -> str:
    """A share 0..1 in per cent."""
    return percent(100.0 * value, digits)


def interval(bounds: Sequence[float], digits: int = 2, *, signed: bool = False) -> str:
    """Two bounds.

    >>> interval((1, 2.5)).replace(SPACE, " "), interval((-1, 2), 1, signed=True).replace(SPACE, " ")
    ('1.00 … 2.50', '−1.0 … +2.0')
    """
    low, high = (points(bound, digits) if signed else minus(f"{bound:.{digits}f}") for bound in bounds)
    return f"{low}{SPACE}…{SPACE}{high}"


def points(value: float, digits: int = 2) -> str:
    """A difference with its sign.

    >>> points(-0.5), points(0.001), points(2)
    ('−0.50', '0.00', '+2.00')
    """
    told = f"{value:+.{digits}f}"
    return told[1:] if not float(told) else minus(told)


def minus(told: str) -> str:
    """A minus in place of a hyphen."""
    return told.replace("-", "−")


def count(value: float) -> str:
    """All digits: 10,000."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Three figures and a unit.

    >>> short(1_524_298).replace(SPACE, " "), short(999.0), short(2.5e9).replace(SPACE, " ")
    ('1.52 million', '999', '2.5 billion')
    """
    for unit, size in (("trillion", 1e12), ("billion", 1e9), ("million", 1e6)):
        if value >= 0.9995 * size:
            return f"{value / size:.3g}{SPACE}{unit}"
    return count(value)


def size(count: int) -> str:
    """Bytes.

    >>> size(6_119_536).replace(SPACE, " "), size(999).replace(SPACE, " ")
    ('6.12 MB', '999 bytes')
    """
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= 0.9995 * length:
            return f"{count / length:.3g}{SPACE}{unit}"
    return f"{count}{SPACE}bytes"


def duration(seconds: float) -> str:
    """A length of time in the unit that fits it.

    >>> duration(2070.5).replace(SPACE, " "), duration(7.25).replace(SPACE, " ")
    ('34.5 minutes', '7.2 s')
    """
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f}{SPACE}{unit}"
    return f"{seconds:.1f}{SPACE}s" if seconds < 100 else f"{seconds:.0f}{SPACE}s"


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "class", "classes").replace(SPACE, " "), plural(2000, "step").replace(SPACE, " ")
    ('1 class', '2,000 steps')
    """
    return f"{count(number)}{SPACE}{one if number == 1 else many or one + 's'}"


def printable(words: str) -> str:
    """The words without what a page cannot hold: control characters, and halves of letters.

    >>> printable("a\\x00b\\ud800c")
    'abc'
    """
    return "".join(
        letter for letter in words if letter in "\t\n" or unicodedata.category(letter) not in ("Cc", "Cs")
    )
