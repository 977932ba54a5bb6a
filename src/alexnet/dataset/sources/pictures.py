"""Class folders of pictures, with or without split folders, in a folder or a tar."""

from collections.abc import Iterator
from dataclasses import dataclass

from alexnet.dataset.sources.entry import Entry, PassedOver, Read, printable
from alexnet.dataset.sources.files import Files, Member, ReadBytes
from alexnet.dataset.sources.layout import PICTURE, Layout


@dataclass(frozen=True)
class Pictures:
    """A source of encoded pictures whose folders name their classes."""

    files: Files
    layout: Layout
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

    def passed_over(self) -> PassedOver:
        """Hidden files and folders, pictures outside class folders, class folders without a picture."""
        hidden, loose = [], []
        for member, _ in self.files.walk():
            if member.hidden:
                hidden.append(printable(member.path))
            elif (
                member.size is not None and PICTURE.search(member.path) and not self.layout.place(member.path)
            ):
                loose.append(printable(member.path))
        return PassedOver(tuple(hidden), tuple(loose), self.layout.empty)
