"""Several sources as one: their entries one after the other, each name behind its source's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alexnet.dataset.sources.entry import Entry, PassedOver, Read, Source

__all__ = ["Combined", "Part", "combine"]


@dataclass(frozen=True)
class Part:
    """A source, whose pictures all belong to `split` where it is given; `prefix` stands before names."""

    source: Source
    split: str | None = None
    prefix: str = ""

    def entry(self, entry: Entry) -> Entry:
        """An entry of the part as one of the whole."""
        return replace(entry, name=self.prefix + entry.name, split=self.split or entry.split)


@dataclass(frozen=True)
class Combined:
    """A source of parts."""

    name: str
    parts: tuple[Part, ...]

    @property
    def native_size(self) -> int | None:
        """The side that all parts have, None where they differ."""
        sizes = {part.source.native_size for part in self.parts}
        return sizes.pop() if len(sizes) == 1 else None

    def entries(self) -> Iterator[Entry]:
        """All entries, part by part."""
        return (part.entry(entry) for part in self.parts for entry in part.source.entries())

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it; parts before are only listed."""
        for part in self.parts:
            listed = sum(1 for _ in part.source.entries()) if start else 0
            if start and listed <= start:
                start -= listed
                continue
            for entry, read in part.source.contents(start):
                yield part.entry(entry), read
            start = 0

    def titles(self) -> dict[str, str]:
        """What any part calls its classes, the first one's word before the others'."""
        return {name: title for part in reversed(self.parts) for name, title in part.source.titles().items()}

    def passed_over(self) -> PassedOver:
        """What all parts leave out."""
        whole, empty = PassedOver(), []
        for part in self.parts:
            over = part.source.passed_over()
            for mine, its in ((whole.hidden, over.hidden), (whole.loose, over.loose)):
                mine.merge(its, part.prefix)
            empty += [(part.split or split, name) for split, name in over.empty]
        return replace(whole, empty=tuple(empty))


def combine(name: str, parts: Sequence[Part]) -> Source:
    """Several sources as one; a part alone that changes nothing is itself."""
    alone = len(parts) == 1 and not parts[0].split and not parts[0].prefix
    return parts[0].source if alone else Combined(name, tuple(parts))
