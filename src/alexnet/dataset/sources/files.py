"""A folder as a stream of members in a fixed order, hidden ones apart; `archives` gives tars the same way."""

import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

from alexnet.dataset.sources.entry import MAX_BYTES, Read
from alexnet.problem import Problem

DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error)
"""What reading a damaged archive raises."""

ReadBytes: TypeAlias = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Member:
    """A file, or a folder where `size` is None; the path has forward slashes and is relative."""

    path: str
    size: int | None
    hidden: bool


class Files(Protocol):
    """What the kinds of sources read from."""

    @property
    def name(self) -> str:
        """The folder's or archive's own name."""

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every member, in a fixed order; each is to be read before the next is asked for."""

    def held(self, member: Member, read: ReadBytes) -> Read:
        """The means to read a member at any later time."""


@dataclass(frozen=True)
class Folder:
    """Files beneath a folder, sorted by name; links are followed, those to folders only near the top."""

    root: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.root.resolve().name

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every file and folder, depth first; hidden folders are not entered."""
        return self._walk(self.root, "", depth=0)

    def _walk(self, folder: Path, before: str, depth: int) -> Iterator[tuple[Member, ReadBytes]]:
        try:
            with os.scandir(folder) as found:
                listing = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise Problem(f"cannot read the folder {folder}: {error.strerror}") from error
        for entry in listing:
            path, hidden = before + entry.name, entry.name.startswith(".")
            if entry.is_dir(follow_symlinks=depth < 2):
                yield Member(path, None, hidden), bytes
                if not hidden:
                    yield from self._walk(folder / entry.name, path + "/", depth + 1)
            elif entry.is_file() or entry.is_symlink():  # a link to nothing fails when it is read, by name
                yield Member(path, _size(entry), hidden), partial(read_file, entry.path)

    def held(self, member: Member, read: ReadBytes) -> Read:
        """The same means: a file can be read at any time, by any thread."""
        return read


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0


def read_file(path: str | Path) -> bytes:
    """A file's bytes; one too large for a picture is a Problem."""
    with open(path, "rb") as file:
        check_bytes(os.fstat(file.fileno()).st_size)
        return file.read()


def whole(path: str, read: ReadBytes) -> bytes:
    """A member's bytes at once; what cannot be read is a Problem that names it."""
    try:
        return read()
    except DAMAGE as error:
        raise Problem(f"cannot read {path}: {error}") from error
    except Problem as problem:
        raise Problem(f"{path}: {problem}") from problem


def check_bytes(size: int) -> None:
    """Refuse what is too large for a picture."""
    if size > MAX_BYTES:
        raise Problem(f"{size:,} bytes, more than the limit of {MAX_BYTES:,}")
