"""Packs of ImageNet's sizes as sparse files: the figures of docs/scale.md, with bounds."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from alexnet.dataset.balance import balanced_order, sampling_shares
from alexnet.dataset.packed import open_packed

ROOT = Path(__file__).parents[1]


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "results"))
    return __import__("record_scale")


def sparse(scale: ModuleType, folder: Path, pictures: int, classes: int) -> Path:
    try:
        return Path(scale.make_sparse(folder / "pack", pictures, classes))
    except OSError as error:
        pytest.skip(f"this file system holds no such sparse file: {error}")


def test_a_sparse_pack_is_a_pack(scale: ModuleType, tmp_path: Path) -> None:
    split = open_packed(sparse(scale, tmp_path, 70_000, 1000)).split("train")
    assert split.images.shape == (70_000, 256, 256, 3)
    assert len(np.unique(split.labels)) == 1000
    assert split.sources([69_999])[0].endswith("_69999.JPEG")
    assert split.labels_of(np.array([5, 69_999])).tolist() == split.labels[[5, 69_999]].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ILSVRC-2012", "ImageNet of 2011"])
def test_packs_of_imagenets_sizes_keep_their_bounds(scale: ModuleType, tmp_path: Path, name: str) -> None:
    found = scale.in_process(sparse(scale, tmp_path, *scale.SETS[name]), 32, 100)
    assert found["open"] < 1
    assert found["first batch"] < 2
    assert found["order"] < 2
    assert found["grown"] < 300
    assert found["grown after reading"] < 300
    assert found["cut"] > 0.5 * found["read"]


@pytest.mark.slow
def test_a_balanced_epoch_of_fourteen_million_is_drawn_without_objects() -> None:
    labels = np.random.default_rng(0).integers(0, 21_841, 14_197_122)
    order = balanced_order(labels, sampling_shares(np.bincount(labels)), seed=0, epoch=0)
    counts = np.bincount(labels[order])
    assert (len(order), counts.max() - counts.min()) == (len(labels), 1)


def test_the_page_of_scale_is_made_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    page = __import__("write_scale").page()
    assert (ROOT / "docs/scale.md").read_text(encoding="utf-8") == page, "run python docs/write_scale.py"
