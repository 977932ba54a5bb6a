"""A folder or a tar as a stream of members in a fixed order, hidden ones apart; nothing is unpacked."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

from alexnet.dataset.sources.entry import MAX_BYTES, Read
from alexnet.problem import Problem

_DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error)


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


@dataclass(frozen=True)
class Archive:
    """Members of a .tar or .tar.gz, in their own order."""

    path: Path

    @property
    def name(self) -> str:
        """The archive's own name."""
        return self.path.name

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every file and folder; absolute paths, `..`, links and devices are refused."""
        try:
            with ExitStack() as stack:
                tar, packed = self._opened(stack)
                while (header := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # else one object a member stays
                    path = self._safe(header)
                    if path:
                        hidden = path.startswith(".") or "/." in path
                        size = None if header.isdir() else header.size
                        yield Member(path, size, hidden), partial(_read_member, tar, header)
                while packed and packed.read(1 << 20):
                    pass  # to the end, where gzip's checksum stands
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def _opened(self, stack: ExitStack) -> tuple[tarfile.TarFile, gzip.GzipFile | None]:
        """A plain tar is listed by leaps from header to header; a packed one can only be read through."""
        file = stack.enter_context(self.path.open("rb"))
        if file.peek(2)[:2] != b"\x1f\x8b":
            return stack.enter_context(tarfile.open(fileobj=file, mode="r:", tarinfo=_StrictHeader)), None
        packed = stack.enter_context(gzip.GzipFile(fileobj=file))
        tar = tarfile.open(fileobj=packed, mode="r|", tarinfo=_StrictHeader, bufsize=1 << 18)  # noqa: SIM115
        return stack.enter_context(tar), packed

    def _safe(self, header: tarfile.TarInfo) -> str:
        parts = header.name.split("/")
        if header.name.startswith("/") or ".." in parts:
            raise Problem(f"{self.path} holds {header.name!r}, a path that leads outside: refused")
        if not (header.isfile() or header.isdir()):
            raise Problem(f"{self.path} holds {header.name!r}, a link or device: refused")
        return "/".join(part for part in parts if part not in ("", "."))

    def held(self, member: Member, read: ReadBytes) -> Read:
        """The content itself, read now: a stream does not come back."""
        if member.size and member.size > MAX_BYTES:
            return read  # which says so, and reads nothing
        try:
            content = read()
        except _DAMAGE as error:
            raise self._damaged(error) from error
        return lambda: content

    def _damaged(self, error: BaseException) -> Problem:
        return Problem(f"cannot read {self.path}: {error}; it is damaged or cut short, fetch it again")


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0


class _StrictHeader(tarfile.TarInfo):
    """tarfile takes a broken header for the end of the archive; here it is an error."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_StrictHeader":
        try:
            return super().fromtarfile(tar)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error


def read_file(path: str | Path) -> bytes:
    """A file's bytes; one too large for a picture is a Problem."""
    with open(path, "rb") as file:
        _check_bytes(os.fstat(file.fileno()).st_size)
        return file.read()


def whole(path: str, read: ReadBytes) -> bytes:
    """A member's bytes at once; what cannot be read is a Problem that names it."""
    try:
        return read()
    except _DAMAGE as error:
        raise Problem(f"cannot read {path}: {error}") from error
    except Problem as problem:
        raise Problem(f"{path}: {problem}") from problem


def _read_member(tar: tarfile.TarFile, header: tarfile.TarInfo) -> bytes:
    _check_bytes(header.size)
    file = tar.extractfile(header)
    return file.read() if file else b""


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise Problem(f"{size:,} bytes, more than the limit of {MAX_BYTES:,}")
