import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pictures import archive, classes, jpeg, write

from alexnet.dataset.sources import Entry, Source, open_source
from alexnet.problem import Problem

SPLIT = [
    *classes(2, each=3, before="train/"),
    *classes(2, each=2, before="Valid/"),
    "test/a/0.png",
    "test/b/0.png",
]


def places(source: Source) -> list[tuple[str | None, str]]:
    return [(entry.split, entry.class_name) for entry in source.entries()]


def check_same_order(source: Source, start: int = 3) -> None:
    """Contents come in the order of the entries, from any start on."""
    entries = list(source.entries())
    assert [entry for entry, _ in source.contents()] == entries
    assert [entry for entry, _ in source.contents(start)] == entries[start:]
    whole = [read() for _, read in source.contents()]
    parts = [read() for _, read in list(source.contents(start))]  # read after the listing has gone on
    assert all(np.array_equal(one, other) for one, other in zip(whole[start:], parts, strict=True))


def test_a_folder_of_class_folders(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "pets", classes(3, each=2)))
    assert source.name == "pets"
    assert source.native_size is None
    assert next(iter(source.entries())) == Entry("a/00.jpg", None, "a", len(jpeg(0, 16, 18)))
    assert places(source) == [(None, letter) for letter in "aabbcc"]
    check_same_order(source)


def test_split_folders_under_their_usual_names(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, SPLIT))
    assert sorted(set(places(source)), key=str) == [
        (split, name) for split in ("test", "train", "val") for name in "ab"
    ]
    assert len(places(source)) == 12
    check_same_order(source)


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.tgz"])
@pytest.mark.parametrize("before", ["", "./", "wrapped/set/"])
def test_a_tar_is_as_its_folder(tmp_path: Path, name: str, before: str) -> None:
    root = write(tmp_path / "root", SPLIT)
    folder, packed = open_source(root), open_source(archive(tmp_path / name, root, before))
    assert packed.name == name
    assert places(packed) == places(folder)
    assert [read() for _, read in packed.contents()] == [read() for _, read in folder.contents()]
    check_same_order(packed)


def test_pictures_deeper_in_a_class_folder_belong_to_it(tmp_path: Path) -> None:
    names = ["train/n1/images/0.JPEG", "train/n1/1.JPEG", "train/n2/images/more/0.JPEG", "words.txt"]
    assert places(open_source(write(tmp_path, names))) == [("train", "n1"), ("train", "n1"), ("train", "n2")]


def test_imagenets_file_names_tell_the_class(tmp_path: Path) -> None:
    names = ["n01440764_tench.JPEG", "n01440764_1.JPEG", "n02123045_7.JPEG"]
    assert places(open_source(write(tmp_path, names))) == [
        (None, "n01440764"), (None, "n01440764"), (None, "n02123045"),
    ]  # fmt: skip


def test_hidden_and_other_files_are_passed_over_and_named(tmp_path: Path) -> None:
    names = [
        *classes(2, each=1),
        ".ipynb_checkpoints/x.jpg",
        "a/.hidden.jpg",
        "words.txt",
        "a/notes.md",
        "top.jpg",
    ]
    root = write(tmp_path / "root", names)
    (root / "empty").mkdir()
    for source in (open_source(root), open_source(archive(tmp_path / "t.tar", root))):
        assert places(source) == [(None, "a"), (None, "b")]
        over = source.passed_over()
        assert {name.split("/")[0] for name in over.hidden.names} == {".ipynb_checkpoints", "a"}
        assert over.hidden.count >= 2
        assert (over.loose.count, over.loose.names) == (1, ("top.jpg",))
        assert over.empty == ((None, "empty"),)


def test_an_empty_split_folder_still_shows_its_empty_classes(tmp_path: Path) -> None:
    root = write(tmp_path, classes(2, each=1, before="train/"))
    (root / "val/a").mkdir(parents=True)
    (root / "train/c").mkdir()
    assert open_source(root).passed_over().empty == (("train", "c"), ("val", "a"))


def test_links_to_pictures_are_followed_and_broken_ones_fail_by_name(tmp_path: Path) -> None:
    root = write(tmp_path / "root", classes(2, each=1))
    (root / "a/link.jpg").symlink_to(root / "b/00.jpg")
    (root / "a/broken.jpg").symlink_to(root / "nowhere.jpg")
    reads = {entry.name: read for entry, read in open_source(root).contents()}
    assert reads["a/link.jpg"]() == (root / "b/00.jpg").read_bytes()
    with pytest.raises(OSError, match=r"nowhere|broken"):
        reads["a/broken.jpg"]()


