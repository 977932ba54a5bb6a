"""A source with some of its classes, or with others' names for them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from alexnet.dataset.sources.entry import UNLABELLED, Entry, PassedOver, Read, Source
from alexnet.problem import UsageProblem

__all__ = ["Relabelled", "read_class_names", "read_label_map", "relabel", "select_classes"]


@dataclass(frozen=True)
class Relabelled:
    """The pictures of a source whose class `labels` names, under the names that it gives."""

    source: Source
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """The source's own name."""
        return self.source.name

    @property
    def native_size(self) -> int | None:
        """The source's own."""
        return self.source.native_size

    def entries(self) -> Iterator[Entry]:
        """The entries of the classes chosen, under their new names."""
        return (
            replace(entry, class_name=self.labels[entry.class_name])
            for entry in self.source.entries()
            if entry.class_name in self.labels
        )

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it."""
        number = 0
        for entry, read in self.source.contents():
            if entry.class_name in self.labels:
                if number >= start:
                    yield replace(entry, class_name=self.labels[entry.class_name]), read
                number += 1

    def titles(self) -> dict[str, str]:
        """Those of the source, under the new names; where two classes become one the first one's."""
        named = reversed(self.source.titles().items())
        return {self.labels[name]: title for name, title in named if name in self.labels}

    def passed_over(self) -> PassedOver:
        """What the source leaves out, of the classes chosen."""
        over = self.source.passed_over()
        empty = tuple((split, self.labels[name]) for split, name in over.empty if name in self.labels)
        return replace(over, empty=empty)


def select_classes(source: Source, names: Sequence[str]) -> Relabelled:
    """The pictures of the classes `names` alone, and those without one; an unknown name is a Problem."""
    _check(source, names)
    return Relabelled(source, {name: name for name in (*names, UNLABELLED)})


def relabel(source: Source, labels: Mapping[str, str]) -> Relabelled:
    """All pictures, those of the classes in `labels` under the names given there; several may become one."""
    known = _check(source, tuple(labels))
    return Relabelled(source, {name: labels.get(name, name) for name in known})


def read_class_names(words: str) -> list[str]:
    """Names from a file with one a line, or from a list with commas.

    >>> read_class_names("cat, dog")
    ['cat', 'dog']
    """
    path = Path(words)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else words.split(",")
    return [name.strip() for name in lines if name.strip()]


def read_label_map(words: str) -> dict[str, str]:
    """Other names of classes from a JSON file, an object, or from a list `old=new` with commas.

    >>> read_label_map("kitten=cat, puppy=dog")
    {'kitten': 'cat', 'puppy': 'dog'}
    """
    path = Path(words)
    if path.is_file():
        try:
            found = json.loads(path.read_bytes())
        except ValueError as error:
            raise UsageProblem(f"{path} is no JSON: {error}") from error
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
            raise UsageProblem(f'{path} is no map of names: write {{"kitten": "cat"}}')
        return found
    pairs = [pair.partition("=") for pair in words.split(",") if pair.strip()]
    if not all(old.strip() and new.strip() for old, _, new in pairs):
        raise UsageProblem(f"labels {words!r}: write old=new,old=new, or the name of a JSON file")
    return {old.strip(): new.strip() for old, _, new in pairs}


def _check(source: Source, names: Sequence[str]) -> set[str]:
    """All classes of a source, which must have those named."""
    known = {entry.class_name for entry in source.entries()}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {_some(known)}"
            raise UsageProblem(f"{source.name} has no class {name!r}: {hint}")
    return known


def _some(names: set[str]) -> str:
    first = ", ".join(sorted(names)[:5])
    return first + (f" and {len(names) - 5} more" if len(names) > 5 else "")
