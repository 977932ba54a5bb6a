import io
import tarfile
from pathlib import Path

import pytest
from pictures import jpeg

from alexnet.dataset.sources import open_source
from alexnet.problem import Problem


def shard(path: Path, members: list[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return path


def samples(first: int, labels: list[str]) -> list[tuple[str, bytes]]:
    return [
        member
        for at, label in enumerate(labels, first)
        for member in ((f"{at:06}.jpg", jpeg(at)), (f"{at:06}.cls", label.encode()))
    ]


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_shards_are_one_source_split_by_their_names(tmp_path: Path, ending: str) -> None:
    root = tmp_path / "set"
    shard(root / f"set-train-000000.{ending}", samples(0, ["7", "3"]))
    shard(root / f"set-train-000001.{ending}", samples(2, ["3\n"]))
    shard(root / f"set-val-000000.{ending}", samples(3, ["7", "3"]))
    source = open_source(root)
    entries = list(source.entries())
    assert [(entry.split, entry.class_name) for entry in entries] == [
        ("train", "7"), ("train", "3"), ("train", "3"), ("val", "7"), ("val", "3"),
    ]  # fmt: skip
    assert entries[2].name == f"set-train-000001.{ending}/000002.jpg"
    assert entries[2].size == len(jpeg(2))
    reads = list(source.contents())
    assert [read() for _, read in reads] == [jpeg(seed) for seed in range(5)]
    for start in range(6):
        rest = list(source.contents(start))
        assert [entry for entry, _ in rest] == entries[start:]
        assert [read() for _, read in rest] == [jpeg(seed) for seed in range(start, 5)]


def test_the_class_may_stand_before_the_picture_and_in_json(tmp_path: Path) -> None:
    path = shard(
        tmp_path / "some.tar",
        [
            ("a/1.cls", b"cat"),
            ("a/1.jpg", jpeg(0)),
            ("a/2.png", jpeg(1)),
            ("a/2.seg.png", jpeg(5)),
            ("a/2.json", b'{"label": 4, "width": 3}'),
            ("a/3.txt", b"a caption without a picture"),
        ],
    )
    source = open_source(path)
    assert [(entry.name, entry.class_name) for entry in source.entries()] == [
        ("some.tar/a/1.jpg", "cat"),
        ("some.tar/a/2.png", "4"),
    ]
    assert [read() for _, read in source.contents()] == [jpeg(0), jpeg(1)]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("2.jpg", jpeg(2))], r"x.tar/2.jpg has no class: a \.cls or a \.json"),
        ([("2.jpg", jpeg(2)), ("2.json", b"{")], "is no JSON"),
        ([("2.jpg", jpeg(2)), ("2.cls", bytes(1 << 17))], "too many for a label"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, members: list[tuple[str, bytes]], said: str) -> None:
    source = open_source(shard(tmp_path / "x.tar", [*samples(0, ["1"]), *members]))
    with pytest.raises(Problem, match=said):
        list(source.entries())


def test_a_tar_of_class_folders_with_notes_in_json_is_no_shard(tmp_path: Path) -> None:
    path = shard(tmp_path / "set.tar", [("a/1.jpg", jpeg(0)), ("b/2.jpg", jpeg(1)), ("notes.json", b"{}")])
    assert [entry.class_name for entry in open_source(path).entries()] == ["a", "b"]
