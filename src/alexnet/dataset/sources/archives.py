"""A tar as a stream of members, packed by gzip or not, and a tar of tars; nothing is ever unpacked.

Paths that lead outside, links, devices, sparse files and bombs are refused. Sources: POSIX.1-2001 pax (ustar
headers), RFC 1952 (gzip).
"""

import gzip
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from alexnet.dataset.sources.entry import MAX_BYTES, Read
from alexnet.dataset.sources.files import DAMAGE, Member, ReadBytes, check_bytes
from alexnet.problem import Problem

__all__ = ["Archive", "NestedArchive", "Range"]

_EXPANSION = 200
"""A packed tar of pictures is hardly longer unpacked; gzip itself reaches 1032 to 1."""

_SLACK = 1 << 28
_HEADER = 1 << 20
"""Bytes of a name or of other words about a member: tarfile reads them at once."""

_WORDS = {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE} | {
    tarfile.SOLARIS_XHDTYPE
}


@dataclass(frozen=True)
class Range:
    """A stretch of a file, read at any time by any thread."""

    path: Path
    start: int
    size: int

    def __call__(self) -> bytes:
        """The bytes; fewer than there should be are a Problem."""
        check_bytes(self.size)
        with self.path.open("rb") as file:
            file.seek(self.start)
            content = file.read(self.size)
        if len(content) < self.size:
            raise _damaged(self.path, "it ends early")
        return content


@dataclass(frozen=True)
class Archive:
    """Members of a .tar or .tar.gz, in their own order."""

    path: Path

    @property
    def name(self) -> str:
        """The archive's own name."""
        return self.path.name

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every file and folder; what is unsafe is a Problem that names it."""
        try:
            with self.path.open("rb") as file:
                if file.peek(2)[:2] == b"\x1f\x8b":
                    yield from self._packed(file)
                else:
                    yield from _members(file, self.path)
        except DAMAGE as error:
            raise _damaged(self.path, error) from error

    def _packed(self, file: BinaryIO) -> Iterator[tuple[Member, ReadBytes]]:
        """A packed tar can only be read through, and to its end, where gzip's checksum stands."""
        most = self.path.stat().st_size * _EXPANSION + _SLACK
        bomb = f"{self.path} unpacks to over {_EXPANSION} times its length"
        with (
            gzip.GzipFile(fileobj=file) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictHeader, bufsize=1 << 18) as tar,
        ):
            for header in _headers(tar):
                if header.offset_data + header.size > most:
                    raise Problem(f"{bomb} at {header.name!r}: refused")
                if member := _member(header, self.path):
                    yield member, partial(_read_member, tar, header)
            while stream.read(1 << 20):
                if stream.tell() > most:
                    raise Problem(f"{bomb}: refused")

    def held(self, member: Member, read: ReadBytes) -> Read:
        """A stretch of the file as it is; of a packed one the content, for a stream does not come back."""
        if isinstance(read, Range) or (member.size and member.size > MAX_BYTES):
            return read  # the latter says so, and reads nothing
        try:
            content = read()
        except DAMAGE as error:
            raise _damaged(self.path, error) from error
        return lambda: content


@dataclass(frozen=True)
class NestedArchive:
    """A plain tar of plain tars, as ILSVRC's training pictures come: each inner one is a folder."""

    path: Path

    @property
    def name(self) -> str:
        """The archive's own name."""
        return self.path.name

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every member of every inner tar that is not hidden; no deeper nesting is followed."""
        try:
            with self.path.open("rb") as file, self.path.open("rb") as second:
                for outer, read in _members(file, self.path):
                    if outer.size is None or outer.hidden or not isinstance(read, Range):
                        continue
                    folder = PurePosixPath(outer.path).with_suffix("").as_posix()
                    yield Member(folder, None, hidden=False), bytes
                    second.seek(read.start)
                    for member, stretch in _members(second, self.path, end=read.start + read.size):
                        yield Member(f"{folder}/{member.path}", member.size, member.hidden), stretch
        except DAMAGE as error:
            raise _damaged(self.path, error) from error

    def held(self, member: Member, read: ReadBytes) -> Read:
        """The same means: a stretch of the file is read at any time."""
        return read


def _members(file: BinaryIO, path: Path, *, end: int | None = None) -> Iterator[tuple[Member, ReadBytes]]:
    """The members of the plain tar that begins where `file` stands: headers are read, contents leapt over."""
    with tarfile.open(fileobj=file, mode="r:", tarinfo=_StrictHeader) as tar:
        for header in _headers(tar):
            if end is not None and header.offset_data + header.size > end:
                raise tarfile.ReadError(f"{header.name} ends beyond the archive that it lies in")
            if member := _member(header, path):
                yield member, Range(path, header.offset_data, header.size)


def _headers(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (header := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # else one object a member stays
        yield header


def _member(header: tarfile.TarInfo, archive: Path) -> Member | None:
    """A member, or None for the archive's own root; one that is unsafe is refused."""
    parts = header.name.split("/")
    if header.name.startswith("/") or ".." in parts:
        raise Problem(f"{archive} holds {header.name!r}, a path that leads outside: refused")
    if not (header.isfile() or header.isdir()) or header.issparse():
        raise Problem(f"{archive} holds {header.name!r}, a link, device or sparse file: refused")
    path = "/".join(part for part in parts if part not in ("", "."))
    hidden = path.startswith(".") or "/." in path
    return Member(path, None if header.isdir() else header.size, hidden) if path else None


class _StrictHeader(tarfile.TarInfo):
    """tarfile takes a broken header for the end, and reads words of any length: here both are errors."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_StrictHeader":
        try:
            return super().fromtarfile(tar)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error

    @classmethod
    def frombuf(cls, buffer: bytes | bytearray, encoding: str, errors: str) -> "_StrictHeader":
        header = super().frombuf(buffer, encoding, errors)
        if header.type in _WORDS and header.size > _HEADER:
            raise tarfile.ReadError(f"{header.size:,} bytes of words about one member")
        return header


def _read_member(tar: tarfile.TarFile, header: tarfile.TarInfo) -> bytes:
    check_bytes(header.size)
    file = tar.extractfile(header)
    return file.read() if file else b""


def _damaged(path: Path, error: object) -> Problem:
    return Problem(f"cannot read {path}: {error}; it is damaged or cut short, fetch it again")
