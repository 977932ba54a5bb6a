import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pictures import classes, write

from alexnet.dataset.examination import Finding, examine_pack
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.problem import Problem, UsageProblem
from alexnet.verbs.doctor import doctor


@pytest.fixture(scope="module", params=["raw", "jpeg"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of letters, two of which are no pictures."""
    folder = tmp_path_factory.mktemp("packs")
    root = write(
        folder / "letters", [*classes(3, each=8, before="train/"), *classes(3, each=4, before="test/")]
    )
    (root / "train/a/00.jpg").write_bytes(b"no picture")
    prepare(
        root, folder / "packed", settings=PrepareSettings(size=16, encoding=request.param, max_skipped=0.1)
    )
    return folder / "packed"


@pytest.fixture
def pack(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "packed"))


def findings(pack: Path) -> dict[str, Finding]:
    return {finding.kind: finding for finding in examine_pack(pack).findings}


def edit(pack: Path, **changes: object) -> None:
    description = json.loads((pack / "dataset.json").read_text())
    (pack / "dataset.json").write_text(json.dumps(description | changes))


def test_a_whole_pack_has_nothing_but_its_skipped_pictures(pack: Path) -> None:
    report = doctor(pack)
    assert report.ok
    assert [(one.kind, one.severity, one.count) for one in report.findings] == [("skipped", "note", 1)]
    assert report.findings[0].examples[0].startswith("train/a/00.jpg: not a JPEG")
    assert report.counts == {"train": {"a": 7, "b": 8, "c": 8}, "test": dict.fromkeys("abc", 4)}
    assert report.figures.total == report.pictures == 35
    assert report.figures.packed_bytes == 35 * 16 * 16 * 3
    description = json.loads((pack / "dataset.json").read_text())
    keys = {"format_version", "classes", "size", "fit", "encoding", "resize", "digests"}
    keys |= {"jpeg"} if description["encoding"] == "jpeg" else set()
    decisive = json.dumps({key: description[key] for key in keys}, sort_keys=True)
    assert description["fingerprint"] == hashlib.sha256(decisive.encode()).hexdigest()


def test_a_description_that_was_changed_is_found(pack: Path) -> None:
    edit(pack, resize="another way")
    assert findings(pack)["description"].examples == ("the fingerprint is not that of the description",)
    assert not examine_pack(pack).ok


def test_classes_under_other_numbers_are_found(pack: Path) -> None:
    edit(pack, classes=["a", "c", "b"])
    found = findings(pack)
    assert "train: class b under the number of c" in found["manifest"].examples
    edit(pack, classes=["a", "b"])
    assert "labels beyond the 2 classes" in findings(pack)["manifest"].examples[0]


def test_a_manifest_of_other_pictures_is_found(pack: Path) -> None:
    table = pq.read_table(pack / "train.parquet")
    changed = table.set_column(
        table.schema.get_field_index("label"), "label", [table["label"].combine_chunks()[::-1]]
    )
    pq.write_table(changed, pack / "train.parquet")
    found = findings(pack)
    assert found["description"].examples == (
        "train: hashes and labels are not those of the description",
        "train.parquet is not the file that was written",
    )
    pq.write_table(table.slice(2), pack / "train.parquet")
    assert "train: 21 rows for 23 pictures" in findings(pack)["manifest"].examples


def test_pixels_that_were_changed_are_found(pack: Path) -> None:
    path = next(path for path in (pack / "train.npy", pack / "train.arrow") if path.exists())
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    assert not examine_pack(pack).ok
    assert findings(pack)["pixels"].severity == "error"


def test_a_changed_statistics_file_is_found(pack: Path) -> None:
    with np.load(pack / "statistics.npz") as arrays:
        kept = dict(arrays)
    kept["mean_image"][0, 0, 0] += 1
    np.savez(pack / "statistics.npz", **kept)
    assert "not those of statistics.npz" in findings(pack)["pixels"].examples[0]


def test_pictures_that_came_as_arrays_have_the_hashes_of_the_manifest(tmp_path: Path) -> None:
    prepare("digits", tmp_path / "packed", settings=PrepareSettings(val_fraction=0.2))
    assert not examine_pack(tmp_path / "packed").findings
    images = np.load(tmp_path / "packed/val.npy", mmap_mode="r+")
    images[3, 4, 4] ^= 1
    images.flush()
    assert (
        "val: 1 pictures have changed, first digits#" in findings(tmp_path / "packed")["pixels"].examples[0]
    )


def test_repetitions_are_known_from_the_manifest(tmp_path: Path) -> None:
    root = write(tmp_path / "letters", [*classes(2, each=8, before="train/"), "test/a/0.jpg", "test/b/0.jpg"])
    shutil.copy(root / "train/a/03.jpg", root / "test/a/0.jpg")
    shutil.copy(root / "train/a/04.jpg", root / "train/b/00.jpg")
    prepare(root, tmp_path / "packed", settings=PrepareSettings(size=16))
    found = findings(tmp_path / "packed")
    assert found["leak"].examples == ("train/a/03.jpg = test/a/0.jpg",)
    assert found["two labels"].examples == ("train/a/04.jpg = train/b/00.jpg",)


def test_what_is_no_whole_pack_is_a_problem(pack: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="is examined whole, without other options"):
        doctor(pack, list_to=tmp_path / "bad.txt")
    path = next(path for path in (pack / "train.npy", pack / "train.arrow") if path.exists())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Problem, match="damaged or missing"):
        doctor(pack)
    (pack / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(Problem, match="damaged or missing"):
        doctor(pack)
