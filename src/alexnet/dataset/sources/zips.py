"""A zip as a folder of members in the archive's own order; nothing is ever unpacked to the disk.

Paths that lead outside, links, encrypted members and bombs are refused, as in tars. The directory at the end
is read as a stream, since Python's own reader keeps an object a member. Source: PKWARE APPNOTE.TXT 6.3.10,
§4.3 (records), §4.4.5 (methods), §4.5.3 (zip64).
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from alexnet.dataset.sources.entry import Read
from alexnet.dataset.sources.files import Member, ReadBytes, check_bytes
from alexnet.problem import Problem

__all__ = ["ZipArchive"]

_EXPANSION = 200
"""A zip of pictures is hardly longer unpacked, one of figures or tables perhaps ten times."""

_SLACK = 1 << 28

_END, _END_64, _LOCATOR = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENTRY, _LOCAL = b"PK\1\2", b"PK\3\4"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF_8 = 1, 1 << 11
_UNKNOWN = 0xFFFFFFFF  # stands in a field whose value is in the zip64 extra
_COMMENT = 1 << 16


class _Entry(NamedTuple):
    """What the directory says of a member."""

    name: str
    flags: int
    method: int
    checksum: int
    packed: int  # bytes in the archive
    size: int  # bytes unpacked
    mode: int  # of Unix, 0 where another system wrote it
    start: int  # of its local header


@dataclass(frozen=True)
class Inside:
    """A member's bytes, read at any time by any thread."""

    path: Path
    entry: _Entry

    def __call__(self) -> bytes:
        """The bytes, proved by their checksum; what is damaged or of an unknown method is a Problem."""
        entry = self.entry
        check_bytes(max(entry.size, entry.packed))
        with self.path.open("rb") as file:
            file.seek(entry.start)
            header = _exactly(file, 30, self.path)
            if not header.startswith(_LOCAL):
                raise _damaged(self.path, f"{entry.name!r} is not where the directory says")
            file.seek(sum(struct.unpack_from("<HH", header, 26)), 1)
            content = _exactly(file, entry.packed, self.path)
        if entry.method == _DEFLATED:
            content = self._inflated(content)
        if len(content) != entry.size or zlib.crc32(content) != entry.checksum:
            raise _damaged(self.path, f"{entry.name!r} has another checksum")
        return content

    def _inflated(self, content: bytes) -> bytes:
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, self.entry.size + 1)
        except zlib.error as error:
            raise _damaged(self.path, error) from error


@dataclass(frozen=True)
class ZipArchive:
    """Members of a .zip, in their own order."""

    path: Path

    @property
    def name(self) -> str:
        """The archive's own name."""
        return self.path.name

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every file and folder; what is unsafe is a Problem that names it."""
        try:
            with self.path.open("rb") as file:
                yield from self._members(file)
        except (OSError, struct.error) as error:
            raise _damaged(self.path, error) from error

    def _members(self, file: BinaryIO) -> Iterator[tuple[Member, ReadBytes]]:
        most = self.path.stat().st_size * _EXPANSION + _SLACK
        unpacked = 0
        folders: set[str] = set()
        for entry in _entries(file, self.path):
            unpacked += entry.size
            if unpacked > most:
                raise Problem(f"{self.path} unpacks to over {_EXPANSION} times its length: refused")
            path = self._safe(entry)
            for folder in _above(path):  # not every program writes them
                if folder not in folders:
                    folders.add(folder)
                    yield Member(folder, None, _hidden(folder)), bytes
            if not entry.name.endswith("/"):
                yield Member(path, entry.size, _hidden(path)), Inside(self.path, entry)
            elif path and path not in folders:
                folders.add(path)
                yield Member(path, None, _hidden(path)), bytes

    def _safe(self, entry: _Entry) -> str:
        """A member's path; one that is unsafe or cannot be read is refused."""
        parts = entry.name.split("/")
        if entry.name.startswith("/") or ".." in parts or "\\" in entry.name or ":" in parts[0]:
            raise Problem(f"{self.path} holds {entry.name!r}, a path that leads outside: refused")
        if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Problem(f"{self.path} holds {entry.name!r}, a link or device: refused")
        if entry.flags & _ENCRYPTED:
            raise Problem(f"{self.path} is encrypted: unpack it with its password, and give the folder")
        if entry.method not in (_STORED, _DEFLATED):
            raise Problem(f"{self.path} holds {entry.name!r}, packed by method {entry.method}: pack it anew")
        return "/".join(part for part in parts if part not in ("", "."))

    def held(self, member: Member, read: ReadBytes) -> Read:
        """The same means: a member is read at any time."""
        return read


def _above(path: str) -> list[str]:
    """The folders above a path, the outermost first.

    >>> _above("a/b/c.jpg")
    ['a', 'a/b']
    """
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


def _hidden(path: str) -> bool:
    return path.startswith(".") or "/." in path


def _entries(file: BinaryIO, path: Path) -> Iterator[_Entry]:
    """The directory's entries, in their order."""
    count, at = _directory(file, path)
    file.seek(at)
    for _ in range(count):
        fixed = _exactly(file, 46, path)
        if not fixed.startswith(_ENTRY):
            raise _damaged(path, "its directory is torn")
        made, flags, method, checksum, packed, size = struct.unpack_from("<4xH2xHH4xLLL", fixed)
        name, extra, comment, attributes, start = struct.unpack_from("<HHH4xLL", fixed, 28)
        written = _exactly(file, name, path)
        sizes = _wide(_exactly(file, extra, path), (size, packed, start))
        file.seek(comment, 1)
        mode = attributes >> 16 if made >> 8 == 3 else 0
        yield _Entry(_text(written, flags), flags, method, checksum, sizes[1], sizes[0], mode, sizes[2])


def _text(written: bytes, flags: int) -> str:
    """A name; programs of Unix write UTF-8 and do not always say so, older ones the letters of DOS."""
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        return written.decode("utf-8" if flags & _UTF_8 else "cp437", "surrogateescape")


def _directory(file: BinaryIO, path: Path) -> tuple[int, int]:
    """How many entries the directory has, and where it begins."""
    end = file.seek(0, 2)
    begin = max(0, end - _COMMENT - 22)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise _damaged(path, "no directory at its end")
    count, start = struct.unpack_from("<10xH4xL", tail, at)
    if _LOCATOR in tail[max(0, at - 20) : at]:
        (there,) = struct.unpack_from("<8xQ", tail, at - 20)
        file.seek(there)
        record = _exactly(file, 56, path)
        if not record.startswith(_END_64):
            raise _damaged(path, "its zip64 record is torn")
        count, start = struct.unpack_from("<32xQ8xQ", record)
    return count, start


def _wide(extra: bytes, narrow: tuple[int, int, int]) -> list[int]:
    """Size, packed size and start, those of them that need eight bytes from the zip64 extra."""
    found = list(narrow)
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            missing = [number for number, value in enumerate(found) if value == _UNKNOWN]
            for place, number in enumerate(missing):
                (found[number],) = struct.unpack_from("<Q", extra, at + 4 + 8 * place)
        at += 4 + length
    return found


def _exactly(file: BinaryIO, count: int, path: Path) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise _damaged(path, "it ends early")
    return content


def _damaged(path: Path, error: object) -> Problem:
    return Problem(f"cannot read {path}: {error}; it is damaged or cut short, fetch it again")
