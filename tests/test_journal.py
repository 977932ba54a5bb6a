"""A preparation that is killed at any moment goes on and ends with the bytes of an undisturbed one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from pictures import classes, contents, write

from alexnet.dataset.journal import Journal, Record
from alexnet.dataset.packed import Encoding, open_packed
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.dataset.raw import NPY_HEADER, npy_header
from alexnet.dataset.working import claimed
from alexnet.problem import Problem

SETTINGS = PrepareSettings(size=20, val_fraction=0.2, max_skipped=0.05, workers=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [*classes(4, each=40, before="train/"), *classes(4, each=10, before="test/")]
    folder = write(tmp_path_factory.mktemp("source") / "letters", names)
    for name in ("train/a/05.jpg", "train/c/33.jpg", "test/b/02.jpg"):
        (folder / name).write_bytes(b"damaged")
    return folder


@pytest.fixture(scope="module")
def undisturbed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made_at_once(root, tmp_path_factory.mktemp("undisturbed") / "pack", SETTINGS)


def made_at_once(root: Path, pack: Path, settings: PrepareSettings) -> dict[str, bytes]:
    assert len(prepare(root, pack, settings=settings).skipped) == 3
    return contents(pack)


@pytest.mark.parametrize(
    ("moments", "least", "encoding"),
    [
        ("random", 3, "raw"),
        ("random", 3, "jpeg"),
        ("steps", 20, "raw"),
        ("ranks", 4, "raw"),
        pytest.param("steps", 20, "jpeg", marks=pytest.mark.slow),
        pytest.param("random", 20, "raw", marks=pytest.mark.slow),
        pytest.param("ranks", 20, "jpeg", marks=pytest.mark.slow),
    ],
)
def test_a_killed_preparation_ends_with_the_same_bytes(
    root: Path, tmp_path: Path, moments: str, least: int, encoding: Encoding
) -> None:
    settings = replace(SETTINGS, encoding=encoding)
    undisturbed = made_at_once(root, tmp_path / "undisturbed", settings)
    script = Path(__file__).with_name("dying.py")
    command = [sys.executable, script, moments, root, tmp_path, json.dumps(asdict(settings)), str(least)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= least
    packs = list(tmp_path.iterdir())
    assert len(packs) >= (2 if moments == "ranks" else 4)
    for pack in packs:
        assert contents(pack) == undisturbed


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own in memory; only a system's administrator may have one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "alexnet-test", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("least", "encoding"),
    [
        (2, "raw"),
        pytest.param(20, "raw", marks=pytest.mark.slow),
        pytest.param(20, "jpeg", marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_fills_at_any_moment_loses_nothing(
    root: Path, tmp_path: Path, least: int, encoding: Encoding
) -> None:
    settings = replace(SETTINGS, encoding=encoding)
    undisturbed = made_at_once(root, tmp_path / "undisturbed", settings)
    script = Path(__file__).with_name("dying.py")
    with small_disk(tmp_path / "disk", "64m") as disk:
        words = [sys.executable, script, "full", root, disk, json.dumps(asdict(settings)), str(least)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) >= least
        packs = list(disk.iterdir())
        assert len(packs) >= 4
        for pack in packs:
            assert contents(pack) == undisturbed


@contextmanager
def interrupting(title: str, /, total: int | None, done: int = 0) -> Iterator[object]:
    def advance(amount: int = 1, /, note: str | None = None) -> None:
        if title == "preparing":
            raise KeyboardInterrupt

    yield advance


def test_an_interrupt_leaves_a_preparation_that_goes_on(
    root: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alexnet.dataset.filling._BATCH_IMAGES", 30)
    with pytest.raises(KeyboardInterrupt):
        prepare(root, tmp_path / "pack", settings=SETTINGS, progress=interrupting)  # type: ignore[arg-type]
    with pytest.raises(Problem, match="half prepared: run the same"):
        open_packed(tmp_path / "pack")
    with pytest.raises(Problem, match="half prepared from size 20, not 21: choose another folder"):
        prepare(root, tmp_path / "pack", settings=replace(SETTINGS, size=21))
    result = prepare(root, tmp_path / "pack", settings=SETTINGS)
    assert result.images_per_second * result.seconds == pytest.approx(200 - 30)
    assert contents(tmp_path / "pack") == undisturbed


def test_a_preparation_with_other_libraries_is_not_gone_on_with(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare(root, tmp_path / "pack", settings=SETTINGS, progress=interrupting)  # type: ignore[arg-type]
    monkeypatch.setattr("alexnet.dataset.working._versions", lambda: {"numpy": "0.1"})
    with pytest.raises(Problem, match=r"numpy version .*, not 0\.1"):
        prepare(root, tmp_path / "pack", settings=SETTINGS)


def test_two_preparations_of_one_folder_do_not_meet(root: Path, tmp_path: Path) -> None:
    with claimed(tmp_path / "pack"), pytest.raises(Problem, match="another process"):
        prepare(root, tmp_path / "pack", settings=SETTINGS)


def test_the_header_has_one_length_and_numpy_reads_it(tmp_path: Path) -> None:
    for count in (0, 1, 14_197_122, 10**12):
        assert len(npy_header(count, 4096)) == NPY_HEADER
    (tmp_path / "two.npy").write_bytes(npy_header(2, 3) + bytes(range(54)))
    assert (np.load(tmp_path / "two.npy").ravel() == np.arange(54)).all()


RECORDS = [
    Record("train", 0, "a", "00", 5, 5, "crop", length=12),
    Record("val", 1, "b\n\udcff", "11", 5, 5, "crop", length=12),
    Record("train", 1, "c", "22", reason="empty file"),
    Record("train", 0, "d", "33", 2, 2, "unchanged", length=12),
]
PIXELS = np.arange(3 * 12, dtype=np.uint8).reshape(3, 2, 2, 3)


def journal(folder: Path) -> Journal:
    folder.mkdir(exist_ok=True)
    files = {split: folder / f"{split}.npy" for split in ("train", "val")}
    return Journal(folder, files, npy_header(0, 2))


def counts(journal: Journal) -> dict[str, int]:
    return {split: len(lengths) for split, lengths in journal.lengths.items()}


@pytest.mark.parametrize("lost", range(0, 200, 3))
def test_a_journal_cut_anywhere_agrees_with_its_pixels(tmp_path: Path, lost: int) -> None:
    first = journal(tmp_path)
    first.append(RECORDS, list(PIXELS))
    assert (first.done, counts(first), first.skipped) == (4, {"train": 2, "val": 1}, [("c", "empty file")])
    path = tmp_path / "journal.jsonl"
    os.truncate(path, max(0, path.stat().st_size - lost))
    again = journal(tmp_path)
    assert list(again.records()) == RECORDS[: again.done]
    for split, count in counts(again).items():
        assert (tmp_path / f"{split}.npy").stat().st_size == NPY_HEADER + count * 12
    good = sum(record.reason is None for record in RECORDS[: again.done])
    again.append(RECORDS[again.done :], list(PIXELS[good:]))
    assert list(again.records()) == RECORDS
    assert (tmp_path / "train.npy").read_bytes()[NPY_HEADER:] == PIXELS[[0, 2]].tobytes()
    assert (tmp_path / "val.npy").read_bytes()[NPY_HEADER:] == PIXELS[1].tobytes()


@pytest.mark.parametrize("name", ["train.npy", "val.npy"])
@pytest.mark.parametrize("left", [0, 100, NPY_HEADER + 5, NPY_HEADER + 13])
def test_a_journal_ahead_of_its_pixels_is_cut_back(tmp_path: Path, name: str, left: int) -> None:
    journal(tmp_path).append(RECORDS, list(PIXELS))
    os.truncate(tmp_path / name, left)
    again = journal(tmp_path)
    assert (
        again.done
        == {"train.npy": 3 if left > NPY_HEADER + 12 else 0, "val.npy": 4 if left > NPY_HEADER + 12 else 1}[
            name
        ]
    )
    good = sum(record.reason is None for record in RECORDS[: again.done])
    again.append(RECORDS[again.done :], list(PIXELS[good:]))
    assert (tmp_path / "train.npy").read_bytes()[NPY_HEADER:] == PIXELS[[0, 2]].tobytes()
    assert (tmp_path / "val.npy").read_bytes()[NPY_HEADER:] == PIXELS[1].tobytes()
