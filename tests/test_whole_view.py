"""Whole pictures in place of crops, for networks that take any size."""

import pytest
import torch

import alexnet
from alexnet.dataset.packed import open_packed
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.verbs.prepare import prepare


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs on crops of 12 of 16 pixels: one takes any size, one does not, one has a mean image."""
    folder = tmp_path_factory.mktemp("runs")
    common = {"channels": 1, "epochs": 0.3, "crop": 12, "batch": 64}
    prepare("digits", folder / "packed", size=16, val_fraction=0.2)
    kinds = {
        "any": {"network": "resnet20", "options": {"width": 4}, "mean": "channel"},
        "dense": {"network": "lenet", "options": {"image": 12}, "mean": "channel"},
        "image": {"network": "resnet20", "options": {"width": 4}, "mean": "image"},
    }
    for name, kind in kinds.items():
        alexnet.train(
            Recipe(name=name, learning_rate=0.05, **common, **kind), folder / "packed", folder / name
        )
    return folder


def test_the_whole_picture_is_seen(trained):
    found = alexnet.evaluate(trained / "any", views="whole")
    run, split = open_run(trained / "any"), open_packed(trained / "packed").split("val")
    pixels = torch.from_numpy(split.pixels(range(len(split)))).float()[..., :1].permute(0, 3, 1, 2)
    done = run.preprocessing
    answers = run.network()((pixels - done.mean) / done.divisor).argmax(1)
    wrong = (answers != torch.tensor(split.labels)).float().mean().item()
    assert found.top1_error == pytest.approx(100 * wrong, abs=0.6)
    assert (found.views, found.images) == ("whole", len(split))
    assert found.loss != alexnet.evaluate(trained / "any").loss


def test_what_cannot_see_it_is_said(trained):
    with pytest.raises(Problem, match="takes crops of 12 pixels and no others"):
        alexnet.evaluate(trained / "dense", views="whole")
    with pytest.raises(Problem, match="needs a mean of the channels"):
        alexnet.evaluate(trained / "image", views="whole")
