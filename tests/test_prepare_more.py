"""Several sizes at once, ranks, chosen classes, titles, the sheet, pictures of no class, millions of rows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pictures import classes, contents, write
from PIL import Image
from typer.testing import CliRunner

from alexnet.cli.app import app
from alexnet.dataset.examination import examine_pack
from alexnet.dataset.journal import Journal, Record
from alexnet.dataset.manifest import count_skipped, read_labels, read_skipped, write_manifests
from alexnet.dataset.packed import open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare, prepare_sizes
from alexnet.dataset.sheet import chosen
from alexnet.problem import Problem, UsageProblem

NAMES = [*classes(3, each=7, before="train/"), *classes(3, each=4, before="test/")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("source") / "letters", NAMES)
    (folder / "words.txt").write_text("a\tthe first, alpha\nc\tthe third\nz\tthe last\n")
    (folder / "train/b/03.jpg").write_bytes(b"damaged")
    return folder


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_several_sizes_are_as_if_made_alone(root: Path, tmp_path: Path, encoding: str) -> None:
    settings = PrepareSettings(encoding=encoding, max_skipped=0.1)  # type: ignore[arg-type]
    both = prepare_sizes(root, tmp_path / "pack", [12, 20], settings=settings)
    assert [result.packed for result in both] == [str(tmp_path / f"pack-{size}") for size in (12, 20)]
    for size in (12, 20):
        alone = PrepareSettings(size=size, encoding=encoding, max_skipped=0.1)  # type: ignore[arg-type]
        prepare(root, tmp_path / "alone" / str(size), settings=alone)
        assert contents(tmp_path / f"pack-{size}") == contents(tmp_path / "alone" / str(size))


def test_each_picture_is_decoded_once_for_all_sizes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alexnet.dataset import packing

    decoded = []
    decode = packing.decode
    monkeypatch.setattr(packing, "decode", lambda content: decoded.append(content) or decode(content))
    settings = PrepareSettings(max_skipped=0.1)
    prepare_sizes(root, tmp_path / "pack", [8, 12, 20], settings=settings)
    assert len(decoded) == len(NAMES)
    prepare_sizes(root, tmp_path / "pack", [8, 12, 16], settings=settings)  # one of them is new
    assert len(decoded) == 2 * len(NAMES)
    with pytest.raises(UsageProblem, match="give each once"):
        prepare_sizes(root, tmp_path / "pack", [8, 8])
    with pytest.raises(UsageProblem, match="1 to 4096"):
        prepare_sizes(root, tmp_path / "pack", [8, 5000])


def start_rank(rank: int, source: Path, pack: Path) -> subprocess.Popen[bytes]:
    words = ["prepare", str(source), str(pack), "--size", "12,20", "--max-skipped", "0.1", "--json"]
    environment = os.environ | {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    command = [sys.executable, "-m", "alexnet", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_two_ranks_of_the_command_write_the_bytes_of_one_process(root: Path, tmp_path: Path) -> None:
    ranks = [start_rank(rank, root, tmp_path / "ranks") for rank in (0, 1)]
    said = [rank.communicate(timeout=200) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
    documents = json.loads(said[0][0])
    assert [one["splits"] for one in documents] == [{"train": 20, "test": 12}] * 2
    assert said[1][0] == b""
    prepare_sizes(root, tmp_path / "one", [12, 20], settings=PrepareSettings(max_skipped=0.1))
    for size in (12, 20):
        assert contents(tmp_path / f"ranks-{size}") == contents(tmp_path / f"one-{size}")


def test_the_command_chooses_classes_and_renames_them(root: Path, tmp_path: Path) -> None:
    words = ["prepare", str(root), str(tmp_path / "pack"), "--size", "12", "--max-skipped", "0.1"]
    done = CliRunner().invoke(app, [*words, "--labels", "b=a,c=see", "--classes", "a,see"])
    assert done.exit_code == 0, done.output
    packed = open_packed(tmp_path / "pack")
    assert (packed.classes, packed.counts) == (("a", "see"), {"train": 20, "test": 12})
    assert packed.titles == {"a": "the first, alpha", "see": "the third"}
    (tmp_path / "labels.json").write_text('{"b": "a"}')
    done = CliRunner().invoke(app, [*words[:2], str(tmp_path / "two"), *words[3:], "--labels", "b=a"])
    assert open_packed(tmp_path / "two").classes == ("a", "c")
    for wrong, said in ((["--size", "12,x"], "give pixels"), (["--labels", "b"], "write old=new")):
        with pytest.raises(UsageProblem, match=said):
            CliRunner().invoke(app, [*words, *wrong], catch_exceptions=False)


def test_a_contact_sheet_shows_each_class_in_a_row(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "pack", settings=PrepareSettings(size=64, max_skipped=0.1))
    split = open_packed(tmp_path / "pack").split("train")
    with Image.open(tmp_path / "pack/sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (3 * 68 + 4, 180 + 7 * 68 + 4, 3)
    first = split.pixels(np.flatnonzero(split.labels == 2))[4]
    assert (pixels[4 + 2 * 68 :][:64, 180 + 4 * 68 :][:, :64] == first).all()
    assert (pixels[4 + 68 :][:64, 180 + 6 * 68 :][:, :64] == 255).all()  # b has six


def test_a_sheet_of_many_classes_takes_them_evenly() -> None:
    labels = np.arange(100_000) % 1000
    rows = chosen(labels, 1000)
    assert len(rows) == 24
    assert {len(numbers) for _, numbers in rows} == {10}
    assert all((labels[numbers] == label).all() for label, numbers in rows)
    assert rows[-1][0] > 900


def test_test_pictures_of_no_class_are_packed_without_a_label(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "unsorted", ["x.jpg", "deep/y.jpg"], first=500)
    parts = [{"path": str(root / "train")}, {"path": "unsorted", "split": "test", "unlabelled": True}]
    (tmp_path / "both.json").write_text(json.dumps({"sources": parts}))
    settings = PrepareSettings(size=12, max_skipped=0.1, val_fraction=0.2)
    prepare(tmp_path / "both.json", tmp_path / "pack", settings=settings)
    packed = open_packed(tmp_path / "pack")
    assert packed.split("test").labels.tolist() == [-1, -1]
    assert pq.read_table(tmp_path / "pack/test.parquet")["class"].to_pylist() == ["", ""]
    assert examine_pack(tmp_path / "pack").ok
    parts[1]["split"] = "val"
    (tmp_path / "both.json").write_text(json.dumps({"sources": parts}))
    with pytest.raises(Problem, match="pictures of no class outside its test split"):
        prepare(tmp_path / "both.json", tmp_path / "other", settings=settings)


def records(count: int) -> Iterator[Record]:
    for number in range(count):
        sha256 = f"{number:064x}"
        if number % 100 == 0:
            yield Record("train", number % 1000, f"{number}.jpg", sha256, reason="damaged")
        else:
            yield Record("train", number % 1000, f"{number}.jpg", sha256, 500, 375, "crop", None, 3, sha256)


MEASURE = """
import re, sys
from pathlib import Path
import numpy as np
import torch
from test_prepare_more import finish_rows, records
from alexnet.dataset.journal import Journal

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

