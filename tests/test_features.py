import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from alexnet.networks import create, last_layers
from alexnet.probing.coarse import coarse_of, open_coarse, save_coarse
from alexnet.probing.features import features, layer_told, open_features, save_features
from alexnet.probing.search import nearest
from alexnet.problem import Problem, UsageProblem


@pytest.mark.parametrize("name", ["lenet", "alexnet-2012-32", "nin-32", "resnet20", "vgg-32"])
def test_the_hidden_layer_is_what_the_last_one_reads(name: str) -> None:
    channels, side = (1, 28) if name == "lenet" else (3, 28 if "alexnet" in name else 32)
    network = create(name, classes=10, channels=channels).eval()
    images = torch.randn(3, channels, side, side)
    rows = torch.from_numpy(features(network, images))
    last = network.get_submodule(last_layers(network)[-1])
    if isinstance(last, nn.Linear):
        torch.testing.assert_close(last(rows), network(images))
    else:  # maps, which the network averages after a 1 × 1 convolution and a ReLU
        assert rows.shape == (3, last.in_channels)


def test_a_named_layer_lies_flat_and_a_wrong_name_lists_those_there_are() -> None:
    network = create("lenet", classes=10, channels=1).eval()
    images = torch.randn(2, 1, 28, 28)
    name = next(name for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    rows = features(network, images, name)
    assert rows.shape == (2, network.get_submodule(name)(images).numel() // 2)
    assert layer_told(network, name) == name
    with pytest.raises(UsageProblem, match=name):
        layer_told(network, "conv99")


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((10, 3), dtype=np.float32)
    save_features(tmp_path / "rows.npy", iter([rows[:4], rows[4:]]), count=10)
    np.testing.assert_array_equal(open_features(tmp_path / "rows.npy"), rows)
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), rows)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_rows_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    rows = np.zeros((4, 3), dtype=np.float32)
    with pytest.raises(Problem, match="10 rows and got 4"):
        save_features(tmp_path / "rows.npy", iter([rows]), count=10)
    rows[2, 1] = np.nan
    with pytest.raises(Problem, match="picture 6 is not finite"):
        save_features(tmp_path / "rows.npy", iter([np.ones_like(rows), rows]), count=8)
    assert not list(tmp_path.iterdir())
    (tmp_path / "rows.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(Problem, match=r"cannot read .*rows\.npy"):
        open_features(tmp_path / "rows.npy")


def test_the_rounded_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((50, 7), dtype=np.float32)
    save_coarse(rows, tmp_path / "rows.int8.npy")
    saved, made = open_coarse(tmp_path / "rows.int8.npy"), coarse_of(rows)
    for name in ("codes", "centre", "scales", "moved", "squares", "fine"):
        np.testing.assert_array_equal(getattr(saved, name), getattr(made, name))
    (tmp_path / "rows.int8.npz").unlink()
    with pytest.raises(Problem, match="made again"):
        open_coarse(tmp_path / "rows.int8.npy")


def peak(folder: Path, count: int) -> int:
    """The most memory in bytes that an index of `count` rows takes, from its rows to the answer."""
    draw = np.random.default_rng(0)
    parts = (draw.standard_normal((200, 1024), dtype=np.float32) for _ in range(count // 200))
    tracemalloc.start()
    try:
        save_features(folder / f"{count}.npy", parts, count=count)
        rows = open_features(folder / f"{count}.npy")
        save_coarse(rows, folder / f"{count}.int8.npy")
        nearest(rows, rows[:20] + np.float32(0.1), 6, open_coarse(folder / f"{count}.int8.npy"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_stays_flat(tmp_path: Path) -> None:
    small, large = peak(tmp_path, 4000), peak(tmp_path, 12_000)
    assert large < small + 8 * 8000 * 8  # numbers kept for each row, not its 1024 features
