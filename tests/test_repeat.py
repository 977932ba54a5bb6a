"""`train --repeat`, and what `compare` tells of runs that differ in their seed alone."""

import json
import sys

import numpy as np
import pytest

from alexnet import cli
from alexnet.evaluation.seeds import between, spread
from alexnet.evaluation.statistics import paired_difference
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.schedule import OneCycle
from alexnet.verbs.compare import compare
from alexnet.verbs.repeat import further, repeat
from alexnet.verbs.train import train


@pytest.fixture(scope="module")
def short():
    """Half an epoch, in a second."""
    return Recipe(
        name="short", network="lenet", options={"image": 12}, channels=1, mean="channel",
        divide_by="deviation", epochs=0.5, batch=64, learning_rate=OneCycle(peak=0.05),
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory, digits, short):
    """Two recipes with two and three seeds."""
    folder = tmp_path_factory.mktemp("runs")
    repeat(short, digits, folder / "short", times=3)
    longer = short.model_copy(update={"name": "longer", "epochs": 1.5})
    repeat(longer, digits, folder / "longer", times=2, assignments=["seed=4"])
    return folder


def test_each_seed_has_a_folder_of_its_own_beside_the_others(runs):
    assert sorted(path.name for path in runs.iterdir() if (path / "recipe.json").is_file()) == [
        "longer-seed4", "longer-seed5", "short-seed0", "short-seed1", "short-seed2",
    ]  # fmt: skip
    assert open_run(runs / "longer-seed5").recipe.seed == 5


def test_the_same_call_leaves_what_is_finished_and_goes_on_with_the_rest(runs, digits, short):
    before = {path: path.stat().st_mtime_ns for path in runs.glob("short-seed*/checkpoints/*")}
    assert before
    found = repeat(short, digits, runs / "short", times=3)
    assert {path: path.stat().st_mtime_ns for path in runs.glob("short-seed*/checkpoints/*")} == before
    errors = [one.top1_error for one in found.runs]
    assert found.seeds == [0, 1, 2]
    assert found.top1_mean == pytest.approx(np.mean(errors))
    assert found.top1_deviation == pytest.approx(np.std(errors, ddof=1))
    assert found.top1_interval[1] - found.top1_mean == pytest.approx(4.302653 * found.top1_deviation / 3**0.5)


def test_one_seed_is_no_repetition(digits, short, tmp_path):
    with pytest.raises(UsageProblem, match="two seeds or more"):
        repeat(short, digits, tmp_path / "run", times=1)


def test_a_training_for_a_time_that_is_over_stays_so(digits, short, tmp_path):
    timed = short.model_copy(update={"seconds": 3.0})
    first = train(timed, digits, tmp_path / "run")
    again = train(timed, digits, tmp_path / "run")
    assert again.steps == first.steps


def test_runs_of_one_recipe_are_told_of_together(runs):
    found = compare(sorted(runs.glob("*-seed*")))
    longer, short = found.groups
    assert (longer.name, longer.seeds, longer.runs) == ("longer", (4, 5), ("longer-seed4", "longer-seed5"))
    assert (short.name, short.seeds) == ("short", (0, 1, 2))
    by_name = {row.name: row.top1_error for row in found.runs}
    assert short.top1.mean == pytest.approx(np.mean([by_name[name] for name in short.runs]))
    (two,) = found.between
    assert (two.first, two.second) == ("longer", "short")
    assert two.difference.points == pytest.approx(short.top1.mean - longer.top1.mean)
    told = found.document()["groups"][0]["top1"]
    assert told["reading"] == longer.top1.reading


def test_runs_of_other_recipes_are_no_group(runs):
    assert compare([runs / "short-seed0", runs / "longer-seed4"]).groups == []


def test_compare_trains_what_seeds_are_missing(digits, short, tmp_path):
    train(short, digits, tmp_path / "one")
    found = compare([tmp_path / "one"], repeat=2)
    (group,) = found.groups
    assert group.runs == ("one", "one-seed1")
    assert (tmp_path / "one-seed1" / "recipe.json").is_file()
    train(short.model_copy(update={"seed": 2}), digits, tmp_path / "one-seed2", assignments=["batch=32"])
    with pytest.raises(Problem, match="holds another training"):
        further(open_run(tmp_path / "one"), 3)


def test_the_command_line_says_what_chance_does(runs, digits, monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code
        return capsys.readouterr().out

    said = call("compare", *sorted(runs.glob("*-seed*")))
    assert "short beside longer" in said
    assert "seed to seed" in said
    recipe = runs / "short-seed0" / "recipe.json"
    words = ["train", recipe, "--data", digits, "--out", runs / "short", "--repeat", "2"]
    assert "validation error over 2 seeds" in call(*words)
    assert [one["run"] for one in json.loads(call(*words, "--json"))["runs"]] == [
        str(runs / "short-seed0"),
        str(runs / "short-seed1"),
    ]


def test_the_interval_over_seeds_holds_as_often_as_it_says():
    """Of a thousand studies of three seeds, 95 of 100 intervals have the true mean."""
    chance, held = np.random.default_rng(0), 0
    for _ in range(300):
        rates = np.clip(chance.normal(0.2, 0.02, 3), 0, 1)
        wrong = np.arange(2000) < np.round(2000 * rates)[:, None]
        low, high = spread(wrong).interval
        held += low <= 20.0 <= high
    assert held / 300 == pytest.approx(0.95, abs=0.03)


def test_which_chance_is_larger_is_said():
    few = np.arange(20) < np.array([[4], [4]])
    assert "more pictures" in spread(few).reading
    many = np.arange(10_000) < np.array([[1000], [1500]])
    assert "means over seeds" in spread(many).reading


def test_recipes_with_unequal_numbers_of_seeds_are_compared():
    chance = np.random.default_rng(1)
    good, bad = chance.random((2, 4000)) < 0.1, chance.random((5, 4000)) < 0.2
    (found,) = between({"good": good, "bad": bad})
    assert found.reading == "good is better"
    assert found.difference.points == pytest.approx(100 * (bad.mean() - good.mean()))
    same = paired_difference(bad, bad, seed_deviation=0.0, freedom=4)
    assert same.points == 0
    assert same.noise
    assert between({"one": good}) == []


def test_a_single_run_has_no_spread():
    with pytest.raises(UsageProblem, match="take two or more"):
        spread(np.zeros((1, 10), bool))