finish_rows(Path(sys.argv[1]) / "warm", 70_000)
before = peak()
finish_rows(Path(sys.argv[1]) / "rows", int(sys.argv[2]))
print(peak() - before)
"""


def finish_rows(folder: Path, count: int) -> None:
    """What a preparation does with its rows: append them, take them up again, write the manifest, list it."""
    folder.mkdir()
    block: list[Record] = []
    journal = Journal(folder, {"train": folder / "train.jpegs"})
    for record in records(count):
        block.append(record)
        if len(block) == 1000 or record.source == f"{count - 1}.jpg":
            journal.append(block, [b"jpg"] * sum(one.reason is None for one in block))
            block = []
    again = Journal(folder, {"train": folder / "train.jpegs"})
    assert (again.done, again.skips, len(again.skipped)) == (count, -(-count // 100), 10)
    packed = count - again.skips
    starts = again.edges("train")[:-1]
    names = [f"n{number}" for number in range(1000)]
    write_manifests(again.records, folder, starts={"train": starts}, classes=names)
    assert len(read_labels(folder / "train.parquet", packed)) == packed
    assert count_skipped(folder / "train.parquet", packed) == again.skips
    assert sum(1 for _ in read_skipped(folder / "train.parquet", packed)) == again.skips


@pytest.mark.parametrize("count", [200_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
def test_rows_of_a_preparation_never_sit_in_memory(tmp_path: Path, count: int) -> None:
    command = [sys.executable, "-c", MEASURE, str(tmp_path), str(count)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    kilobytes = int(done.stdout)
    # where each begins and how long it is, eight bytes each and for a moment a few times that; no row
    assert kilobytes * 1024 < 48 * count + (48 << 20)
