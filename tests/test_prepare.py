import json
import resource
import shutil
from collections import Counter, namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pictures import archive, classes, contents, jpeg, write

from alexnet.dataset.decode import decode
from alexnet.dataset.packed import open_packed
from alexnet.dataset.prepare import Prepared, PrepareSettings, prepare
from alexnet.dataset.resize import FITS, Fit, fit
from alexnet.dataset.sources import open_source
from alexnet.problem import Problem, UsageProblem

SMALL = PrepareSettings(size=12)
NAMES = [*classes(3, each=7, before="train/"), *classes(3, each=4, before="test/")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("source") / "letters", NAMES)


@pytest.mark.parametrize("how", FITS)
def test_a_pack_holds_every_picture_decoded_and_fitted(root: Path, tmp_path: Path, how: Fit) -> None:
    result = prepare(root, tmp_path / "pack", settings=replace(SMALL, fit=how))
    assert result == replace(
        Prepared(str(tmp_path / "pack"), {"train": 21, "test": 12}, 3, (), 0.0, 0.0),
        seconds=result.seconds,
        images_per_second=result.images_per_second,
    )
    for name in ("train", "test"):
        split = open_packed(tmp_path / "pack").split(name)
        names = sorted(each for each in NAMES if each.startswith(name))
        expected = [fit(decode((root / each).read_bytes()), 12, how) for each in names]
        assert (split.images == np.stack(expected)).all()
        assert split.sources(range(len(split))) == names
        assert split.labels.tolist() == ["abc".index(each.split("/")[1]) for each in names]


def test_the_manifest_tells_of_each_image(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "pack", settings=SMALL)
    row = pq.read_table(tmp_path / "pack/train.parquet").to_pylist()[8]
    content = (root / "train/b/01.jpg").read_bytes()
    height, width = decode(content).shape[:2]
    kept = (tmp_path / "pack/train.npy").read_bytes()[128 + 8 * 432 : 128 + 9 * 432]
    assert row == {
        "source": "train/b/01.jpg",
        "label": 1,
        "class": "b",
        "sha256": sha256(content).hexdigest(),
        "width": width,
        "height": height,
        "done": "crop",
        "status": "packed",
        "reason": None,
        "offset": 128 + 8 * 432,
        "length": 432,
        "packed_sha256": sha256(kept).hexdigest(),
    }


def test_statistics_and_grey_are_those_of_the_training_split(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "pack", settings=SMALL)
    packed = open_packed(tmp_path / "pack")
    images = packed.split("train").images
    np.testing.assert_allclose(packed.statistics.mean_image, images.mean(axis=0), rtol=1e-6)
    assert not packed.grey
    prepare("digits", tmp_path / "digits")
    assert open_packed(tmp_path / "digits").grey
    assert open_packed(tmp_path / "digits").size == 8


def test_workers_and_an_archive_change_no_byte_of_the_pixels(root: Path, tmp_path: Path) -> None:
    packs = [tmp_path / name for name in ("one", "three", "tar")]
    prepare(root, packs[0], settings=replace(SMALL, workers=1))
    prepare(open_source(root), packs[1], settings=replace(SMALL, workers=3))
    prepare(archive(tmp_path / "letters.tar.gz", root), packs[2], settings=SMALL)
    assert contents(packs[0]) == contents(packs[1])
    for name in ("train.npy", "test.npy", "train.parquet", "test.parquet", "statistics.npz"):
        assert (packs[0] / name).read_bytes() == (packs[2] / name).read_bytes()
    assert open_packed(packs[0]).fingerprint == open_packed(packs[2]).fingerprint


def test_the_fingerprint_tells_settings_and_contents_apart(root: Path, tmp_path: Path) -> None:
    other = shutil.copytree(root, tmp_path / "letters")
    (other / "train/a/00.jpg").write_bytes(jpeg(999))
    found = set()
    for number, (source, settings) in enumerate(
        [
            (root, SMALL),
            (root, replace(SMALL, size=13)),
            (root, replace(SMALL, fit="stretch")),
            (other, SMALL),
        ]
    ):
        prepare(source, tmp_path / str(number), settings=settings)
        found.add(open_packed(tmp_path / str(number)).fingerprint)
    assert len(found) == 4


def test_a_source_without_splits_gives_a_tenth_of_each_class(tmp_path: Path) -> None:
    root = write(tmp_path / "root", classes(2, each=30))
    assert prepare(root, tmp_path / "tenth", settings=SMALL).splits == {"train": 54, "val": 6}
    assert Counter(open_packed(tmp_path / "tenth").split("val").labels.tolist()) == {0: 3, 1: 3}
    for fraction, splits in ((0.0, {"train": 60}), (0.5, {"train": 30, "val": 30})):
        result = prepare(root, tmp_path / str(fraction), settings=replace(SMALL, val_fraction=fraction))
        assert result.splits == splits
    val = [
        set(open_packed(tmp_path / name).split("val").sources(range(6)))
        for name in ("tenth", "seed")
        if name == "tenth" or prepare(root, tmp_path / name, settings=replace(SMALL, seed=1))
    ]
    assert val[0] != val[1]


def test_own_splits_stay_unless_a_fraction_is_asked_for(root: Path, tmp_path: Path) -> None:
    asked = prepare(root, tmp_path / "asked", settings=replace(SMALL, val_fraction=0.3))
    assert asked.splits == {"train": 15, "val": 6, "test": 12}
    own = write(tmp_path / "own", [*classes(2, each=3, before="train/"), *classes(2, each=2, before="val/")])
    assert prepare(own, tmp_path / "pack", settings=SMALL).splits == {"train": 6, "val": 4}
    with pytest.raises(UsageProblem, match="validation split of its own"):
        prepare(own, tmp_path / "none", settings=replace(SMALL, val_fraction=0.3))
    few = write(tmp_path / "few", classes(2, each=2))
    with pytest.raises(UsageProblem, match="no picture of any class"):
        prepare(few, tmp_path / "none", settings=replace(SMALL, val_fraction=0.01))


