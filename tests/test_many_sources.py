"""Several sources as one, some of their classes, other names for them, and sets with tables of their own."""

import json
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import archive, classes, jpeg, write

from alexnet.dataset.sources import Entry, Source, open_source, read_class_names, relabel, select_classes
from alexnet.dataset.sources.combined import Part, combine
from alexnet.dataset.sources.digits import open_digits
from alexnet.problem import Problem, UsageProblem


def places(source: Source) -> list[tuple[str | None, str]]:
    return [(entry.split, entry.class_name) for entry in source.entries()]


def check_same_order(source: Source) -> None:
    entries = list(source.entries())
    for start in range(len(entries) + 1):
        assert [entry for entry, _ in source.contents(start)] == entries[start:]


def test_some_classes_and_other_names(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "letters", classes(4, each=2)))
    some = select_classes(source, ["d", "b"])
    assert places(some) == [(None, "b")] * 2 + [(None, "d")] * 2
    assert some.name == "letters"
    check_same_order(some)
    renamed = relabel(source, {"a": "vowel", "b": "consonant", "c": "consonant", "d": "consonant"})
    assert places(renamed) == [(None, "vowel")] * 2 + [(None, "consonant")] * 6
    check_same_order(renamed)
    assert places(relabel(source, {"a": "b"}))[:3] == [(None, "b")] * 3


def test_a_class_that_is_not_there_is_a_problem_with_a_hint(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, ["tabby/1.jpg", "tench/1.jpg"]))
    with pytest.raises(UsageProblem, match="no class 'taby': did you mean 'tabby'"):
        select_classes(source, ["taby"])
    with pytest.raises(UsageProblem, match="no class 'x': it has tabby, tench"):
        relabel(source, {"x": "y"})


def test_names_come_from_a_list_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("hot dog\n\n cat \n")
    assert read_class_names(str(tmp_path / "names.txt")) == ["hot dog", "cat"]
    assert read_class_names("hot dog,cat") == ["hot dog", "cat"]


def described(root: Path, sources: list[dict[str, object]]) -> Path:
    (root / "all.json").write_text(json.dumps({"sources": sources}))
    return root / "all.json"


def test_a_description_makes_several_sources_one(tmp_path: Path) -> None:
    write(tmp_path / "letters", classes(2, each=2))
    archive(tmp_path / "more.tar", write(tmp_path / "root", ["A/1.jpg", "x/1.jpg", "y/1.jpg"], first=50))
    write(tmp_path / "unsorted", ["1.jpg", "2.jpg"], first=90)
    path = described(
        tmp_path,
        [
            {"path": "letters", "split": "train"},
            {"path": "more.tar", "split": "val", "labels": {"A": "a", "x": "b"}, "classes": ["a", "b"]},
            {"path": "unsorted", "split": "test", "unlabelled": True},
        ],
    )
    source = open_source(path)
    entries = list(source.entries())
    assert source.name == "all.json"
    assert places(source) == [
        ("train", "a"), ("train", "a"), ("train", "b"), ("train", "b"),
        ("val", "a"), ("val", "b"), ("test", ""), ("test", ""),
    ]  # fmt: skip
    assert [entry.name for entry in entries][3:6] == [
        "letters/b/01.jpg",
        "more.tar/A/1.jpg",
        "more.tar/x/1.jpg",
    ]
    assert [read() for _, read in source.contents()][4] == (tmp_path / "root/A/1.jpg").read_bytes()
    check_same_order(source)
    assert source.native_size is None


def test_arrays_of_one_size_keep_it_together() -> None:
    both = combine("both", [Part(open_digits(), "train", "one/"), Part(open_digits(), "test", "two/")])
    assert both.native_size == 8
    assert next(iter(both.contents(1797)))[0] == Entry("two/digits#0", "test", "0")
    assert combine("one", [Part(open_digits())]).name == "digits"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "describes no sources"),
        ("[]", "describes no sources"),
        ('{"sources": []}', "sources: list should have at least 1 item"),
        ('{"sources": [{"path": "x", "split": "dev"}]}', r"sources\.0\.split: input should be 'train'"),
        ('{"sources": [{"path": "x", "colour": 1}]}', r"sources\.0\.colour: extra inputs"),
        ('{"sources": [{"path": "nowhere"}]}', "no source at"),
    ],
)
def test_a_wrong_description_is_a_problem(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "all.json").write_text(text)
    with pytest.raises(Problem, match=said):
        open_source(tmp_path / "all.json")


