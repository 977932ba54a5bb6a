"""Encoded pictures in a folder or a tar, whose paths tell their classes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from alexnet.dataset.sources.entry import UNLABELLED, Entry, PassedOver, Read, printable
from alexnet.dataset.sources.files import Files, Member, ReadBytes
from alexnet.dataset.sources.layout import PICTURE
from alexnet.dataset.sources.titles import read_titles

__all__ = ["Everywhere", "Pictures", "Placing"]


class Placing(Protocol):
    """How paths tell splits and classes; `layout.Layout` is the usual one."""

    @property
    def empty(self) -> tuple[tuple[str | None, str], ...]:
        """Class folders without a picture: split, class."""

    def place(self, path: str) -> tuple[str | None, str] | None:
        """Split and class of a picture, or None where it has no label."""


@dataclass(frozen=True)
class Everywhere:
    """Every picture counts, and none has a class."""

    empty: tuple[tuple[str | None, str], ...] = ()

    def place(self, path: str) -> tuple[str | None, str]:
        """No split, no class."""
        return None, UNLABELLED


@dataclass(frozen=True)
class Pictures:
    """A source of encoded pictures; `words` is the path of a list of the classes' names, if there is one."""

    files: Files
    layout: Placing
    words: str | None = None
    native_size: None = None

    @property
    def name(self) -> str:
        """The folder's or archive's own name."""
        return self.files.name

    def entries(self) -> Iterator[Entry]:
        """All entries, in the order of the folder's names or of the archive."""
        return (entry for entry, _, _ in self._listing())

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it."""
        for number, (entry, member, read) in enumerate(self._listing()):
            if number >= start:
                yield entry, self.files.held(member, read)

    def _listing(self) -> Iterator[tuple[Entry, Member, ReadBytes]]:
        for member, read in self.files.walk():
            if member.size is None or member.hidden or not PICTURE.search(member.path):
                continue
            place = self.layout.place(member.path)
            if place:
                split, class_name = place
                name = printable(member.path)
                yield Entry(name, split, printable(class_name), member.size), member, read

    def titles(self) -> dict[str, str]:
        """The classes' names, where a word list lies beside the pictures."""
        return read_titles(self.files, self.words)

    def passed_over(self) -> PassedOver:
        """Hidden files and folders, pictures outside class folders, class folders without a picture."""
        over = PassedOver(empty=self.layout.empty)
        for member, _ in self.files.walk():
            if member.hidden:
                over.hidden.add(printable(member.path))
            elif (
                member.size is not None and PICTURE.search(member.path) and not self.layout.place(member.path)
            ):
                over.loose.add(printable(member.path))
        return over
