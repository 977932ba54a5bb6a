"""Which folder is a class and which a split, from nothing but the folders that hold pictures."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from alexnet.dataset.sources.entry import SPLIT_NAMES
from alexnet.problem import Problem

PICTURE = re.compile(r"\.(jpe?g|jpe|jfif|png|webp|gif|avif|bmp|tiff?|hei[cf])$", re.IGNORECASE)
"""Names that are taken for pictures; HEIC too, so that a set of them is refused and not passed over."""

_SYNSET = re.compile(r"n\d{8}(?=_)")

LAYOUTS = (
    "known are class folders (cat/1.jpg), split folders of them (train/cat/1.jpg, val, test), "
    "ImageNet's own file names (n02123045_7.jpg), IDX files, CIFAR batches"
)


@dataclass
class Survey:
    """What one walk sees: all folders, and those that hold pictures, with whether all have synset names."""

    folders: set[str] = field(default_factory=set)
    pictures: dict[str, bool] = field(default_factory=dict)

    def see(self, path: str) -> None:
        """Note one picture."""
        folder, _, name = path.rpartition("/")
        self.pictures[folder] = self.pictures.get(folder, True) and bool(_SYNSET.match(name))


@dataclass(frozen=True)
class Layout:
    """Where each folder's pictures belong: (split, class); the class is None where file names tell it."""

    places: dict[str, tuple[str | None, str | None]]
    empty: tuple[tuple[str | None, str], ...]  # class folders without a picture

    def place(self, path: str) -> tuple[str | None, str] | None:
        """Split and class of a picture, or None where it lies outside every class folder."""
        folder, _, name = path.rpartition("/")
        if folder not in self.places:
            return None
        split, class_name = self.places[folder]
        return split, class_name or name[:9]


def find_layout(survey: Survey, name: str) -> Layout:
    """The layout of a folder or archive called `name`; none that is known is a Problem."""
    if not survey.pictures:
        raise Problem(f"{name} holds no pictures; {LAYOUTS}")
    before = _wrapper(survey)
    inside = {folder[len(before) :] for folder in survey.pictures if folder.startswith(before)}
    tops = {folder.partition("/")[0] for folder in inside if folder}
    if not tops:
        return _flat(survey, before.rstrip("/"), name)
    splits = {top: SPLIT_NAMES[top.lower()] for top in tops if top.lower() in SPLIT_NAMES}
    _check_splits(tops, splits, inside, name)
    depth = 1 if splits else 0

    def placed(folder: str) -> tuple[str | None, str] | None:
        parts = folder[len(before) :].split("/") if folder.startswith(before) else [""]
        if len(parts) <= depth or not parts[depth] or (splits and parts[0].lower() not in SPLIT_NAMES):
            return None
        return SPLIT_NAMES[parts[0].lower()] if splits else None, parts[depth]

    places = {folder: place for folder in survey.pictures if (place := placed(folder))}
    known = set(places.values())
    listed = {place for folder in survey.folders if (place := placed(folder))}
    return Layout(dict(places), tuple(sorted(listed - known, key=str)))


def _wrapper(survey: Survey) -> str:
    """The folders around the whole set (`cifar10/`), as archives have them; a split is none."""
    before = ""
    while True:
        insides = {folder[len(before) :] for folder in survey.pictures}
        tops = {folder.partition("/")[0] for folder in insides}
        if len(tops) != 1 or (top := tops.pop()) == "" or top.lower() in SPLIT_NAMES or top in insides:
            return before
        before += top + "/"


def _flat(survey: Survey, folder: str, name: str) -> Layout:
    """Pictures in no folder: the class is the synset that begins each name, as ImageNet names its own."""
    if not survey.pictures[folder]:
        raise Problem(f"the pictures of {name} lie in no class folder; {LAYOUTS}")
    return Layout({folder: (None, None)}, ())


def _check_splits(tops: set[str], splits: dict[str, str], inside: Iterable[str], name: str) -> None:
    if not splits:
        return
    if others := sorted(tops - set(splits)):
        raise Problem(f"{name} has folders beside its splits: {_some(others)}; move them out of it")
    if len(set(splits.values())) < len(splits):
        raise Problem(f"{name} has one split under two names: {_some(sorted(splits))}")
    classless = [top for top in sorted(splits) if not any(folder.startswith(top + "/") for folder in inside)]
    if classless:
        raise Problem(f"the pictures of {name}/{classless[0]} lie in no class folder; {LAYOUTS}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