def tiny(root: Path) -> Path:
    """Tiny ImageNet's own shape: two classes, a table for validation, a test split without classes."""
    write(root, [f"train/n0{at}/images/n0{at}_{number}.JPEG" for at in (1, 2) for number in range(3)])
    write(root, [f"val/images/val_{number}.JPEG" for number in range(4)], first=20)
    write(root, [f"test/images/test_{number}.JPEG" for number in range(2)], first=30)
    lines = [f"val_{number}.JPEG\tn0{1 + number % 2}\t0\t32\t44\t62\n" for number in range(4)]
    (root / "val/val_annotations.txt").write_text("".join(lines))
    (root / "words.txt").write_text("n01\ttench, Tinca tinca\nn02\tgoldfish\nn99\tof another set\n")
    return root


@pytest.mark.parametrize("wrapped", ["", "tiny-imagenet-200/"])
def test_tiny_imagenet_as_distributed(tmp_path: Path, wrapped: str) -> None:
    root = tiny(tmp_path / "set")
    source = open_source(archive(tmp_path / "tiny.tar.gz", root, wrapped) if wrapped else root)
    assert sorted(places(source), key=str) == sorted(
        [("train", "n01")] * 3 + [("train", "n02")] * 3 + [("val", "n01"), ("val", "n02")] * 2, key=str
    )
    by_name = {entry.name.rpartition("/")[2]: entry.class_name for entry in source.entries()}
    assert (by_name["val_0.JPEG"], by_name["val_3.JPEG"]) == ("n01", "n02")
    check_same_order(source)
    assert source.titles()["n01"] == "tench, Tinca tinca"
    assert source.passed_over().loose.count == 2


def test_a_broken_table_of_tiny_imagenet_is_a_problem(tmp_path: Path) -> None:
    root = tiny(tmp_path)
    (root / "val/val_annotations.txt").write_text("val_0.JPEG\tn01\nval_1.JPEG\n")
    with pytest.raises(Problem, match=r"val_annotations.txt line 2 names no picture and class"):
        open_source(root)


def test_word_lists_name_the_classes_of_any_folder(tmp_path: Path) -> None:
    write(tmp_path, ["n01440764/1.jpg", "n02123045/1.jpg"])
    assert open_source(tmp_path).titles() == {}
    (tmp_path / "synset_words.txt").write_text("n01440764 tench, Tinca tinca\nn02123045 tabby\n\n")
    assert open_source(tmp_path).titles() == {"n01440764": "tench, Tinca tinca", "n02123045": "tabby"}


def test_a_parquet_manifest_lists_paths_relative_to_itself(tmp_path: Path) -> None:
    write(tmp_path / "pictures", ["x.jpg", "y.jpg"])
    columns = {"path": ["pictures/x.jpg", "pictures/y.jpg"], "label": [3, 4], "split": ["train", "VALID"]}
    pq.write_table(pa.table(columns), tmp_path / "list.parquet")
    source = open_source(tmp_path / "list.parquet")
    assert list(source.entries())[1] == Entry("pictures/y.jpg", "val", "4", len(jpeg(1, 17, 19)))
    _, read = next(iter(source.contents()))
    assert read() == (tmp_path / "pictures/x.jpg").read_bytes()
    check_same_order(source)
    pq.write_table(pa.table({"path": ["x"], "label": [None]}), tmp_path / "list.parquet")
    with pytest.raises(Problem, match="line 1 has no label"):
        list(open_source(tmp_path / "list.parquet").entries())


def test_millions_of_rows_of_a_manifest_are_streamed(tmp_path: Path) -> None:
    count = 300_000
    names = pa.array([f"pictures/{number:07}.jpg" for number in range(count)])
    labels = pa.array([str(number % 1000) for number in range(count)])
    pq.write_table(pa.table({"path": names, "label": labels}), tmp_path / "list.parquet", row_group_size=8192)
    entries = iter(open_source(tmp_path / "list.parquet").entries())
    next(entries)
    tracemalloc.start()
    assert sum(1 for _, _ in zip(range(30_000), entries, strict=False)) == 30_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20  # a batch of rows, and not 300,000 of them
