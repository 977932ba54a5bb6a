"""A section of the page: made, or missing with the reason why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from alexnet.problem import Problem

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Section(Generic[Facts]):
    """What one section tells; `template` of the same name shows it."""

    name: str
    title: str
    facts: Facts | None
    missing: str = ""  # why there are no facts


def made(name: str, title: str, make: Callable[[], Facts]) -> Section[Facts]:
    """Make a section; what a user could put right becomes the reason why it is missing.

    >>> def fails():
    ...     raise Problem("no packed data set")
    >>> made("data", "Health of the data", fails).missing
    'no packed data set'
    """
    try:
        return Section(name, title, make())
    except Problem as problem:
        return Section(name, title, None, " ".join(str(problem).split()))
