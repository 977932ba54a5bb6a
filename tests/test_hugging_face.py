import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import jpeg

from alexnet.dataset.examination import examine
from alexnet.dataset.parquet import streamed
from alexnet.dataset.sources import open_source
from alexnet.problem import Problem

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def table(
    first: int, labels: list[object], *, names: list[str] | None = None, column: str = "label"
) -> pa.Table:
    rows = [{"bytes": jpeg(first + at), "path": f"{at}.jpg"} for at in range(len(labels))]
    features: dict[str, object] = {"image": {"_type": "Image"}}
    if names:
        features[column] = {"_type": "ClassLabel", "names": names}
    kind = pa.string() if isinstance(labels[0], str) else pa.int64()
    schema = pa.schema(
        [("image", IMAGE), (column, kind)],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    return pa.table({"image": pa.array(rows, IMAGE), column: pa.array(labels, kind)}, schema=schema)


def save(root: Path, kind: str) -> Path:
    """A data set as the hub has it, or as `save_to_disk` writes it."""
    parts = {
        "train": [table(0, [0, 1, 1], names=["cat", "dog"]), table(10, [1], names=["cat", "dog"])],
        "test": [table(20, [0, 1], names=["cat", "dog"])],
    }
    for split, tables in parts.items():
        for number, part in enumerate(tables):
            if kind == "parquet":
                path = root / "data" / f"{split}-{number:05}-of-{len(tables):05}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(part, path, row_group_size=2)
            else:
                path = root / split / f"data-{number:05}-of-{len(tables):05}.arrow"
                path.parent.mkdir(parents=True, exist_ok=True)
                with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, part.schema) as writer:
                    writer.write_table(part)
    (root / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return root


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_data_set_on_the_disk_opens_with_the_names_of_its_classes(tmp_path: Path, kind: str) -> None:
    source = open_source(save(tmp_path / "pets", kind))
    entries = list(source.entries())
    assert source.name == "pets"
    assert sorted((str(entry.split), entry.class_name) for entry in entries) == sorted(
        [("train", "cat"), *[("train", "dog")] * 3, ("test", "cat"), ("test", "dog")]
    )
    contents = list(source.contents())
    assert [entry for entry, _ in contents] == entries
    assert sorted(read() for _, read in contents) == sorted(jpeg(seed) for seed in (0, 1, 2, 10, 20, 21))
    for start in range(7):
        assert [entry for entry, _ in source.contents(start)] == entries[start:]
    assert examine(source).pictures == 6


def test_labels_without_names_and_as_text(tmp_path: Path) -> None:
    pq.write_table(table(0, [3, 7]), tmp_path / "numbers.parquet")
    assert [entry.class_name for entry in open_source(tmp_path / "numbers.parquet").entries()] == ["3", "7"]
    pq.write_table(table(0, ["cat", "a dog"], column="target"), tmp_path / "words.parquet")
    entries = list(open_source(tmp_path / "words.parquet").entries())
    assert [entry.class_name for entry in entries] == ["cat", "a dog"]
    assert entries[0].split is None


def test_pictures_whose_labels_are_kept_back_or_that_have_none(tmp_path: Path) -> None:
    pq.write_table(table(0, [-1, -1], names=["cat"]), tmp_path / "test.parquet")
    assert {entry.class_name for entry in open_source(tmp_path / "test.parquet").entries()} == {""}
    pq.write_table(table(0, [0, 0]).select(["image"]), tmp_path / "alone.parquet")
    assert [entry.class_name for entry in open_source(tmp_path / "alone.parquet").entries()] == ["", ""]


def test_fine_labels_are_the_classes_of_cifar100(tmp_path: Path) -> None:
    fine = table(0, [1, 0], names=["apple", "bear"], column="fine_label")
    coarse = fine.append_column("coarse_label", pa.array([5, 6]))
    pq.write_table(coarse, tmp_path / "train.parquet")
    assert [entry.class_name for entry in open_source(tmp_path / "train.parquet").entries()] == [
        "bear",
        "apple",
    ]


def test_a_picture_that_is_only_a_path_is_unreadable_by_name(tmp_path: Path) -> None:
    rows = pa.array([{"bytes": None, "path": "/elsewhere/1.jpg"}], IMAGE)
    pq.write_table(pa.table({"image": rows, "label": [0]}), tmp_path / "x.parquet")
    ((_, read),) = open_source(tmp_path / "x.parquet").contents()
    with pytest.raises(Problem, match="save the data set with its images embedded"):
        read()


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    pq.write_table(table(0, [0, 5], names=["cat", "dog"]), tmp_path / "beyond.parquet")
    with pytest.raises(Problem, match="row 1: label 5 is none of 2 classes"):
        list(open_source(tmp_path / "beyond.parquet").entries())
    pq.write_table(pa.table({"words": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(Problem, match="no column of pictures"):
        open_source(tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes((tmp_path / "beyond.parquet").read_bytes()[:-50])
    with pytest.raises(Problem, match="fetch it again"):
        open_source(tmp_path / "broken.parquet")


def test_a_cut_arrow_file_is_a_problem(tmp_path: Path) -> None:
    root = save(tmp_path / "pets", "arrow")
    path = root / "train/data-00001-of-00002.arrow"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(Problem, match="damaged or cut short"):
        list(open_source(root).contents())


def test_of_a_shard_of_pictures_a_few_are_in_memory_at_a_time(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    column = pa.array([random.bytes(1 << 20) for _ in range(48)])
    pq.write_table(pa.table({"image": column}), tmp_path / "shard.parquet", row_group_size=4)
    del column
    before, most = pa.total_allocated_bytes(), 0
    with streamed(tmp_path / "shard.parquet") as file:
        for batch in file.iter_batches(4):
            most = max(most, pa.total_allocated_bytes() - before)
            assert batch.num_rows == 4
    assert most < 20 * 2**20  # of 48
