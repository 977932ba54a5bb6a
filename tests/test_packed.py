import json
import pickle
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import classes, write

from alexnet.dataset.manifest import SCHEMA
from alexnet.dataset.packed import FORMAT_VERSION, Split, open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.raw import Advised, advised, npy_header
from alexnet.dataset.statistics import measure
from alexnet.problem import Problem, UsageProblem


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    root = write(
        tmp_path / "letters", [*classes(3, each=5, before="test/"), *classes(3, each=9, before="train/")]
    )
    prepare(root, tmp_path / "pack", settings=PrepareSettings(size=10, fit="letterbox", val_fraction=0.2))
    return tmp_path / "pack"


def test_a_pack_says_what_it_is(pack: Path) -> None:
    packed = open_packed(str(pack))
    assert (packed.path, packed.classes, packed.size, packed.fit) == (pack, ("a", "b", "c"), 10, "letterbox")
    assert packed.splits == ("train", "val", "test")
    assert [len(packed.split(name)) for name in packed.splits] == [21, 6, 15]
    assert len(packed.fingerprint) == 64
    assert packed.description["source"] == "letters"
    assert {"numpy", "pillow", "torch", "torchcodec"} == set(packed.description["versions"])


def test_a_split_is_a_read_only_map_with_labels_and_names(pack: Path) -> None:
    split = open_packed(pack).split("train")
    assert isinstance(split.images, np.memmap)
    assert split.images.shape == (21, 10, 10, 3)
    assert not split.images.flags.writeable
    assert split.labels.dtype == np.int64
    names = split.sources([20, 0, 20])
    assert names[0] == names[2] == split.sources([20])[0]
    assert [name.split("/")[1] for name in split.sources(range(21))] == [
        "abc"[label] for label in split.labels
    ]


def test_other_programs_read_it_alone(pack: Path) -> None:
    assert np.load(pack / "train.npy").shape == (21, 10, 10, 3)
    table = pq.read_table(pack / "train.parquet")
    assert table.schema.names == SCHEMA.names
    assert table.num_rows == 21
    with np.load(pack / "statistics.npz") as arrays:
        assert arrays["mean_image"].shape == (10, 10, 3)


def test_statistics_are_read_once_and_are_those_of_train(pack: Path) -> None:
    packed = open_packed(pack)
    assert packed.statistics is packed.statistics
    assert (packed.statistics.mean_image == measure(packed.split("train").images).mean_image).all()


def test_a_split_goes_to_another_process_without_its_pixels(pack: Path) -> None:
    split = open_packed(pack).split("train")
    images = split.images
    sent = pickle.dumps(split)
    assert len(sent) < 1000
    assert (pickle.loads(sent).images == images).all()


def test_names_are_found_across_row_groups(tmp_path: Path) -> None:
    rows = [{"source": f"{number}.jpg", "label": number, "status": "packed"} for number in range(25)]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    pq.write_table(table, tmp_path / "train.parquet", row_group_size=4)
    split = Split(tmp_path, "train", 24, 2)
    assert split.sources([23, 0, 4, 3]) == ["23.jpg", "0.jpg", "4.jpg", "3.jpg"]
    assert split.labels.tolist() == list(range(24))


def test_what_is_no_pack_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(Problem, match=f"no packed data set at {path}: make one with `alexnet prepare"):
            open_packed(path)


def test_another_format_version_is_named(pack: Path) -> None:
    path = pack / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 7}))
    with pytest.raises(Problem, match=f"format version 7, this alexnet reads {FORMAT_VERSION}"):
        open_packed(pack)


def test_an_unknown_split_lists_those_there_are(pack: Path) -> None:
    with pytest.raises(UsageProblem, match="no split 'valid', only train, val, test"):
        open_packed(pack).split("valid")


@pytest.mark.parametrize("name", ["train.npy", "test.parquet", "statistics.npz"])
def test_a_missing_file_is_named(pack: Path, name: str) -> None:
    (pack / name).unlink()
    with pytest.raises(Problem, match=f"{name} is damaged or missing: prepare"):
        open_packed(pack)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dataset.json", b"{"),
        ("dataset.json", b"[]"),
        ("dataset.json", b'{"format_version": 1}'),
        ("dataset.json", b"\xff"),
        ("val.npy", b"short"),
    ],
)
def test_a_damaged_file_is_named_when_the_pack_opens(pack: Path, name: str, content: bytes) -> None:
    (pack / name).write_bytes(content)
    with pytest.raises(Problem, match=f"{name} is damaged"):
        open_packed(pack)


def test_a_damaged_file_is_named_when_it_is_read(pack: Path) -> None:
    packed = open_packed(pack)
    (pack / "train.parquet").write_bytes(b"PAR1")
    (pack / "train.npy").write_bytes(bytes((pack / "train.npy").stat().st_size))
    (pack / "statistics.npz").write_bytes(b"PK")
    split = packed.split("train")
    for name, read in (
        ("train.parquet", lambda: split.labels),
        ("train.parquet", lambda: split.sources([0])),
        ("train.npy", lambda: split.images),
        ("statistics.npz", lambda: packed.statistics),
    ):
        with pytest.raises(Problem, match=f"{name} is damaged"):
            read()


def test_a_map_that_the_memory_cannot_hold_is_read_picture_by_picture(pack: Path) -> None:
    images = open_packed(pack).split("train").images
    assert isinstance(advised(images), np.ndarray)
    alone = advised(images, memory=1000)
    assert isinstance(alone, Advised)
    assert all((alone[number] == images[number]).all() for number in range(len(images)))


def test_a_pack_of_imagenets_size_opens_fast(pack: Path) -> None:
    """1,281,167 images at 256, the pixels as a hole in the file."""
    count, path = 1_281_167, pack / "train.npy"
    with path.open("wb") as file:
        file.write(npy_header(count, 256))
        try:
            file.truncate(128 + count * 256 * 256 * 3)
        except OSError:
            pytest.skip("this file system holds no sparse file of 252 GB")
    labels = np.arange(count) % 1000
    table = pa.table({"label": labels, "source": pa.array(labels).cast(pa.string())})
    pq.write_table(table, pack / "train.parquet", row_group_size=1 << 16)
    document = json.loads((pack / "dataset.json").read_text())
    document |= {"size": 256, "splits": {"train": count}}
    (pack / "dataset.json").write_text(json.dumps(document))
    started = time.process_time()  # others may be at work on the machine
    split = open_packed(pack).split("train")
    assert split.images.shape == (count, 256, 256, 3)
    assert (split.labels == labels).all()
    assert split.sources([1_281_166]) == ["166"]
    assert int(split.images[1_000_000].sum()) == 0
    assert time.process_time() - started < 1
