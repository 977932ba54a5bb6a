"""What the first walk through an archive saw, kept so that a later listing reads nothing of the archive.

A packed tar is read through twice in all: once to be listed, once for its contents.
"""

import json
import zlib
from collections.abc import Iterator
from functools import partial

from alexnet.dataset.sources.archives import Archive, NestedArchive, Range
from alexnet.dataset.sources.entry import Read
from alexnet.dataset.sources.files import Member, ReadBytes
from alexnet.problem import Problem

__all__ = ["Listed", "Listing"]

_AT_ONCE = 1 << 14  # bytes unpacked at a time


class Listing:
    """Members in their order and where their contents start, packed: some ten bytes each.

    ILSVRC has a million and a quarter of training pictures: as objects they would take half a gigabyte.
    """

    def __init__(self) -> None:
        self._packer = zlib.compressobj(1)
        self._parts: list[bytes] = []

    def add(self, member: Member, start: int | None) -> None:
        """Add one; `start` is None where the content lies in a stream and not at a place in the file."""
        line = json.dumps([member.path, member.size, member.hidden, start]) + "\n"
        if part := self._packer.compress(line.encode()):
            self._parts.append(part)

    def close(self) -> None:
        """End the listing; only then it is read."""
        self._parts.append(self._packer.flush())

    def __iter__(self) -> Iterator[tuple[Member, int | None]]:
        """All of it, in order.

        >>> listing = Listing()
        >>> listing.add(Member("a/1.jpg", 20, False), 512)
        >>> listing.close()
        >>> list(listing)
        [(Member(path='a/1.jpg', size=20, hidden=False), 512)]
        """
        for lines in self._unpacked():
            for path, size, hidden, start in json.loads(b"[" + b",".join(lines) + b"]"):
                yield Member(path, size, hidden), start

    def _unpacked(self) -> Iterator[list[bytes]]:
        unpacker, rest = zlib.decompressobj(), b""
        for part in self._parts:
            left = part
            while left:
                *lines, rest = (rest + unpacker.decompress(left, _AT_ONCE)).split(b"\n")
                left = unpacker.unconsumed_tail
                yield lines
        yield (rest + unpacker.flush()).splitlines()


class Listed:
    """An archive whose first walk is remembered; later ones open it only where a member is read."""

    def __init__(self, archive: Archive | NestedArchive) -> None:
        self._archive = archive
        self._listing: Listing | None = None
        self._stamp = (0, 0)

    @property
    def name(self) -> str:
        """The archive's own name."""
        return self._archive.name

    def walk(self) -> Iterator[tuple[Member, ReadBytes]]:
        """Every file and folder; an archive that has changed since is walked through anew."""
        status = self._archive.path.stat()
        stamp = status.st_size, status.st_mtime_ns
        if self._listing is None or stamp != self._stamp:
            return self._first(stamp)
        return self._again(self._listing)

    def _first(self, stamp: tuple[int, int]) -> Iterator[tuple[Member, ReadBytes]]:
        listing = Listing()
        for member, read in self._archive.walk():
            listing.add(member, read.start if isinstance(read, Range) else None)
            yield member, read
        listing.close()
        self._listing, self._stamp = listing, stamp

    def _again(self, listing: Listing) -> Iterator[tuple[Member, ReadBytes]]:
        stream = _Stream(self._archive)
        for number, (member, start) in enumerate(listing):
            inside = partial(stream.read, number)
            yield member, inside if start is None else Range(self._archive.path, start, member.size or 0)
        stream.finish()

    def held(self, member: Member, read: ReadBytes) -> Read:
        """The means to read a member at any later time."""
        return self._archive.held(member, read)


class _Stream:
    """Members of an archive read by number, upwards; it is opened with the first."""

    def __init__(self, archive: Archive | NestedArchive) -> None:
        self._archive = archive
        self._walk: Iterator[tuple[Member, ReadBytes]] | None = None
        self._next = 0

    def read(self, number: int) -> bytes:
        """The content of member `number`, which must lie beyond the one before."""
        self._walk = self._walk or self._archive.walk()
        for _, read in self._walk:
            self._next += 1
            if self._next > number:
                return read()
        raise Problem(f"{self._archive.path} has changed while it was read: run the same command again")

    def finish(self) -> None:
        """Read what was opened to its end, where its checksum stands."""
        for _ in self._walk or ():
            pass
