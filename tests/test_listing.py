"""Archives are walked through once for every listing, and a packed one once more for its contents."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import archive, classes, write

from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.sources.archives import Archive
from alexnet.dataset.sources.files import Member
from alexnet.dataset.sources.listing import Listed, Listing
from alexnet.problem import Problem

members = st.builds(Member, st.text(max_size=20), st.none() | st.integers(0, 2**60), st.booleans())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(members, st.none() | st.integers(0, 2**60)), max_size=20), st.integers(0, 60))
def test_a_listing_comes_back_as_it_was(some: list[tuple[Member, int | None]], times: int) -> None:
    listing = Listing()
    for member, start in some * times:
        listing.add(member, start)
    listing.close()
    assert list(listing) == some * times
    assert list(listing) == some * times


def test_a_long_listing_takes_little_memory() -> None:
    listing = Listing()
    for number in range(20_000):
        listing.add(Member(f"train/n01440764/n01440764_{number}.JPEG", 100_000 + number, False), number << 17)
    listing.close()
    assert sum(map(len, listing._parts)) < 20 * 20_000
    assert sum(1 for _ in listing) == 20_000


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz"])
def test_later_walks_are_as_the_first(tmp_path: Path, name: str) -> None:
    root = write(tmp_path / "letters", classes(3, each=5))
    files = Listed(Archive(archive(tmp_path / name, root)))
    first = [(member, read()) for member, read in files.walk()]
    assert [(member, read()) for member, read in files.walk()] == first
    assert [member for member, _ in files.walk()] == [member for member, _ in first]
    some = [read() for number, (_, read) in enumerate(files.walk()) if number in (3, 9)]
    assert some == [first[3][1], first[9][1]]


@pytest.mark.parametrize(("name", "times"), [("set.tar.gz", 2), ("set.tar", 1)])
def test_preparing_reads_a_packed_archive_twice_and_the_headers_of_a_plain_one_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, times: int
) -> None:
    root = write(tmp_path / "letters", classes(3, each=5))
    source = archive(tmp_path / name, root)
    opened = []
    walk = Archive.walk
    monkeypatch.setattr(Archive, "walk", lambda self: opened.append(self) or walk(self))
    prepare(source, tmp_path / "pack", settings=PrepareSettings(size=12))
    assert len(opened) == times


def test_an_archive_that_has_changed_is_walked_through_anew(tmp_path: Path) -> None:
    root = write(tmp_path / "letters", classes(2, each=2))
    path = archive(tmp_path / "set.tar", root)
    files = Listed(Archive(path))
    before = [member.path for member, _ in files.walk()]
    (root / "a/00.jpg").unlink()
    archive(path, root)
    os.utime(path, ns=(0, 0))
    assert [member.path for member, _ in files.walk()] == [path for path in before if path != "a/00.jpg"]


@pytest.mark.parametrize("read", [True, False])
def test_damage_before_the_end_is_seen_when_contents_are_read(tmp_path: Path, read: bool) -> None:
    root = write(tmp_path / "letters", classes(2, each=2))
    path = archive(tmp_path / "set.tar.gz", root)
    files = Listed(Archive(path))
    list(files.walk())
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # of the checksum
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    if read:
        with pytest.raises(Problem, match="CRC check failed"):
            [content_of() for _, content_of in files.walk()]
    else:
        assert len(list(files.walk())) == 6
