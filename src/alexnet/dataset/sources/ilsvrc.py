"""ILSVRC-2010 and -2012 as distributed: a tar of tars, numbered pictures, a development kit.

Nothing is unpacked. Source: the kits' readme: line i of the ground truth is the class of picture i, a
number from 1 on; meta.mat has the synset and words of each. The test split of 2012 has no published classes,
that of 2010 comes with ILSVRC2010_test_ground_truth.txt.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from alexnet.dataset.sources.archives import Archive, NestedArchive
from alexnet.dataset.sources.combined import Combined, Part
from alexnet.dataset.sources.entry import Entry, PassedOver, Read
from alexnet.dataset.sources.files import Folder, ReadBytes, whole
from alexnet.dataset.sources.layout import Survey, find_layout
from alexnet.dataset.sources.listing import Listed
from alexnet.dataset.sources.pictures import Pictures
from alexnet.problem import Problem

__all__ = ["Ilsvrc", "find_ilsvrc", "open_ilsvrc"]

_PICTURES = re.compile(r"ILSVRC(\d{4})_(?:img|images)_(train|val|test)(?:_v\w+)?\.tar$")
_KIT = re.compile(r"ILSVRC\d{4}_devkit[^/]*\.(?:tar\.gz|tgz|gz|tar)$")
_TRUTH = re.compile(r"ILSVRC\d{4}_(validation|test)_ground_truth\.txt$")
_NUMBER = re.compile(r"_(\d{8})\.JPEG$", re.IGNORECASE)


@dataclass(frozen=True)
class _Kit:
    """What a development kit says: synsets by number, their words, the numbers of pictures by split."""

    synsets: dict[int, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    truth: dict[str, list[int]] = field(default_factory=dict)


def find_ilsvrc(paths: Sequence[str]) -> dict[str, str]:
    """The archives of pictures among `paths` by split, or none where this is no ILSVRC as distributed.

    >>> find_ilsvrc(["ILSVRC2012_img_train.tar", "ILSVRC2012_devkit_t12.tar.gz"])
    {'train': 'ILSVRC2012_img_train.tar'}
    """
    found = [(match[2], path) for path in paths if (match := _PICTURES.search(path))]
    years = {match[1] for _, path in found if (match := _PICTURES.search(path))}
    if len(years) > 1:
        raise Problem(f"ILSVRC of {' and '.join(sorted(years))} lie in one folder: put each into its own")
    return dict(found)


def open_ilsvrc(root: Path, archives: Mapping[str, str], paths: Sequence[str]) -> "Ilsvrc":
    """A source of the folder `root`, where `paths` lie; validation pictures need the development kit."""
    kit = _read_kit(root, paths)
    parts, without = [], []
    for split in ("train", "val", "test"):
        if split not in archives:
            continue
        path = root / archives[split]
        if split == "train":
            parts.append(Part(_training(path), "train"))
        elif split in kit.truth:
            parts.append(Part(Pictures(Listed(Archive(path)), _numbered(kit, split, path)), split))
        elif split == "val":
            raise Problem(f"{path} needs the development kit beside it: its classes stand there")
        else:
            without.append(archives[split])
    return Ilsvrc(Combined(root.resolve().name, tuple(parts)), kit.words, tuple(without))


@dataclass(frozen=True)
class Ilsvrc:
    """The splits that have classes; the classes are synsets."""

    whole: Combined
    words: Mapping[str, str]
    without: tuple[str, ...]  # archives whose pictures have no classes
    native_size: None = None

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.whole.name

    def entries(self) -> Iterator[Entry]:
        """All entries: training, validation, test."""
        return self.whole.entries()

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with the means to read it."""
        return self.whole.contents(start)

    def titles(self) -> dict[str, str]:
        """The words of each synset, from the development kit."""
        return dict(self.words)

    def passed_over(self) -> PassedOver:
        """What the archives hold besides, and archives whose pictures have no classes."""
        over = self.whole.passed_over()
        for name in self.without:
            over.loose.add(name)
        return over


def _training(path: Path) -> Pictures:
    files, survey = Listed(NestedArchive(path)), Survey()
    for member, _ in files.walk():
        if member.size is not None and not member.hidden:
            survey.see(member.path)
    return Pictures(files, find_layout(survey, path.name))


@dataclass(frozen=True)
class _Numbered:
    """Pictures whose number in their name tells the class."""

    split: str
    classes: list[str]  # by number, the first is picture 1
    empty: tuple[tuple[str | None, str], ...] = ()

    def place(self, path: str) -> tuple[str | None, str] | None:
        found = _NUMBER.search(path)
        number = int(found[1]) if found else 0
        return (self.split, self.classes[number - 1]) if 0 < number <= len(self.classes) else None


def _numbered(kit: _Kit, split: str, path: Path) -> _Numbered:
    try:
        return _Numbered(split, [kit.synsets[number] for number in kit.truth[split]])
    except KeyError as error:
        raise Problem(f"the ground truth for {path} has a class {error} that meta.mat lacks") from error


def _read_kit(root: Path, paths: Sequence[str]) -> _Kit:
    """The development kit, from its archive or unpacked beside it, and ground truths that lie alone."""
    kit = _Kit()
    for path in paths:
        if _KIT.search(path):
            for member, read in Archive(root / path).walk():
                _take(kit, member.path, read)
    wanted = {path for path in paths if _TRUTH.search(path) or path.endswith("data/meta.mat")}
    if wanted:
        for member, read in Folder(root).walk():
            if member.path in wanted:
                _take(kit, member.path, read)
    return kit


def _take(kit: _Kit, path: str, read: ReadBytes) -> None:
    if path.endswith("data/meta.mat"):
        for number, synset, words in _synsets(path, whole(path, read)):
            kit.synsets[number], kit.words[synset] = synset, words
    elif truth := _TRUTH.search(path):
        split = "val" if truth[1] == "validation" else "test"
        try:
            kit.truth[split] = [int(line) for line in whole(path, read).split()]
        except ValueError as error:
            raise Problem(f"{path} is no list of class numbers: {error}") from error


def _synsets(path: str, content: bytes) -> Iterator[tuple[int, str, str]]:
    """Number, synset and words of all rows of meta.mat: a MATLAB file of version 5, which holds no code."""
    from scipy.io import loadmat  # takes half a second: only where it is asked for

    try:
        rows = loadmat(BytesIO(content), squeeze_me=True)["synsets"]
        names = rows.dtype.names
        number = next(name for name in names if name.endswith("_ID"))
        for row in rows.reshape(-1):
            yield int(row[number]), str(row["WNID"]), str(row["words"])
    except Exception as error:  # a damaged file raises whatever its broken part leads to
        raise Problem(f"{path} is no meta.mat of a development kit: {error}") from error
