"""Data sets that torchvision knows by name: fetched once, their checksums verified, read by our own readers.

`torchvision:CIFAR10` and the like. Addresses and checksums are those of the installed torchvision; none of
its readers is called, for some of them use pickle.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from alexnet.dataset.cache import cache_folder
from alexnet.dataset.sources.entry import Source
from alexnet.files import written_whole
from alexnet.problem import Problem, UsageProblem

__all__ = ["KNOWN_SETS", "open_known", "wanted_name"]

_NAME = re.compile(r"(?:torchvision|name):(\w+)$", re.IGNORECASE)
_BLOCK = 1 << 20
_SECONDS = 30  # without a byte


class File(NamedTuple):
    """A file to fetch: where it may be had, its name here, its MD5."""

    addresses: tuple[str, ...]
    name: str
    md5: str


def _archive(known: Any) -> list[File]:
    return [File((known.url,), known.filename, known.tgz_md5)]


def _mirrored(known: Any) -> list[File]:
    return [
        File(tuple(f"{mirror}{name}" for mirror in known.mirrors), name, md5) for name, md5 in known.resources
    ]


def _small_imagenette(known: Any) -> list[File]:
    address, md5 = known._ARCHIVES["160px"]
    return [File((address,), address.rsplit("/", 1)[-1], md5)]


KNOWN_SETS: dict[str, Callable[[Any], list[File]]] = {
    "CIFAR10": _archive,
    "CIFAR100": _archive,
    "MNIST": _mirrored,
    "FashionMNIST": _mirrored,
    "KMNIST": _mirrored,
    "Imagenette": _small_imagenette,
}
"""What torchvision's class of that name says of its files."""


def wanted_name(where: str) -> str | None:
    """The name in `torchvision:NAME`, as torchvision spells it; None where this is no such word.

    >>> wanted_name("torchvision:cifar10"), wanted_name("name:MNIST"), wanted_name("pictures")
    ('CIFAR10', 'MNIST', None)
    """
    found = _NAME.match(where)
    if not found:
        return None
    spelled = {name.lower(): name for name in KNOWN_SETS}
    if found[1].lower() not in spelled:
        raise UsageProblem(f"no set named {found[1]!r}; there are {', '.join(KNOWN_SETS)}")
    return spelled[found[1].lower()]


def open_known(name: str, opened: Callable[[Path], Source]) -> Source:
    """The set of that name, fetched unless its files are there; `opened` opens a file or a folder."""
    folder = cache_folder("sets") / name
    folder.mkdir(exist_ok=True)
    paths = [_file(folder, file) for file in _files(name)]
    return opened(paths[0] if len(paths) == 1 else folder)


def _files(name: str) -> list[File]:
    try:
        from torchvision import datasets
    except ImportError:
        raise Problem(f"{name} is fetched as torchvision says: `pip install torchvision`") from None
    return KNOWN_SETS[name](getattr(datasets, name))


def _file(folder: Path, file: File) -> Path:
    path = folder / file.name
    if path.exists() and _md5(path) == file.md5:
        return path
    by_hand = f"or put {file.name} into {folder} by hand, from {file.addresses[0]}"
    problem = f"cannot fetch {file.name}"
    for address in file.addresses:
        try:
            _fetch(address, path)
        except OSError as error:
            problem = f"cannot fetch {address}: {error}"
            continue
        if _md5(path) == file.md5:
            return path
        path.unlink()
        problem = f"{address} is not the file that torchvision knows: its MD5 is another"
    raise Problem(f"{problem}; look at the network, {by_hand}")


def _fetch(address: str, path: Path) -> None:
    from urllib.request import Request, urlopen

    request = Request(address, headers={"User-Agent": "alexnet"})
    with (
        urlopen(request, timeout=_SECONDS) as answer,
        written_whole(path) as partial,
        partial.open("wb") as file,
    ):
        while block := answer.read(_BLOCK):
            file.write(block)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
