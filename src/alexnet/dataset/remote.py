"""Packs that lie elsewhere: HTTP(S), S3 and whatever else fsspec reads, kept in a folder of this machine.

The description is fetched at every opening (the one fetched last will do without a network), manifests and
statistics once. Pictures kept as JPEG are fetched one by one when they are asked for, pixels a split at a
time. Nothing is believed before its SHA-256 is that of the pack. Source: fsspec's documentation.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from alexnet.dataset.cache import cache_folder
from alexnet.dataset.writing import explained
from alexnet.files import write_json, written_whole
from alexnet.problem import Problem

__all__ = ["ORIGIN", "Elsewhere", "address_of", "fetch_split", "mirrored", "origin_of"]

ORIGIN = "origin.json"
"""In the folder of a pack that lies elsewhere: its address."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(?=[^/])", re.IGNORECASE)
_DESCRIPTION_BYTES = 1 << 26
_BLOCK = 1 << 23


class FileSystem(Protocol):
    """What is asked of fsspec's file systems."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes: ...
    def cat_ranges(self, paths: list[str], starts: list[int], ends: list[int]) -> list[Any]: ...


def address_of(where: str | Path) -> str | None:
    """The address of a pack that is no path: `https://host/pack`, also where a path has lost a stroke.

    >>> address_of(Path("https://host/packs/letters/")), address_of("packs/letters")
    ('https://host/packs/letters', None)
    """
    found = _ADDRESS.match(str(where))
    if not found:
        return None
    scheme, rest = found[1].lower(), str(where)[found.end() :].rstrip("/")
    return f"{scheme}:///{rest}" if scheme == "file" else f"{scheme}://{rest}"


class Elsewhere:
    """The folder of an address; every failure is a Problem that says what could not be fetched and why."""

    def __init__(self, address: str) -> None:
        self.address = address
        with _explained(address):
            self._files, self._root = _file_system(address)

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or a stretch of one."""
        with _explained(f"{self.address}/{name}"):
            content = self._files.cat_file(f"{self._root}/{name}", start=start, end=end)
        return _whole(content, start, end, f"{self.address}/{name}")

    def read_all(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Stretches of a file, fetched side by side where the file system can."""
        starts, ends = ([pair[end] for pair in ranges] for end in (0, 1))
        with _explained(f"{self.address}/{name}"):
            found = self._files.cat_ranges([f"{self._root}/{name}"] * len(ranges), starts, ends)
            for one in found:
                if isinstance(one, Exception):
                    raise one
        return [
            _whole(part, start, end, f"{self.address}/{name}")
            for part, start, end in zip(found, starts, ends, strict=True)
        ]


def _whole(content: bytes, start: int | None, end: int | None, what: str) -> bytes:
    wanted = None if end is None else end - (start or 0)
    if wanted is not None and len(content) > wanted:
        raise Problem(f"{what} comes whole and not in parts: its server must know range requests")
    return content


def _file_system(address: str) -> tuple[FileSystem, str]:
    try:
        import fsspec
    except ImportError:
        raise Problem(f"{address}: reading it needs `pip install 'alexnet[remote]'`") from None
    files, root = fsspec.core.url_to_fs(address)
    return files, str(root).rstrip("/")


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except Problem:
        raise
    except FileNotFoundError:
        raise Problem(f"there is no {what}: look at the address") from None
    except (ImportError, ValueError) as error:
        raise Problem(
            f"{what}: {_line(error)}; `pip install 'alexnet[remote]'` reads http and https"
        ) from None
    except Exception as error:  # each file system has its own ways to fail
        raise Problem(f"cannot fetch {what}: {_line(error)}; look at the address and the network") from error


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def mirrored(address: str) -> Path:
    """This machine's folder for the pack at `address`, with its description, manifests and statistics."""
    packs = cache_folder("packs")
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    last, elsewhere = packs / f"{key}.json", Elsewhere(address)
    try:
        description = _description(elsewhere.read("dataset.json", 0, _DESCRIPTION_BYTES), address)
        write_json(last, description)
    except Problem:
        if not last.exists():
            raise
        description = _description(last.read_bytes(), address)
    folder = packs / f"{key}-{description['fingerprint'][:16]}"
    folder.mkdir(exist_ok=True)
    for name, known in description["files"].items():
        if "sha256" in known and re.fullmatch(r"(train|val|test)\.parquet|statistics\.npz", name):
            _keep(elsewhere, folder / name, known["sha256"])
    write_json(folder / ORIGIN, {"address": address})
    write_json(folder / "dataset.json", description)
    return folder


def _description(content: bytes, address: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
        fingerprint, files = str(found["fingerprint"]), dict(found.get("files", {}))
        if not re.fullmatch(r"[0-9a-f]{64}", fingerprint) or not all(map(dict, files.values())):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise Problem(f"{address}/dataset.json is no description of a packed data set") from None
    if not files:
        raise Problem(f"{address} is a pack of an early version, without checksums: prepare it again")
    return dict(found)


def _keep(elsewhere: Elsewhere, path: Path, sha256: str) -> None:
    """Fetch a file, unless it is there already as it should be."""
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return
    content = elsewhere.read(path.name)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem(
            f"{elsewhere.address}/{path.name} is not the file that its dataset.json describes: its SHA-256 "
            "is another; copy the pack anew"
        )
    with written_whole(path) as partial:
        partial.write_bytes(content)


def origin_of(folder: Path) -> str | None:
    """The address of the pack whose files a folder keeps, None where the pack is the folder itself."""
    path = folder / ORIGIN
    return str(json.loads(path.read_bytes())["address"]) if path.is_file() else None


def fetch_split(folder: Path, name: str, *, header: int, pictures: int, each: int) -> None:
    """Fetch a split's pixels whole, unless they are there: `pictures` of `each` bytes behind a header."""
    path, origin, size = folder / name, origin_of(folder), header + pictures * each
    if origin is None or (path.exists() and path.stat().st_size == size):
        return
    elsewhere = Elsewhere(origin)
    known = json.loads((folder / "dataset.json").read_bytes())["files"][name]["packed_sha256"]
    with explained(path), written_whole(path) as partial:
        with partial.open("wb") as file:
            for start in range(0, size, _BLOCK):
                file.write(elsewhere.read(name, start, min(start + _BLOCK, size)))
        if _digest(partial, header, each) != known:
            raise Problem(
                f"{origin}/{name} does not hold the pictures that its dataset.json describes: their SHA-256 "
                "is another; copy the pack anew"
            )


def _digest(path: Path, header: int, each: int) -> str:
    """SHA-256 over the hashes of a file's pictures, as dataset.json has it."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(header)
        while picture := file.read(each):
            whole.update(f"{hashlib.sha256(picture).hexdigest()}\n".encode())
    return whole.hexdigest()
