"""What runs cost beside each other, and the picture of it."""

import pytest
import torch

import alexnet
from alexnet.probing.comparison_figure import Point, _front, comparison_figure
from alexnet.recipe import Recipe
from alexnet.verbs.compare import compare


@pytest.fixture(scope="module")
def two(digits, tmp_path_factory):
    """A small network and one of many times its work."""
    folder = tmp_path_factory.mktemp("runs")
    recipe = {
        "name": "r", "channels": 1, "epochs": 1, "batch": 64, "mean": "channel", "divide_by": "deviation",
        "learning_rate": 0.01,
    }  # fmt: skip
    for name, network, options in (("light", "lenet", {"image": 12}), ("heavy", "resnet20", {"width": 24})):
        made = Recipe(**recipe, network=network, options=options)
        alexnet.train(made, digits, folder / name, assignments=["epochs=0.2"])
    return [folder / "light", folder / "heavy"]


@pytest.fixture(scope="module")
def compared(two, tmp_path_factory):
    """Both beside each other, with what they cost, and a picture."""
    picture = tmp_path_factory.mktemp("pictures") / "runs.png"
    threads = torch.get_num_threads()
    found = compare(two, plot=picture)
    assert torch.get_num_threads() == threads
    return found, picture


def test_the_heavier_costs_more(compared):
    costs = {row.name: row.costs for row in compared[0].runs}
    light, heavy = costs["light"], costs["heavy"]
    assert heavy.multiply_adds > 20 * light.multiply_adds
    assert light.one_thread > 2 * heavy.one_thread
    assert light.training_rate > heavy.training_rate > 0
    assert heavy.disk_bytes >= 4 * heavy.parameters
    assert 0 <= light.memory_bytes < 2**30
    assert 2**16 < heavy.memory_bytes < 2**30


def test_the_comparison_has_them_where_it_is_asked_for(two, compared):
    assert all(row.costs is None for row in compare(two).runs)
    found, picture = compared
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert found.document()["runs"][0]["costs"]["threads"] == torch.get_num_threads()


def test_those_that_nobody_beats_are_marked():
    fast, good, beaten = (
        Point("fast", 20, (19, 21), 900, 1), Point("good", 10, (9, 11), 100, 5),
        Point("beaten", 21, (20, 22), 90, 3),
    )  # fmt: skip
    assert _front([fast, good, beaten]) == [fast, good]
    assert "fast, 0 MiB" in {
        text.get_text() for axes in comparison_figure([fast, good, beaten], "t").axes for text in axes.texts
    }
