"""`--batch auto`: rules that are told, a probe that stays within memory and time, a rate in proportion."""

import json
import sys
from dataclasses import asdict

import pytest
import torch

from alexnet import cli, memory
from alexnet.dataset.packed import open_packed
from alexnet.networks import create
from alexnet.parallel import World
from alexnet.problem import UsageProblem
from alexnet.progress import silent
from alexnet.recipe import Recipe
from alexnet.recipes import RECIPES, airbench_s
from alexnet.recipes.batch_size import Tried, most, picked, rate_times, with_batch, worth_trying
from alexnet.run import open_run
from alexnet.schedule import Constant, Cosine, Exponential, OneCycle, Pieces, Plateau, Steps
from alexnet.training.footprint import footprint, momenta
from alexnet.training.optimizer import optimizer_of
from alexnet.verbs import batch_size
from alexnet.verbs.plan import plan
from alexnet.verbs.train import train

GIBIBYTE = 2**30
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "images", "batch", "says"),
    [
        ("airbench-s", 50_000, 1024, "Jordan"),
        ("airbench-s", 1_000, 48, "20 steps"),
        ("airbench-s", 3, 8, "20 steps"),
        ("alexnet-2012", 1_281_167, 512, "Krizhevsky 2014"),
        ("resnet50", 1_281_167, 256, "the recipe's own"),  # its rate does not warm up
        ("vgg16", 1_281_167, 256, "the recipe's own"),
    ],
)
def test_a_batch_is_no_larger_than_steps_and_source_allow(name, images, batch, says):
    highest, why = most(RECIPES[name], images)
    assert highest == batch
    assert says in why
    up, down = worth_trying(RECIPES[name], images)
    assert max(up) <= max(batch, 8)
    assert min(up + down) >= 8


def tried(*found):
    return [Tried(batch, batch / rate if rate else None, GIBIBYTE) for batch, rate in found]


@pytest.mark.parametrize(
    ("found", "batch", "says"),
    [
        (tried((100, 500), (200, 549)), 100, "no other"),
        (tried((100, 500), (200, 560)), 200, "1.12 times as fast"),
        (tried((100, 500), (200, 600), (400, 640)), 200, "1.20 times"),  # within a tenth of the fastest
        (tried((100, 500), (48, 600)), 48, "1.20 times"),
        (tried((100, 0), (48, 300), (24, 310)), 48, "100 does not fit"),
        (tried((100, 0), (48, 0), (24, 0)), 24, "none fits"),
    ],
)
def test_the_rules_of_memory_and_speed(found, batch, says):
    assert picked(100, found)[0] == batch
    assert says in picked(100, found)[1]


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(start=0.1, warm_up=2),
        Steps(start=0.1, drops=(3, 6)),
        Pieces(starts=(0, 4), values=(0.1, 0.01)),
        Exponential(start=0.1),
        Cosine(start=0.1, end=0.01, warm_up=1),
        OneCycle(peak=0.4, begin=0.1, end=0.01),
        Plateau(start=0.1),
    ],
)
def test_every_schedule_is_taken_in_proportion(schedule):
    twice = rate_times(schedule, 2.0)
    for epoch in (0, 0.5, 3, 5, 9.5):
        assert twice(epoch, 10, []) == pytest.approx(2 * schedule(epoch, 10, []))


def test_an_optimizer_of_steps_of_its_own_length_goes_by_the_root():
    adamw = Recipe(
        name="a", network="lenet", epochs=1, batch=100, optimizer="adamw", learning_rate=Constant(start=0.01)
    )
    assert with_batch(adamw, 400).learning_rate.start == pytest.approx(0.02)
    assert with_batch(adamw, 400, rate=False).learning_rate.start == 0.01


@pytest.mark.parametrize("optimizer", ["sgd-2012", "sgd", "adamw", "rmsprop", "lars", "muon"])
def test_what_an_optimizer_keeps_is_counted_right(optimizer):
    recipe = Recipe(
        name="r", network="lenet", epochs=1, optimizer=optimizer, learning_rate=Constant(start=0.01)
    )
    network = create("lenet", classes=10, channels=1)
    made = optimizer_of(recipe, network)
    network(torch.randn(2, 1, 28, 28)).sum().backward()
    made.step()
    kept = [value for state in made.state.values() for value in state.values() if value.dim()]
    assert momenta(recipe, network) == sum(value.numel() for value in kept)


def test_averages_and_frozen_weights_count():
    recipe = airbench_s.RECIPE
    found = footprint(recipe, 10, (3, 32, 32), 500)
    assert found.average == found.weights > found.gradients  # norms' scales and the whitening are frozen
    assert footprint(recipe.model_copy(update={"average": None}), 10, (3, 32, 32), 500).average == 0
    assert footprint(recipe, 10, (3, 32, 32), 1000).batch == 2 * found.batch


def probe_with(monkeypatch, seconds, *, free=64 * GIBIBYTE):
    """Steps that are pretended to take `seconds(batch)`; the batches that were tried are returned."""
    asked = []

    def step(_network, _recipe, batch, *_others):
        asked.append(batch)
        return seconds(batch)

    monkeypatch.setattr(batch_size, "step_seconds", step)
    monkeypatch.setattr(batch_size, "free_bytes", lambda device: free)
    return asked


