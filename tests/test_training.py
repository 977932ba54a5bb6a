import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import alexnet
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.schedule import Plateau
from alexnet.training.log import read_metrics
from alexnet.training.loop import State
from alexnet.verbs import train as verb


def weights(run: Path) -> dict[str, torch.Tensor]:
    (path,) = (run / "checkpoints").glob("*.weights.safetensors")
    return load_file(path)


def momenta(run: Path) -> dict[str, torch.Tensor]:
    (path,) = (run / "checkpoints").glob("*.optimizer.safetensors")
    return load_file(path)


def lines(run: Path) -> list[dict[str, object]]:
    return [
        {key: value for key, value in line.items() if key != "seconds"}
        for line in read_metrics(run / "metrics.jsonl")
    ]


def assert_same_run(one: Path, other: Path) -> None:
    for tensors in (weights, momenta):
        mine, theirs = tensors(one), tensors(other)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert lines(one) == lines(other)


def test_a_small_run_learns(digits: Path, small: Recipe, tmp_path: Path) -> None:
    longer = small.model_copy(update={"epochs": 8})
    result = alexnet.train(longer, digits, tmp_path / "run")
    assert result.steps == 8 * 22
    assert result.top1_error is not None
    assert result.top1_error < 8
    evaluation = alexnet.evaluate(tmp_path / "run")
    assert evaluation.top1_error == result.top1_error
    assert evaluation.top1_interval[0] < evaluation.top1_error < evaluation.top1_interval[1]
    assert sum(one.images for one in evaluation.per_class) == evaluation.images == 359


@pytest.mark.parametrize(
    "fields",
    [
        {"optimizer": "sgd-2012"},
        {"optimizer": "sgd"},
        {"optimizer": "adamw"},
        {"optimizer": "rmsprop", "clip": 0.5, "pad": 0, "area": (0.3, 1.0)},
        {"clip": 0.5, "pad": 0, "crop": 12, "scales": (12, 20)},
        {"precision": "bfloat16"},
    ],
)
def test_stopped_and_resumed_equals_uninterrupted(
    digits: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]
) -> None:
    recipe = small.model_copy(update=fields)
    alexnet.train(recipe, digits, tmp_path / "whole")
    wishes = iter([False] * 7 + [True] + [False] * 20 + [True] + [False] * 100)
    with monkeypatch.context() as patch:
        patch.setattr(verb, "stop_wished", lambda: nullcontext(lambda: next(wishes)))
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                alexnet.train(recipe, digits, tmp_path / "parts")
    alexnet.train(recipe, digits, tmp_path / "parts", workers=2)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_killed_ten_times_ends_bit_identical(digits: Path, small: Recipe, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(small.model_copy(update={"epochs": 12}).model_dump_json())
    script = Path(__file__).with_name("dying_training.py")
    command = [sys.executable, script, recipe, digits, tmp_path, "10"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 5  # deaths within an epoch
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


def test_ctrl_c_saves_says_so_and_the_same_command_goes_on(
    digits: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(small.model_copy(update={"epochs": 200}).model_dump_json())
    words = ["train", str(recipe), "--data", str(digits), "--out", str(tmp_path / "run"), "--save-every", "0"]
    command = [sys.executable, "-m", "alexnet", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not newest(tmp_path / "run") and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    stopped = State(**open_run(tmp_path / "run").checkpoint().state)
    assert 0 < stopped.steps < 200 * 22


def newest(run: Path) -> str:
    return max((str(path) for path in (run / "checkpoints").glob("step-*.json")), default="")


def test_a_finished_run_is_not_trained_again(digits: Path, small: Recipe, tmp_path: Path) -> None:
    first = alexnet.train(small, digits, tmp_path / "run")
    assert alexnet.train(small, digits, tmp_path / "run") == first


def test_another_recipe_is_refused_and_the_difference_named(
    digits: Path, small: Recipe, tmp_path: Path
) -> None:
    alexnet.train(small, digits, tmp_path / "run", assignments=["epochs=1"])
    with pytest.raises(Problem, match=r"epochs is 1, not 3; batch is 64, not 32.*choose another --out"):
        alexnet.train(small, digits, tmp_path / "run", assignments=["epochs=3", "batch=32"])


def test_a_loss_that_is_not_finite_stops_with_advice(digits: Path, small: Recipe, tmp_path: Path) -> None:
    with pytest.raises(
        Problem, match=r"loss became (nan|inf) at step \d+ .*rate 1e\+06.*lower learning rate"
    ):
        alexnet.train(small, digits, tmp_path / "run", assignments=["learning_rate=1e6"])


def test_a_plateau_needs_a_validation_split(small: Recipe, tmp_path: Path) -> None:
    alexnet.prepare("digits", tmp_path / "packed", size=12, val_fraction=0.0)
    recipe = small.model_copy(update={"learning_rate": Plateau(start=0.01)})
    with pytest.raises(Problem, match="no val split; prepare it with --val-fraction"):
        alexnet.train(recipe, tmp_path / "packed", tmp_path / "run")
    result = alexnet.train(small, tmp_path / "packed", tmp_path / "run", assignments=["epochs=1"])
    assert result.top1_error is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": "lenett"}, "did you mean 'lenet'"),
        ({"options": {"colour": 3}}, "unexpected keyword argument 'colour'"),
        ({"crop": 64}, "crops 64 pixels but the packed images have 12"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_folder_is_made(
    digits: Path, small: Recipe, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with pytest.raises((Problem, UsageProblem), match=said):
        alexnet.train(small.model_copy(update=change), digits, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_new_last_layer_is_trained_over_frozen_ones(digits: Path, small: Recipe, tmp_path: Path) -> None:
    alexnet.train(small, digits, tmp_path / "first")
    tuned = small.model_copy(update={"name": "tuned", "frozen": ("conv*", "fc5*", "fc6*"), "epochs": 1})
    alexnet.train(tuned, digits, tmp_path / "second", init=tmp_path / "first")
    before, after = weights(tmp_path / "first"), weights(tmp_path / "second")
    for name in before:
        assert torch.equal(before[name], after[name]) == (not name.startswith("fc7"))


def test_weights_after_each_epoch_are_kept_where_it_is_wished(small, digits, tmp_path):
    alexnet.train(small, digits, tmp_path / "run", assignments=["epochs=3"], keep=True)
    run = open_run(tmp_path / "run")
    found = run.checkpoints()
    assert [checkpoint.state["epoch"] for checkpoint in found] == [1, 2, 3]
    first, last = found[0].weights(), found[-1].weights()
    assert any(not torch.equal(first[name], last[name]) for name in last)
    optimizers = sorted((run.path / "checkpoints").glob("*.optimizer.safetensors"))
    assert [path.name.partition(".")[0] for path in optimizers] == [found[-1].path.stem]
    alexnet.train(small, digits, tmp_path / "plain", assignments=["epochs=3"])
    plain = open_run(tmp_path / "plain")
    assert len(plain.checkpoints()) == 1
    for name, tensor in plain.weights().items():
        assert torch.equal(tensor, last[name])
