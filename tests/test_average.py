"""The mean of weights as a run."""

import pytest
import torch
from torch import nn

import alexnet
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.training.statistics import count_anew


@pytest.fixture(scope="module")
def kept(digits, tmp_path_factory):
    """A small ResNet whose three epochs were kept, and another training from the same start."""
    recipe = Recipe(
        name="r", network="resnet20", options={"width": 4}, channels=1, epochs=3, batch=64, mean="channel",
        divide_by="deviation", learning_rate=0.02,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("runs")
    alexnet.train(recipe, digits, folder / "one", keep=True)
    alexnet.train(recipe, digits, folder / "two", assignments=["learning_rate=0.01", "epochs=2"])
    return folder


def test_statistics_counted_anew_are_those_of_the_data():
    torch.manual_seed(0)
    images = torch.randn(40, 3, 6, 6) * 3 + 5
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.BatchNorm2d(3))
    assert count_anew(network, images.split(10)) == 2
    torch.testing.assert_close(network[0].running_mean, images.mean((0, 2, 3)))
    means = torch.stack([part.var((0, 2, 3)) for part in images.split(10)]).mean(0)
    torch.testing.assert_close(network[0].running_var, means)
    assert (network[0].momentum, network.training) == (0.1, False)
    assert count_anew(nn.Sequential(nn.Linear(2, 2)), iter(["never taken"])) == 0


def test_the_last_checkpoints_of_a_run(kept, tmp_path):
    made = alexnet.average([kept / "one"], tmp_path / "mean", last=2)
    assert (len(made.of), made.norms) == (2, 19)
    found = open_run(tmp_path / "mean")
    checkpoints = [checkpoint.weights() for checkpoint in open_run(kept / "one").checkpoints()[-2:]]
    for name, tensor in found.weights().items():
        if not name.rpartition(".")[2].startswith(("running", "num_batches")):
            torch.testing.assert_close(tensor, (checkpoints[0][name] + checkpoints[1][name]) / 2)
    before = alexnet.evaluate(kept / "one").top1_error
    assert alexnet.evaluate(tmp_path / "mean").top1_error < before + 5


def test_runs_from_one_start(kept, tmp_path):
    made = alexnet.average([kept / "one", kept / "two"], tmp_path / "mean")
    assert len(made.of) == 2
    assert open_run(tmp_path / "mean").weights().keys() == open_run(kept / "one").weights().keys()


def test_what_has_no_mean_is_refused(kept, digits, tmp_path):
    with pytest.raises(UsageProblem, match="two runs or more, or of one run"):
        alexnet.average([kept / "one"], tmp_path / "mean")
    with pytest.raises(Problem, match="has 3 checkpoints, not 5: train it with --keep"):
        alexnet.average([kept / "one"], tmp_path / "mean", last=5)
    recipe = open_run(kept / "one").recipe.model_copy(update={"seed": 1, "epochs": 0.1})
    alexnet.train(recipe, digits, tmp_path / "other")
    with pytest.raises(Problem, match="began from different seeds"):
        alexnet.average([kept / "one", tmp_path / "other"], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
