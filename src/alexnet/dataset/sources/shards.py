"""WebDataset shards: tars whose members belong together where they share a name up to its first dot.

Source: the WebDataset format: `0001.jpg` is the picture, `0001.cls` its class as text, `0001.json` may hold
it as `label` or `cls`. The split is in the shard's name.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alexnet.dataset.sources.archives import Archive
from alexnet.dataset.sources.entry import SPLIT_NAMES, Entry, PassedOver, Read, printable
from alexnet.dataset.sources.files import Member, ReadBytes, whole
from alexnet.dataset.sources.layout import PICTURE
from alexnet.problem import Problem

__all__ = ["Shards", "is_shard", "open_shards"]

_SPLIT = re.compile(r"(?:^|[/_.-])(train|val|valid|validation|test)(?=[/_.-])", re.IGNORECASE)
_LABELS = ("cls", "json")
_LABEL_BYTES = 1 << 16


def is_shard(path: Path) -> bool:
    """Whether a tar begins as a shard does: a picture and its class under one name, in the archive's top.

    Only the first few members are looked at.
    """
    seen: dict[str, set[str]] = {}
    for number, (member, _) in enumerate(Archive(path).walk()):
        if number >= 20:
            break
        key, extension = _parts(member.path)
        seen.setdefault(key, set()).add(extension)
    return any(kinds & set(_LABELS) and any(map(_is_picture, kinds)) for kinds in seen.values())


def open_shards(name: str, shards: Sequence[Path]) -> "Shards":
    """A source of shards, in the order of their names."""
    return Shards(name, tuple(Archive(shard) for shard in sorted(shards)))


def _parts(path: str) -> tuple[str, str]:
    """The name that a sample's members share, and what is behind its dot.

    >>> _parts("a/0001.seg.PNG")
    ('a/0001', 'seg.png')
    """
    folder, slash, name = path.rpartition("/")
    stem, _, extension = name.partition(".")
    return folder + slash + stem, extension.lower()


def _is_picture(extension: str) -> bool:
    return bool(PICTURE.search("." + extension)) and "." not in extension


@dataclass
class _Sample:
    """The members of one name, as they come by."""

    key: str
    shard: Archive
    hold: bool  # whether the picture is to be read later
    picture: Member | None = None
    read: Read | None = None
    class_name: str = ""

    def take(self, member: Member, extension: str, read: ReadBytes) -> None:
        if self.picture is None and _is_picture(extension):
            self.picture = member
            self.read = self.shard.held(member, read) if self.hold else read
        elif extension in _LABELS and not self.class_name:
            self.class_name = _label(member, extension, read)


def _label(member: Member, extension: str, read: ReadBytes) -> str:
    if member.size and member.size > _LABEL_BYTES:
        raise Problem(f"{member.path} has {member.size:,} bytes, too many for a label")
    text = whole(member.path, read).decode("utf-8", "replace").strip()
    if extension == "cls":
        return text
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Problem(f"{member.path} is no JSON: {error}") from error
    values = [found[key] for key in ("label", "cls") if key in found] if isinstance(found, dict) else []
    return str(values[0]) if values else ""


@dataclass(frozen=True)
class Shards:
    """A source of samples; a sample is read through when the next begins."""

    name: str
    shards: tuple[Archive, ...]
    native_size: None = None

    def entries(self) -> Iterator[Entry]:
        """All samples with a picture, named by shard and member."""
        return (entry for entry, _ in self._samples(hold=False))

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it."""
        for number, (entry, read) in enumerate(self._samples(hold=True)):
            if number >= start:
                yield entry, read

    def _samples(self, *, hold: bool) -> Iterator[tuple[Entry, Read]]:
        for shard in self.shards:
            split = _split(shard.name)
            for sample in _grouped(shard, hold=hold):
                if sample.picture is None or sample.read is None:
                    continue
                name = printable(f"{shard.name}/{sample.picture.path}")
                if not sample.class_name:
                    raise Problem(f"{name} has no class: a .cls or a .json with `label` or `cls` beside it")
                yield Entry(name, split, printable(sample.class_name), sample.picture.size), sample.read

    def titles(self) -> dict[str, str]:
        """None: a shard knows its classes by number or name alone."""
        return {}

    def passed_over(self) -> PassedOver:
        """Nothing that could be a picture with a class."""
        return PassedOver()


def _grouped(shard: Archive, *, hold: bool) -> Iterator[_Sample]:
    """The samples of one shard."""
    sample: _Sample | None = None
    for member, read in shard.walk():
        if member.size is None or member.hidden:
            continue
        key, extension = _parts(member.path)
        if sample is None or sample.key != key:
            if sample:
                yield sample
            sample = _Sample(key, shard, hold)
        sample.take(member, extension, read)
    if sample:
        yield sample


def _split(name: str) -> str | None:
    found = _SPLIT.search(name)
    return SPLIT_NAMES[found[1].lower()] if found else None