def test_a_name_that_is_no_text_is_made_printable(tmp_path: Path) -> None:
    root = write(tmp_path, classes(2, each=1))
    os.rename(root / "a/00.jpg", os.fsencode(root) + b"/a/\xff\xfe.jpg")
    entry, read = next(iter(open_source(root).contents()))
    assert entry.name.encode() == rb"a/\udcff\udcfe.jpg"
    assert read() == jpeg(0, 16, 18)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "no pictures; known are class folders"),
        (["words.txt", ".cache/a.jpg"], "no pictures"),
        (["1.jpg", "2.jpg"], "in no class folder; known are"),
        (["train/1.jpg", "val/a/1.jpg"], "train lie in no class folder"),
        (["train/a/1.jpg", "extra/a/1.jpg"], "beside its splits: extra"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "one split under two names: train, val, valid"),
    ],
)
def test_an_unknown_layout_is_a_problem(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(Problem, match=said):
        open_source(write(tmp_path, names))


def test_what_is_no_source_is_a_problem_that_names_the_kinds(tmp_path: Path) -> None:
    (tmp_path / "set.rar").touch()
    for path in (tmp_path / "nothing", tmp_path / "set.rar"):
        with pytest.raises(Problem, match=r"a folder, a \.tar"):
            open_source(path)


def unsafe(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar with one good picture and one strange member."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path, type_ in (("a/1.jpg", tarfile.REGTYPE), (name, kind)):
            header = tarfile.TarInfo(path)
            header.type, header.linkname = type_, "a/1.jpg"
            header.size = len(jpeg(0)) if type_ == tarfile.REGTYPE else 0
            tar.addfile(header, io.BytesIO(jpeg(0)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/etc/1.jpg", tarfile.REGTYPE),
        ("b/../../1.jpg", tarfile.REGTYPE),
        ("b/1.jpg", tarfile.SYMTYPE),
        ("b/1.jpg", tarfile.LNKTYPE),
        ("b/1.jpg", tarfile.CHRTYPE),
    ],
)
def test_unsafe_members_of_an_archive_are_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    (tmp_path / "set.tar").write_bytes(unsafe(name, kind))
    with pytest.raises(Problem, match="refused"):
        open_source(tmp_path / "set.tar")


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz"])
def test_an_archive_cut_anywhere_is_a_problem(tmp_path: Path, name: str) -> None:
    whole = archive(tmp_path / name, write(tmp_path / "root", classes(2, each=4))).read_bytes()
    end = len(whole) if name.endswith("gz") else whole.rstrip(b"\0").__len__()
    for cut in range(1, end - 1, 311):
        (tmp_path / name).write_bytes(whole[:cut])
        with pytest.raises(Problem, match=r"damaged or cut short"):
            [read() for _, read in open_source(tmp_path / name).contents()]


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz"])
def test_a_damaged_archive_is_a_problem(tmp_path: Path, name: str) -> None:
    whole = bytearray(archive(tmp_path / name, write(tmp_path / "root", classes(2, each=4))).read_bytes())
    place = 1024 + 5 if name.endswith("gz") else whole.find(b"a/02.jpg") + 200  # a header's checksum
    whole[place : place + 30] = b"\xaa" * 30
    (tmp_path / name).write_bytes(whole)
    with pytest.raises(Problem, match="damaged"):
        [read() for _, read in open_source(tmp_path / name).contents()]


def test_a_csv_lists_paths_relative_to_itself(tmp_path: Path) -> None:
    write(tmp_path / "pictures", ["x.jpg", "y.jpg"])
    (tmp_path / "list.csv").write_text(
        'split,label,path\ntrain,"cat, big",pictures/x.jpg\nVAL,2,pictures/y.jpg\n'
    )
    source = open_source(tmp_path / "list.csv")
    assert places(source) == [("train", "cat, big"), ("val", "2")]
    check_same_order(source, start=1)
    (tmp_path / "list.csv").write_bytes(b"\xef\xbb\xbfpath,label\r\npictures/x.jpg,1\r\nnone.jpg,2\r\n")
    (_, first), (entry, second) = open_source(tmp_path / "list.csv").contents()
    assert first() == (tmp_path / "pictures/x.jpg").read_bytes()
    assert entry == Entry("none.jpg", None, "2", None)
    with pytest.raises(FileNotFoundError):
        second()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,class\nx.jpg,1\n", r"path,label\[,split\]"),
        ("", r"path,label\[,split\]"),
        ("path,label\nx.jpg,\n", "line 2 has no label"),
        ("path,label\nx.jpg,1\n,1\n", "line 3 has no path"),
        ("path,label,split\nx.jpg,1,dev\n", "line 2: split 'dev' is none of train, val, test"),
        (b"path,label\n\xff.jpg,1\n", "UTF-8"),
    ],
)
def test_a_wrong_csv_is_a_problem_that_names_the_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    (tmp_path / "list.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Problem, match=said):
        list(open_source(tmp_path / "list.csv").entries())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_a_problem(tmp_path: Path) -> None:
    (write(tmp_path, classes(2, each=1)) / "a").chmod(0)
    with pytest.raises(Problem, match="cannot read the folder"):
        open_source(tmp_path)


def test_the_samples_of_imagenet_open_from_their_flat_archive(data: Path) -> None:
    source = open_source(data / "imagenet-samples-400.tar")
    assert len({entry.class_name for entry in source.entries()}) == 400
    entry, read = next(iter(source.contents(399)))
    assert len(read()) == entry.size
