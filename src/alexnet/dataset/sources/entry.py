"""What every source gives: entries, and their contents in the same order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Content: TypeAlias = bytes | NDArray[np.uint8]
"""An encoded picture, or pixels uint8 [H, W, 3]."""

Read: TypeAlias = Callable[[], Content]
"""Fetches one content; it may be called in any thread, and raises OSError or Problem where it cannot."""

SPLITS = ("train", "val", "test")

UNLABELLED = ""
"""The class of a picture that has none."""

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What a folder or a CSV may call a split, in any case of letters."""

MAX_BYTES = 1 << 28
"""The largest file that is read as one picture."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as listed: name in the source, split if it has one, class, size in bytes."""

    name: str
    split: str | None
    class_name: str
    size: int | None = None


@dataclass
class Passed:
    """How many things of one kind are left out, and the names of the first."""

    count: int = 0
    names: tuple[str, ...] = ()

    def add(self, name: str) -> None:
        """Count one; there may be millions, so that only some are kept."""
        self.count += 1
        if len(self.names) < _KEPT:
            self.names += (name,)

    def merge(self, other: "Passed", prefix: str) -> None:
        """Count another source's as well, its names behind `prefix`."""
        self.count += other.count
        self.names = (*self.names, *(prefix + name for name in other.names))[:_KEPT]


_KEPT = 20


@dataclass(frozen=True)
class PassedOver:
    """What a listing leaves out, for the doctor to name."""

    hidden: Passed = field(default_factory=Passed)  # dot-files and dot-folders
    loose: Passed = field(default_factory=Passed)  # pictures outside every class folder
    empty: tuple[tuple[str | None, str], ...] = ()  # class folders without a picture: split, class


class Source(Protocol):
    """A set of labelled pictures; a listing reads no picture, and every listing has the same order."""

    @property
    def name(self) -> str:
        """The file's or folder's own name."""

    @property
    def native_size(self) -> int | None:
        """The side of a source of arrays (28 for MNIST), None for pictures of any size."""

    def entries(self) -> Iterator[Entry]:
        """All entries."""

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it."""

    def titles(self) -> dict[str, str]:
        """What classes are called, where the source says so: n02123045 -> tabby, tabby cat."""

    def passed_over(self) -> PassedOver:
        """What the listing leaves out."""


def printable(name: str) -> str:
    r"""A file's name as valid text: bytes that are no UTF-8 come out as \udc80 and the like."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
