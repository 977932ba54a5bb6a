"""Gradients by layer in the log: the true ones, and a training that is otherwise the one it would be."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import alexnet
from alexnet.batches.loader import TrainingLoader
from alexnet.dataset.packed import open_packed
from alexnet.networks import NETWORKS
from alexnet.probing.gradient_history import history_of, in_words
from alexnet.probing.gradients import gradient_norms, weight_norms
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.training.log import read_metrics
from alexnet.training.loop import NOTED_EVERY
from alexnet.verbs import train as verb
from alexnet.verbs.ranks import Layout


def logged(run: Path) -> list[dict]:
    return [line for line in read_metrics(run / "metrics.jsonl") if "gradients" in line]


def others(run: Path) -> list[dict]:
    lines = read_metrics(run / "metrics.jsonl")
    return [{**line, "seconds": 0} for line in lines if "gradients" not in line]


def tensors(run: Path) -> dict[str, torch.Tensor]:
    found = {}
    for path in (run / "checkpoints").glob("*.safetensors"):
        found |= {f"{path.name}/{name}": value for name, value in load_file(path).items()}
    return found


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe(
        name="small", network="lenet", options={"image": 12}, channels=1, mean="channel",
        divide_by="deviation", epochs=5, batch=64, optimizer="sgd-2012", learning_rate={"kind": "constant",
        "start": 0.01}, clip=0.05,
    )  # fmt: skip


@pytest.fixture(scope="module")
def watched(recipe: Recipe, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """110 steps, watched."""
    run = tmp_path_factory.mktemp("watched") / "lenet"
    alexnet.train(recipe, digits, run, gradients=True)
    return run


def test_weights_and_log_are_those_of_a_training_that_nobody_watched(recipe, digits, watched, tmp_path):
    alexnet.train(recipe, digits, tmp_path / "plain")
    mine, theirs = tensors(tmp_path / "plain"), tensors(watched)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert others(tmp_path / "plain") == others(watched)
    assert logged(tmp_path / "plain") == []


def test_the_first_line_has_the_gradients_of_the_first_batch_before_they_are_clipped(watched, digits):
    run = open_run(watched)
    packed = open_packed(digits)
    loader = TrainingLoader(packed.split("train"), run.recipe, run.preprocessing, packed.statistics)
    images, labels = next(iter(loader(0)))
    loss = NETWORKS["lenet"].loss
    expected = gradient_norms(run.build(), images, labels=labels, loss=loss)
    first = logged(watched)[0]
    assert (first["step"], first["epoch"]) == (0, 0.0)
    assert list(first["gradients"]) == [one.name for one in expected]
    assert list(first["gradients"].values()) == pytest.approx([one.weight_norm for one in expected], rel=1e-4)
    assert sum(norm**2 for norm in first["gradients"].values()) ** 0.5 > run.recipe.clip


def test_a_line_comes_every_fifty_steps(watched):
    found = logged(watched)
    assert [line["step"] for line in found] == [0, NOTED_EVERY, 2 * NOTED_EVERY]
    assert [line["epoch"] for line in found] == pytest.approx([0, 50 / 22, 100 / 22], abs=1e-5)


def test_stopped_and_resumed_has_the_same_lines(recipe, digits, watched, tmp_path, monkeypatch):
    wishes = iter([False] * 60 + [True])
    with monkeypatch.context() as patch:
        patch.setattr(verb, "stop_wished", lambda: nullcontext(lambda: next(wishes)))
        with pytest.raises(KeyboardInterrupt):
            alexnet.train(recipe, digits, tmp_path / "parts", gradients=True)
    alexnet.train(recipe, digits, tmp_path / "parts", gradients=True)
    assert logged(tmp_path / "parts") == logged(watched)
    assert others(tmp_path / "parts") == others(watched)


RANKS = """
import sys
from functools import partial
from ranks import over_ranks
import alexnet
from alexnet.settings import read
recipe = read(open(sys.argv[1]).read(), "recipe")
train = partial(alexnet.train, recipe, sys.argv[2], sys.argv[3], gradients=True)
assert over_ranks(2, train) == [0, 0]
"""


def test_two_ranks_log_what_one_process_logs(recipe, digits, tmp_path):
    half = recipe.model_copy(update={"epochs": 2.5, "accumulate": 2})
    (tmp_path / "recipe.json").write_text(half.model_dump_json())
    alexnet.train(half, digits, tmp_path / "one", gradients=True)
    command = [sys.executable, "-c", RANKS, tmp_path / "recipe.json", digits, tmp_path / "two"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    one, two = logged(tmp_path / "one"), logged(tmp_path / "two")
    assert [line["step"] for line in one] == [line["step"] for line in two] == [0, 50]
    for mine, theirs in zip(one, two, strict=True):
        assert mine["gradients"] == pytest.approx(theirs["gradients"], rel=1e-4)


@pytest.mark.parametrize("layout", [Layout(columns=2), Layout(shard=True)])
def test_layers_that_ranks_divide_are_refused_in_a_line(layout, recipe, digits, tmp_path):
    with pytest.raises(UsageProblem, match="--gradients measures whole layers, which --") as refused:
        alexnet.train(recipe, digits, tmp_path / "run", gradients=True, layout=layout)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_frozen_layers_and_infinite_norms_have_their_place(recipe, digits, tmp_path):
    frozen = recipe.model_copy(update={"frozen": ("conv1.*",), "epochs": 1})
    alexnet.train(frozen, digits, tmp_path / "run", gradients=True)
    (line,) = logged(tmp_path / "run")
    assert "conv1" not in line["gradients"]
    network = open_run(tmp_path / "run").build()
    layer = network.get_submodule("conv1")
    layer.weight.grad = torch.full_like(layer.weight, 1e30)
    assert weight_norms(network) == pytest.approx({"conv1": 1e30 * layer.weight.numel() ** 0.5})


def test_the_probe_draws_a_training_and_says_what_it_found(watched, tmp_path):
    found = alexnet.probe(watched, "gradients", out=tmp_path, count=8)
    (told,) = found.numbers["over_training"]
    assert told["title"] == "lenet"
    assert told["steps"] == [0, 50, 100]
    first = logged(watched)[0]["gradients"]
    for layer in told["layers"]:
        assert layer["weight_norms"][0] == first[layer["name"]]
        size = open_run(watched).build().get_submodule(layer["name"]).weight.numel()
        assert layer["weight_rms"][0] == pytest.approx(first[layer["name"]] / size**0.5)
    assert len(found.numbers["networks"]) == 1
    assert "lenet, 3 times over 100 steps: the weights of conv1 had" in found.words[1]
    assert json.loads(Path(found.files[2]).read_text())["numbers"] == found.numbers


def test_over_time_is_of_the_log_and_takes_several_runs(watched, recipe, digits, tmp_path):
    pack = open_run(watched).dataset["path"]
    alone = alexnet.probe(watched, "gradients", [watched], out=tmp_path, over_time=True)
    assert [one["title"] for one in alone.numbers["over_training"]] == [str(watched)] * 2
    assert alone.numbers["networks"] == []
    assert Path(pack).is_dir()
    alexnet.train(recipe.model_copy(update={"epochs": 1}), digits, tmp_path / "unwatched")
    with pytest.raises(UsageProblem, match="train --gradients"):
        alexnet.probe(watched, "gradients", [tmp_path / "unwatched"], out=tmp_path, over_time=True)
    with pytest.raises(UsageProblem, match="take one of them"):
        alexnet.probe(watched, "gradients", out=tmp_path, over_time=True, against="lenet")
    kept = alexnet.probe(tmp_path / "unwatched", "gradients", out=tmp_path, over_time=True)
    assert [one["title"] for one in kept.numbers["networks"]] == ["before training", "after 22 steps"]
    assert kept.numbers["over_training"] == []


def test_gradients_that_vanish_or_are_not_finite_are_told_in_words():
    lines = [
        {"step": step, "gradients": {"conv1": None if step == 0 else 1e-6, "middle": 0.0, "fc": 1.0}}
        for step in (0, 50, 100, 150)
    ]
    history = history_of("plain", lines, {"conv1": 100, "middle": 4, "fc": 4})
    words = in_words(history)
    assert "no finite multiple of the gradient of fc's at the start and 2e-07 times it in the last" in words
    assert "within a factor of 5e+06" in words
    assert history.document()["layers"][0]["weight_norms"] == [None, 1e-6, 1e-6, 1e-6]
    assert history_of("plain", [{"step": 1, "loss": 1.0}], {"conv1": 9}) is None
