"""Data sets that torchvision knows by name: fetched once, their checksums verified, read by our own readers.

`torchvision:CIFAR10` and the like; known_sets.py has them all. torchvision itself is not needed: none of its
readers is called, for some of them use pickle, and most unpack their archives.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from alexnet.dataset.cache import cache_folder
from alexnet.dataset.sources import known_arrays, known_tables
from alexnet.dataset.sources.archives import Archive
from alexnet.dataset.sources.combined import Combined, Part
from alexnet.dataset.sources.entry import Source
from alexnet.dataset.sources.known_sets import KNOWN_SETS, File
from alexnet.dataset.sources.known_tables import Placed, members
from alexnet.dataset.sources.listing import Listed
from alexnet.dataset.sources.pictures import Pictures
from alexnet.dataset.sources.zips import ZipArchive
from alexnet.files import write_json, written_whole
from alexnet.problem import Problem, UsageProblem

__all__ = ["NOT_FETCHED", "open_known", "wanted_name"]

_NAME = re.compile(r"(?:torchvision|name):([\w-]+)$", re.IGNORECASE)
_BLOCK = 1 << 20
_SECONDS = 30  # without a byte

NOT_FETCHED: dict[str, str] = {
    "EMNIST": "it has several kinds: " + ", ".join(name for name in KNOWN_SETS if name.startswith("EMNIST-")),
    "ImageNet": "its terms must be agreed to: fetch ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and the "
    "development kit from image-net.org into a folder, and give that folder",
    "StanfordCars": "its address is dead: give a folder of your own copy, with train and test beneath it",
    "FGVCAircraft": "torchvision knows no checksum of it: fetch it, and give a CSV of path,label,split of it",
    "LFWPeople": "its makers have taken it from the web: give a folder of your own copy",
    "PCAM": "it is HDF5 behind Google Drive's pages: write its pictures into class folders, and give those",
    "FER2013": "Kaggle asks for an account: fetch it there, and write its pictures into class folders",
    "CelebA": "it has attributes in place of classes: give a CSV of path,label of your own",
    "CLEVRClassification": "its classes are counted from its scenes: give a CSV of path,label of your own",
    "LSUN": "it is a data base of its own kind: write its pictures into class folders, and give those",
}
"""Sets of torchvision's that are not fetched: why, and what to do."""


Opened = Callable[[Path], Source]


def wanted_name(where: str) -> str | None:
    """The name in `torchvision:NAME`, as torchvision spells it; None where this is no such word.

    >>> wanted_name("torchvision:cifar10"), wanted_name("name:MNIST"), wanted_name("pictures")
    ('CIFAR10', 'MNIST', None)
    """
    found = _NAME.match(where)
    if not found:
        return None
    spelled = {name.lower(): name for name in (*NOT_FETCHED, *KNOWN_SETS)}
    name = spelled.get(found[1].lower(), found[1])
    if name in NOT_FETCHED:
        raise UsageProblem(f"{name} is not fetched: {NOT_FETCHED[name]}")
    if name not in KNOWN_SETS:
        raise UsageProblem(f"no set named {name!r}; there are {', '.join(KNOWN_SETS)}")
    return name


def open_known(name: str, opened: Opened) -> Source:
    """The set of that name, fetched unless its files are there; `opened` opens a file or a folder."""
    folder = cache_folder("sets") / name.partition("-")[0]
    folder.mkdir(exist_ok=True)
    paths = [_file(folder, file) for file in KNOWN_SETS[name].files]
    if name in _READERS:
        return _READERS[name](folder)
    return opened(paths[0] if len(paths) == 1 else folder)


def _caltech(folder: Path) -> Source:
    """Caltech 101: a tar.gz within a zip; one of its folders is no class but pictures of anything."""
    inner = folder / "101_ObjectCategories.tar.gz"
    if not inner.exists():
        name = f"caltech-101/{inner.name}"
        with written_whole(inner) as partial_file:
            partial_file.write_bytes(members(ZipArchive(folder / "caltech-101.zip"), name)[name])

    def place(path: str) -> tuple[None, str] | None:
        parts = path.split("/")
        return (None, parts[1]) if len(parts) == 3 and parts[1] != "BACKGROUND_Google" else None

    return Pictures(Listed(Archive(inner)), Placed(place))


def _species(folder: Path) -> Source:
    """iNaturalist 2021: an archive a split, a class folder a species."""

    def place(path: str) -> tuple[None, str] | None:
        parts = path.split("/")
        return (None, parts[1]) if len(parts) == 3 else None

    parts = {"train": "train_mini.tar.gz", "val": "val.tar.gz"}
    return Combined(
        "INaturalist",
        tuple(
            Part(Pictures(Listed(Archive(folder / name)), Placed(place)), split)
            for split, name in parts.items()
        ),
    )


_READERS: dict[str, Opened] = {
    "QMNIST": known_arrays.rescanned,
    **{f"EMNIST-{kind}": known_arrays.letters(kind) for kind in known_arrays.EMNIST_CLASSES},
    "USPS": known_arrays.postcodes,
    "SEMEION": known_arrays.handwritten,
    "SVHN": known_arrays.house_numbers,
    "STL10": known_arrays.objects,
    "GTSRB": known_tables.signs,
    "Food101": known_tables.food,
    "Flowers102": known_tables.flowers,
    "OxfordIIITPet": known_tables.pets,
    "DTD": known_tables.textures,
    "SUN397": known_tables.scenes,
    "Omniglot": known_tables.characters,
    "Places365": known_tables.places,
    "Caltech101": _caltech,
    "INaturalist": _species,
}
"""Of those sets that no other reader of ours knows by its looks."""


def _file(folder: Path, file: File) -> Path:
    path = folder / file.name
    if path.exists() and _proved(path, file.md5):
        return path
    by_hand = f"or put {file.name} into {folder} by hand, from {file.addresses[0]}"
    problem = f"cannot fetch {file.name}"
    for address in file.addresses:
        try:
            _fetch(address, path)
        except OSError as error:
            problem = f"cannot fetch {address}: {error}"
            continue
        if _proved(path, file.md5):
            return path
        path.unlink()
        problem = f"{address} is not the file that torchvision knows: its MD5 is another"
    raise Problem(f"{problem}; look at the network, {by_hand}")


def _fetch(address: str, path: Path) -> None:
    from urllib.request import Request, urlopen

    request = Request(address, headers={"User-Agent": "alexnet"})
    with (
        urlopen(request, timeout=_SECONDS) as answer,
        written_whole(path) as beside,
        beside.open("wb") as file,
    ):
        while block := answer.read(_BLOCK):
            file.write(block)


def _proved(path: Path, md5: str) -> bool:
    """Whether a file has a checksum; that is put down beside it, since forty gigabytes take minutes."""
    status = path.stat()
    stamp = [status.st_size, status.st_mtime_ns, md5]
    note = path.with_name(f".{path.name}.proved")
    try:
        if json.loads(note.read_bytes()) == stamp:
            return True
    except (OSError, ValueError):
        pass
    with path.open("rb") as file:
        found = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    if found == md5:
        write_json(note, stamp)
    return found == md5
