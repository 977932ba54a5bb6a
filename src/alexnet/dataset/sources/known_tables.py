"""Sets whose lists say where each picture belongs: the pictures stay in their archives.

Sources: the sets' own files, each named at its reader. Every reader is given the folder of a set's files.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from alexnet.dataset.sources.archives import Archive
from alexnet.dataset.sources.combined import Combined, Part
from alexnet.dataset.sources.entry import Content, Entry, PassedOver, Read, Source
from alexnet.dataset.sources.files import Files, whole
from alexnet.dataset.sources.listing import Listed
from alexnet.dataset.sources.pictures import Pictures
from alexnet.dataset.sources.zips import ZipArchive
from alexnet.problem import Problem

__all__ = [
    "Placed",
    "Portable",
    "characters",
    "flowers",
    "food",
    "members",
    "pets",
    "places",
    "scenes",
    "signs",
    "textures",
]

Place = tuple[str | None, str]
"""Split and class of a picture."""

_PPM = re.compile(rb"P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s")


@dataclass(frozen=True)
class Placed:
    """Where pictures belong, as a function of their paths says; others have no label."""

    of: Callable[[str], Place | None]
    empty: tuple[Place, ...] = ()

    def place(self, path: str) -> Place | None:
        """Split and class of the picture at a path."""
        return self.of(path)


def members(files: Files, *wanted: str) -> dict[str, bytes]:
    """Some members of an archive by their paths; one that is missing is a Problem."""
    found = {member.path: whole(member.path, read) for member, read in files.walk() if member.path in wanted}
    if missing := [path for path in wanted if path not in found]:
        raise Problem(f"{files.name} has no {missing[0]}: fetch it again")
    return found


def lines(content: bytes) -> list[str]:
    """The lines of a text that are not empty."""
    return [line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip()]


def food(folder: Path) -> Source:
    """Food-101: meta/train.json and test.json have `class/number` by class."""
    files = Listed(Archive(folder / "food-101.tar.gz"))
    read = members(files, "food-101/meta/train.json", "food-101/meta/test.json")
    return _listed(
        files,
        (
            (f"food-101/images/{one}.jpg", split, name)
            for split in ("train", "test")
            for name, paths in json.loads(read[f"food-101/meta/{split}.json"]).items()
            for one in paths
        ),
    )


def flowers(folder: Path) -> Source:
    """Oxford 102 Flowers: imagelabels.mat has the class of each picture, setid.mat the splits' numbers."""
    from scipy.io import loadmat

    classes = loadmat(folder / "imagelabels.mat")["labels"].ravel().tolist()
    splits = loadmat(folder / "setid.mat")
    return _listed(
        Listed(Archive(folder / "102flowers.tgz")),
        (
            (f"jpg/image_{number:05}.jpg", split, str(classes[number - 1]))
            for split, key in (("train", "trnid"), ("val", "valid"), ("test", "tstid"))
            for number in splits[key].ravel().tolist()
        ),
    )


def pets(folder: Path) -> Source:
    """Oxford-IIIT Pets: trainval.txt and test.txt begin each line with a picture's name, breed first."""
    paths = {"train": "annotations/trainval.txt", "test": "annotations/test.txt"}
    read = members(Archive(folder / "annotations.tar.gz"), *paths.values())
    return _listed(
        Listed(Archive(folder / "images.tar.gz")),
        (
            (f"images/{line.split()[0]}.jpg", split, line.split()[0].rpartition("_")[0])
            for split, path in paths.items()
            for line in lines(read[path])
        ),
    )


def textures(folder: Path) -> Source:
    """Describable Textures: labels/train1.txt and the like, the first of ten divisions."""
    files = Listed(Archive(folder / "dtd-r1.0.1.tar.gz"))
    read = members(files, *(f"dtd/labels/{split}1.txt" for split in ("train", "val", "test")))
    return _listed(
        files,
        (
            (f"dtd/images/{line}", PurePosixPath(path).name[:-5], line.partition("/")[0])
            for path, content in read.items()
            for line in lines(content)
        ),
    )


def scenes(folder: Path) -> Source:
    """SUN397: SUN397/a/abbey/sun_1.jpg; a class may have two folders, as apartment_building/outdoor."""
    return _from_path(Listed(Archive(folder / "SUN397.tar.gz")), lambda parts: "/".join(parts[2:-1]))


