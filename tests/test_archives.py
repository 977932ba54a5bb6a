import gzip
import io
import tarfile
import threading
from pathlib import Path

import pytest
from pictures import archive, classes, jpeg, write

from alexnet.dataset.sources import open_source
from alexnet.dataset.sources.archives import Archive, NestedArchive
from alexnet.problem import Problem


def tarred(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return file.getvalue()


def test_a_tar_of_tars_is_as_its_folders(tmp_path: Path) -> None:
    inner = {
        f"{name}.tar": tarred({f"{name}_{number}.JPEG": jpeg(10 * at + number) for number in range(3)})
        for at, name in enumerate(("n01440764", "n02123045"))
    }
    (tmp_path / "train.tar").write_bytes(tarred(inner))
    source = open_source(tmp_path / "train.tar")
    entries = list(source.entries())
    assert [entry.class_name for entry in entries] == ["n01440764"] * 3 + ["n02123045"] * 3
    assert entries[0].name == "n01440764/n01440764_0.JPEG"
    reads = list(source.contents())
    assert [read() for _, read in reads] == [jpeg(number) for number in (0, 1, 2, 10, 11, 12)]
    assert [entry for entry, _ in source.contents(4)] == entries[4:]


def test_members_of_a_plain_tar_are_read_by_any_thread_at_any_time(tmp_path: Path) -> None:
    path = archive(tmp_path / "set.tar", write(tmp_path / "root", classes(3, each=5)))
    reads = [read for _, read in open_source(path).contents()]
    contents: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda number=number: contents.update({number: reads[number]()}))
        for number in reversed(range(len(reads)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [path.read_bytes() for path in sorted((tmp_path / "root").rglob("*.jpg"))]
    assert [contents[number] for number in range(15)] == expected


def test_a_cut_tar_of_tars_is_a_problem(tmp_path: Path) -> None:
    inner = {f"n{number:08}.tar": tarred({"1.JPEG": jpeg(number), "2.JPEG": jpeg(9)}) for number in range(2)}
    whole = tarred(inner)
    for cut in range(600, len(whole.rstrip(b"\0")) - 1, 997):
        (tmp_path / "train.tar").write_bytes(whole[:cut])
        with pytest.raises(Problem, match="damaged or cut short"):
            [read() for _, read in NestedArchive(tmp_path / "train.tar").walk()]


def test_an_inner_archive_may_not_reach_beyond_itself(tmp_path: Path) -> None:
    inner = tarred({"1.JPEG": jpeg(0), "2.JPEG": jpeg(1)})
    short = inner[: 512 + len(jpeg(0)) // 512 * 512 + 512 + 512 + 100]  # within the second member
    (tmp_path / "train.tar").write_bytes(tarred({"n1.tar": short, "n2.tar": inner}))
    with pytest.raises(Problem, match="ends beyond the archive that it lies in"):
        list(NestedArchive(tmp_path / "train.tar").walk())


@pytest.mark.parametrize("name", ["../1.JPEG", "/1.JPEG"])
def test_unsafe_names_within_an_inner_archive_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "train.tar").write_bytes(tarred({"n1.tar": tarred({name: jpeg(0)})}))
    with pytest.raises(Problem, match="refused"):
        list(NestedArchive(tmp_path / "train.tar").walk())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_links_devices_and_sparse_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        header = tarfile.TarInfo("a/1.jpg")
        header.type, header.linkname = kind, "a/2.jpg"
        tar.addfile(header)
    (tmp_path / "set.tar").write_bytes(file.getvalue())
    with pytest.raises(Problem, match=r"refused|damaged"):
        list(Archive(tmp_path / "set.tar").walk())


def zeros(path: Path, name: str, count: int) -> None:
    """A packed tar whose one member is so many zeros."""
    header = tarfile.TarInfo(name)
    header.size = count
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(count >> 20):
            file.write(bytes(1 << 20))
        file.write(bytes(1024))


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("alexnet.dataset.sources.archives._SLACK", 1 << 20)
    zeros(tmp_path / "bomb.tar.gz", "a/1.jpg", 32 << 20)  # some 32 kB
    with pytest.raises(Problem, match=r"unpacks to over 200 times its length at 'a/1.jpg': refused"):
        list(Archive(tmp_path / "bomb.tar.gz").walk())


def test_a_bomb_behind_the_end_of_the_tar_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("alexnet.dataset.sources.archives._SLACK", 1 << 20)
    with gzip.open(tmp_path / "bomb.tar.gz", "wb") as file:
        file.write(tarred({"a/1.jpg": jpeg(0)}))
        for _ in range(64):
            file.write(bytes(1 << 20))
    with pytest.raises(Problem, match="unpacks to over 200 times its length: refused"):
        list(Archive(tmp_path / "bomb.tar.gz").walk())


def test_a_name_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    with gzip.open(tmp_path / "bomb.tar.gz", "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(1 << 20))
    with pytest.raises(Problem, match="bytes of words about one member"):
        list(Archive(tmp_path / "bomb.tar.gz").walk())


def test_long_names_are_still_read(tmp_path: Path) -> None:
    name = "a/" + "x" * 300 + ".jpg"
    (tmp_path / "set.tar").write_bytes(tarred({name: jpeg(0), "b/1.jpg": jpeg(1)}))
    assert [entry.name for entry in open_source(tmp_path / "set.tar").entries()] == [name, "b/1.jpg"]
