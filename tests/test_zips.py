"""Zips read as folders are, and everything refused that a zip can be made to do."""

import io
import stat
import struct
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import classes, jpeg, write

from alexnet.dataset.examination import examine
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.sources import open_source, open_unlabelled
from alexnet.dataset.sources import zips as module
from alexnet.dataset.sources.zips import ZipArchive
from alexnet.problem import Problem

NAMES = [*classes(3, each=4, before="set/train/"), *classes(3, each=2, before="set/test/")]


def zipped(path: Path, members: dict[str, bytes], **options: object) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:  # type: ignore[arg-type]
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "root", NAMES)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_as_its_folder(root: Path, tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", method) as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root).as_posix())
        archive.writestr("set/train/.DS_Store", "x")
        archive.comment = b"made by hand"
    source, folder = open_source(tmp_path / "set.zip"), open_source(root)
    assert sorted(map(str, source.entries())) == sorted(map(str, folder.entries()))
    assert {entry.name: read() for entry, read in source.contents()} == {
        entry.name: read() for entry, read in folder.contents()
    }
    assert source.passed_over().hidden.names == ("set/train/.DS_Store",)
    assert [entry for entry, _ in source.contents(7)] == list(source.entries())[7:]
    report = examine(source)
    assert (report.pictures, [one.kind for one in report.findings]) == (18, ["few pictures", "hidden"])
    made = prepare(source, tmp_path / "pack", settings=PrepareSettings(size=12))
    assert made.splits == {"train": 12, "test": 6}
    assert len(list(open_unlabelled(tmp_path / "set.zip").entries())) == 18


def test_members_are_read_by_any_thread_in_any_order(root: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", {name: (root / name).read_bytes() for name in NAMES})
    reads = {entry.name: read for entry, read in open_source(path).contents()}
    found: dict[str, object] = {}
    threads = [
        threading.Thread(target=lambda name=name: found.update({name: reads[name]()})) for name in NAMES[::-1]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: (root / name).read_bytes() for name in NAMES}


def test_folders_without_an_entry_of_their_own_are_seen_once(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", {"a/b/1.jpg": b"1", "a/b/2.jpg": b"2", "a/empty/": b"", "a/b/": b""})
    walked = [(member.path, member.size) for member, _ in ZipArchive(path).walk()]
    assert walked == [("a", None), ("a/b", None), ("a/b/1.jpg", 1), ("a/b/2.jpg", 1), ("a/empty", None)]


def test_names_in_any_letters(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", {"Kätzchen/1.jpg": jpeg(1), "猫/1.jpg": jpeg(2)})
    assert [entry.class_name for entry in open_source(path).entries()] == ["Kätzchen", "猫"]
    content = path.read_bytes().replace("Kätzchen".encode(), b"K\x84tzchen\x01")  # of DOS, as it was
    (tmp_path / "old.zip").write_bytes(content)
    assert next(iter(open_source(tmp_path / "old.zip").entries())).class_name.startswith("K")


def test_members_and_places_beyond_four_gigabytes_are_in_the_wide_fields(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3):
            with archive.open(f"a/{number}.jpg", "w", force_zip64=True) as file:
                file.write(jpeg(number))
    assert [read() for _, read in ZipArchive(path).walk()][1:] == [jpeg(number) for number in range(3)]
    wide = struct.pack("<HHQQ", 1, 16, 1 << 33, 1 << 34)
    assert module._wide(wide, (0xFFFFFFFF, 5, 0xFFFFFFFF)) == [1 << 33, 5, 1 << 34]


def test_more_members_than_the_old_directory_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(f"{number}.txt"), b"")
    assert sum(1 for _ in ZipArchive(tmp_path / "many.zip").walk()) == 70_000


def link(path: Path) -> None:
    header = zipfile.ZipInfo("a/1.jpg")
    header.create_system, header.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(header, "/etc/passwd")


def encrypted(path: Path) -> None:
    content = bytearray(zipped(path, {"a/1.jpg": b"x"}).read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)


def bomb(path: Path) -> None:
    """A directory that promises more than the archive could hold of anything but zeros."""
    content = bytearray(zipped(path, {"a/1.jpg": b"x"}).read_bytes())
    struct.pack_into("<L", content, content.index(b"PK\1\2") + 24, 300 << 20)
    path.write_bytes(content)


def lying(path: Path) -> None:
    """A directory that says of one member that it is small, and of its stream nothing."""
    content = bytearray(zipped(path, {"a/1.jpg": bytes(1 << 20)}).read_bytes())
    struct.pack_into("<L", content, content.index(b"PK\1\2") + 24, 100)
    path.write_bytes(content)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "outside": (lambda path: zipped(path, {"../1.jpg": b"x"}), "leads outside: refused"),
    "absolute": (lambda path: zipped(path, {"/1.jpg": b"x"}), "leads outside: refused"),
    "drive": (lambda path: zipped(path, {"C:/1.jpg": b"x"}), "leads outside: refused"),
    "backslash": (lambda path: zipped(path, {"a\\..\\1.jpg": b"x"}), "leads outside: refused"),
    "link": (link, "a link or device: refused"),
    "encrypted": (encrypted, "is encrypted: unpack it"),
    "bomb": (bomb, "unpacks to over 200 times its length: refused"),
    "lying": (lying, "has another checksum"),
    "empty": (lambda path: path.write_bytes(b""), "no directory at its end"),
    "no zip": (lambda path: path.write_bytes(b"x" * 100_000), "no directory at its end"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_unsafe_or_damaged_is_refused(tmp_path: Path, kind: str) -> None:
    make, said = REFUSED[kind]
    make(tmp_path / "set.zip")
    with pytest.raises(Problem, match=said):
        [read() for _, read in ZipArchive(tmp_path / "set.zip").walk()]


def test_another_method_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a/1.jpg", b"x")
    with pytest.raises(Problem, match="packed by method 12: pack it anew"):
        list(ZipArchive(tmp_path / "set.zip").walk())


WHOLE = io.BytesIO()
with zipfile.ZipFile(WHOLE, "w", zipfile.ZIP_DEFLATED) as _archive:
    _archive.writestr("a/1.jpg", jpeg(1))
    _archive.writestr("b/2.jpg", jpeg(2))


@given(at=st.integers(0, len(WHOLE.getvalue()) - 1), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_zip_gives_its_members_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int, cut: bool
) -> None:
    content = bytearray(WHOLE.getvalue())
    content[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(content[:at] if cut else content)
    try:
        found = [read() for member, read in ZipArchive(path).walk() if member.size is not None]
    except Problem:
        return
    assert all(one in (jpeg(1), jpeg(2)) for one in found)