def characters(folder: Path) -> Source:
    """Omniglot's background set: images_background/Greek/character01/0394_01.png."""
    return _from_path(ZipArchive(folder / "images_background.zip"), lambda parts: "/".join(parts[1:-1]))


def places(folder: Path) -> Source:
    """Places365 at 256 pixels: categories_places365.txt numbers the classes, places365_val.txt has val's."""
    read = members(
        Archive(folder / "filelist_places365-standard.tar"), "categories_places365.txt", "places365_val.txt"
    )
    named = (line.split() for line in lines(read["categories_places365.txt"]))
    classes = {number: name.strip("/").partition("/")[2] for name, number in named}
    train = _from_path(
        Listed(Archive(folder / "train_256_places365standard.tar")), lambda parts: "/".join(parts[2:-1])
    )
    held = [line.split() for line in lines(read["places365_val.txt"])]
    val = _listed(
        Listed(Archive(folder / "val_256.tar")),
        ((f"val_256/{name}", "val", classes[number]) for name, number in held),
    )
    return Combined("Places365", (Part(train, "train"), Part(val, "val")))


def signs(folder: Path) -> Source:
    """German traffic signs: class folders, and for the test pictures GT-final_test.csv; all as PPM."""
    table = members(ZipArchive(folder / "GTSRB_Final_Test_GT.zip"), "GT-final_test.csv")["GT-final_test.csv"]
    classes = {
        row["Filename"]: f"{int(row['ClassId']):05}" for row in csv.DictReader(lines(table), delimiter=";")
    }

    def trained(path: str) -> Place | None:
        return ("train", path.split("/")[-2]) if "/Training/" in path else None

    def tested(path: str) -> Place | None:
        name = classes.get(PurePosixPath(path).name)
        return ("test", name) if name else None

    parts = (
        Portable(ZipArchive(folder / "GTSRB-Training_fixed.zip"), Placed(trained)),
        Portable(ZipArchive(folder / "GTSRB_Final_Test_Images.zip"), Placed(tested)),
    )
    return Combined("GTSRB", tuple(map(Part, parts)))


def _listed(files: Files, rows: Iterable[tuple[str, str, str]]) -> Pictures:
    """Pictures whose paths a list has, with split and class."""
    known: Mapping[str, Place] = {path: (split, name) for path, split, name in rows}
    return Pictures(files, Placed(known.get))


def _from_path(files: Files, class_of: Callable[[list[str]], str]) -> Pictures:
    """Pictures of no split whose class a function of the parts of their paths tells; none: no label."""

    def place(path: str) -> Place | None:
        name = class_of(path.split("/"))
        return (None, name) if name else None

    return Pictures(files, Placed(place))


@dataclass(frozen=True)
class Portable:
    """A source of pictures as PPM, which nothing but this reader has to know: pixels behind a line."""

    files: Files
    layout: Placed
    native_size: None = None

    @property
    def name(self) -> str:
        """The archive's own name."""
        return self.files.name

    def entries(self) -> Iterator[Entry]:
        """All entries, in the order of the archive."""
        return (entry for entry, _ in self.contents())

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with its pixels uint8 [H, W, 3]."""
        number = 0
        for member, read in self.files.walk():
            place = self.layout.place(member.path) if member.path.endswith(".ppm") else None
            if place and member.size is not None and not member.hidden:
                if number >= start:
                    yield Entry(member.path, *place, member.size), _pixels(self.files.held(member, read))
                number += 1

    def titles(self) -> dict[str, str]:
        """None: the classes are numbers."""
        return {}

    def passed_over(self) -> PassedOver:
        """Nothing."""
        return PassedOver()


def _pixels(read: Read) -> Read:
    def pixels() -> Content:
        content = read()
        header = _PPM.match(content) if isinstance(content, bytes) else None
        if not header:
            raise Problem("not a PPM of eight bits")
        width, height = int(header[1]), int(header[2])
        values = bytes(content[header.end() :])
        if len(values) != 3 * width * height:
            raise Problem("Image is incomplete or truncated.")
        return np.frombuffer(values, np.uint8).reshape(height, width, 3)

    return pixels