def test_the_probe_goes_up_while_it_pays_and_then_down(monkeypatch, digits, small):
    asked = probe_with(monkeypatch, lambda batch: 0.001 * max(batch, 16))
    small = small.model_copy(update={"batch": 32})
    monkeypatch.setattr(batch_size, "most", lambda *_: (64, "allowed"))
    monkeypatch.setattr(batch_size, "worth_trying", lambda *_: ([32, 64], [16, 8]))
    found, reasons = batch_size.probed(small, open_packed(digits), CPU, progress=silent)
    assert asked == [32, 64, 16]  # 64 and 16 are no faster a picture
    assert (found.batch, found.learning_rate) == (32, small.learning_rate)
    assert "tried batches of 16: 1,000 images/s" in reasons[0]
    assert "at most 64 allowed" in reasons[0]


def test_a_faster_batch_takes_its_rate_along(monkeypatch, digits, small):
    probe_with(monkeypatch, lambda batch: 0.001 * batch / {64: 1, 32: 1.5}.get(batch, 2))
    found, reasons = batch_size.probed(small, open_packed(digits), CPU, progress=silent)
    assert (found.batch, found.learning_rate.peak) == (8, pytest.approx(0.05 / 8))  # as fast as 16
    assert "rate in proportion: a batch of 8 in place of 64" in reasons[-1]
    given, reasons = batch_size.probed(small, open_packed(digits), CPU, rate=False, progress=silent)
    assert given.learning_rate.peak == 0.05
    assert "rate as given" in reasons[-1]


def test_what_does_not_fit_the_memory_is_not_tried(monkeypatch, digits, small):
    free = round(footprint(small, 10, (1, 12, 12), 40).total / 0.8)
    asked = probe_with(monkeypatch, lambda batch: 0.001 * batch, free=free)
    found, reasons = batch_size.probed(small, open_packed(digits), CPU, progress=silent)
    assert asked == [32, 16]
    assert found.batch == 32
    assert "64: does not fit" in reasons[0]
    assert "64 does not fit the free memory" in reasons[1]


def test_a_device_that_runs_out_of_memory_is_believed(monkeypatch, digits, small):
    def step(batch):
        if batch > 20:
            raise torch.OutOfMemoryError
        return 0.001 * batch

    asked = probe_with(monkeypatch, step)
    found, reasons = batch_size.probed(small, open_packed(digits), CPU, progress=silent)
    assert asked == [64, 32, 16, 8]
    assert found.batch == 16
    assert "32: does not fit" in reasons[0]


def test_a_short_wish_leaves_no_time_to_try_others(monkeypatch, digits, small):
    asked = probe_with(monkeypatch, lambda batch: 0.05 * batch)
    short = small.model_copy(update={"seconds": 20.0})
    found, _ = batch_size.probed(short, open_packed(digits), CPU, progress=silent)
    assert asked == [64]
    assert found.batch == 64


def test_several_ranks_do_not_probe(monkeypatch, digits, small):
    monkeypatch.setattr(batch_size, "world", lambda: World(ranks=2))
    with pytest.raises(UsageProblem, match="--dry-run"):
        batch_size.probed(small, open_packed(digits), CPU, progress=silent)


def test_a_batch_by_probe_is_planned_trained_and_kept(digits, small, tmp_path):
    planned = plan(small, digits, assignments=["batch=auto"])
    assert planned.batch in (8, 16, 32, 64)
    assert any("GiB are free" in rule for rule in planned.chosen)
    assert planned.memory == sum(asdict(planned.memory_parts).values())
    told = []
    ask = {"assignments": ["batch=auto", "epochs=0.2"]}
    first = train(small, digits, tmp_path / "run", tell=told.append, **ask)
    mine = open_run(tmp_path / "run").recipe
    assert mine.learning_rate.peak == pytest.approx(0.05 * mine.batch / 64)
    assert told[0] == list(first.chosen)
    again = train(small, digits, tmp_path / "run", **ask)
    assert again.steps == first.steps
    assert again.chosen == (f"batches of {mine.batch:,} as when {tmp_path / 'run'} was begun",)


def test_a_batch_by_probe_needs_pictures(small):
    with pytest.raises(UsageProblem, match="name the pack"):
        plan(small, None, assignments=["batch=auto"])


def test_the_command_line_shows_it_before_anything_is_spent(digits, small, tmp_path, monkeypatch, capsys):
    (tmp_path / "recipe.json").write_text(small.model_dump_json())
    words = ["train", tmp_path / "recipe.json", "--data", digits, "--batch", "auto", "--dry-run", "--json"]
    monkeypatch.setattr("sys.argv", ["alexnet", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    document = json.loads(capsys.readouterr().out)
    assert not end.value.code
    assert document["batch"] in (8, 16, 32, 64)
    assert document["chosen"][0].startswith("tried batches of ")
    assert document["memory"] == sum(document["memory_parts"].values())


def test_a_step_takes_about_the_memory_that_is_counted(digits):
    """Of a network large enough that what the process takes besides is small beside it."""
    recipe = RECIPES["resnet20-cifar"]
    probe = batch_size.Probe(recipe, open_packed(digits), CPU, silent)
    probe.shape = (3, 32, 32)
    found = probe.tried(64)
    counted = footprint(recipe, 10, probe.shape, 64).total
    assert counted / 2 < found.memory < 2 * counted


def test_a_containers_own_limit_holds(tmp_path):
    assert memory._left_in_group(tmp_path) == sys.maxsize
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_in_group(tmp_path) == sys.maxsize
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 250\n")
    assert memory._left_in_group(tmp_path) == 550
    assert 0 < memory.free_memory() < 2**50