def spoil(root: Path, count: int) -> None:
    for number in range(count):
        path = root / f"a/{number:02}.jpg"
        path.write_bytes(path.read_bytes()[:-40] if number else b"")


def test_unreadable_pictures_are_skipped_and_named(tmp_path: Path) -> None:
    root = write(tmp_path / "root", classes(2, each=50))
    spoil(root, 2)
    settings = replace(SMALL, val_fraction=0.0, max_skipped=0.02)
    result = prepare(root, tmp_path / "pack", settings=settings)
    reasons = {each.source: each.reason for each in result.skipped}
    assert reasons == {"a/00.jpg": "empty file", "a/01.jpg": "Image is incomplete or truncated."}
    assert result.splits == {"train": 98}
    split = open_packed(tmp_path / "pack").split("train")
    assert split.sources([0, 97]) == ["a/02.jpg", "b/49.jpg"]
    assert len(split.labels) == 98
    rows = pq.read_table(tmp_path / "pack/train.parquet").to_pylist()
    assert [row["source"] for row in rows if row["status"] == "skipped"] == ["a/00.jpg", "a/01.jpg"]
    again = prepare(root, tmp_path / "pack", settings=settings)
    assert again.skipped == result.skipped
    assert json.loads(json.dumps(asdict(again)))["skipped"][0]["reason"] == "empty file"


def test_too_many_unreadable_pictures_leave_nothing_to_trust(tmp_path: Path) -> None:
    root = write(tmp_path / "root", classes(2, each=50))
    spoil(root, 2)
    with pytest.raises(
        Problem, match=r"2 of 100 pictures cannot be read, more than 1.00% \(a/00.jpg: empty file;"
    ):
        prepare(root, tmp_path / "pack", settings=SMALL)
    with pytest.raises(Problem, match="half prepared"):
        open_packed(tmp_path / "pack")
    allowed = prepare(root, tmp_path / "pack", settings=replace(SMALL, max_skipped=0.02))
    assert len(allowed.skipped) == 2


def test_a_finished_pack_is_found_and_another_is_not_overwritten(root: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    first = prepare(root, pack, settings=SMALL)
    before = contents(pack)
    again = prepare(root, pack, settings=replace(SMALL, workers=1, max_skipped=0.5))
    assert (again.splits, again.classes, again.images_per_second) == (first.splits, first.classes, 0.0)
    with pytest.raises(Problem, match="size 12, not 13: choose another folder"):
        prepare(root, pack, settings=replace(SMALL, size=13))
    changed = shutil.copytree(root, tmp_path / "letters")
    (changed / "train/a/new.jpg").write_bytes(jpeg(5))
    with pytest.raises(Problem, match="a list of pictures that has changed"):
        prepare(changed, pack, settings=SMALL)
    assert contents(pack) == before


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/B/1.jpg"],
            r"training split lacks: B \(val\)",
        ),
        (["test/a/1.jpg", "test/b/1.jpg"], "no training split, only test"),
        (["a/1.jpg", "a/2.jpg"], "one class alone, a: give the folder"),
    ],
)
def test_a_source_that_cannot_be_trained_on_is_a_problem(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(Problem, match=said):
        prepare(write(tmp_path / "root", names), tmp_path / "pack", settings=SMALL)
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 0}, "1 to 4096"),
        ({"fit": "squash"}, "crop, letterbox, stretch"),
        ({"encoding": "png"}, "there are raw, jpeg"),
        ({"val_fraction": 1.0}, "0 to below 1"),
        ({"max_skipped": -0.1}, "0 to 1"),
        ({"workers": 0}, "at least 1"),
        ({"seed": -1}, "not below 0"),
    ],
)
def test_a_setting_that_cannot_be_says_what_may_be(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        PrepareSettings(**wrong)  # type: ignore[arg-type]


def test_a_folder_with_other_things_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Problem, match="not empty and holds no packed data set"):
        prepare(root, tmp_path, settings=SMALL)
    with pytest.raises(Problem, match="cannot write"):
        prepare(root, tmp_path / "thesis.txt", settings=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_too_little_disk_space_is_seen_before_the_start(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10_000))
    with pytest.raises(Problem, match=r"needs 0.00 GB, the disk has 0.00 GB free"):
        prepare(root, tmp_path / "pack", settings=SMALL)
    monkeypatch.undo()
    assert prepare(root, tmp_path / "pack", settings=replace(SMALL, size=10)).splits["train"] == 21


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("room", "size", "name"),
    [
        (50, 12, "plan.json"),
        (1000, 12, "train.npy"),
        (7000, 12, "train.npy"),
        (1500, 4, "journal.jsonl"),
        (3800, 4, r"\w+\.parquet"),
        (9500, 48, "train.npy"),
    ],
)
def test_a_full_disk_names_the_file_and_loses_nothing(
    root: Path, tmp_path: Path, room: int, size: int, name: str
) -> None:
    few = "parquet" in name  # of a dozen pictures the manifest is the longest file
    source, settings = open_source(root / ("test" if few else "train")), replace(SMALL, size=size)
    prepare(source, tmp_path / "whole", settings=settings)
    with (
        largest_file(room),
        pytest.raises(Problem, match=rf"{name}: .*File too large; free some space and run"),
    ):
        prepare(source, tmp_path / "pack", settings=settings)
    with pytest.raises(Problem, match="half prepared"):
        open_packed(tmp_path / "pack")
    prepare(source, tmp_path / "pack", settings=settings)
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")
