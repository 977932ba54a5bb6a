"""`train auto`: written rules, each told; chosen once."""

import pytest
import torch
from pictures import classes, write

from alexnet.dataset.packed import open_packed
from alexnet.problem import UsageProblem
from alexnet.progress import silent
from alexnet.recipes.auto import Facts, chosen
from alexnet.verbs.choosing import facts_of, recipe_of
from alexnet.verbs.plan import plan
from alexnet.verbs.prepare import prepare
from alexnet.verbs.train import train

CIFAR = {
    "images": 50_000, "size": 32, "grey": False, "classes": 10, "smallest": 5000, "largest": 5000,
    "seconds": None,
}  # fmt: skip


def choice(seconds_per_step=1.0, **facts):
    return chosen(Facts(**(CIFAR | facts)), lambda recipe: seconds_per_step)


@pytest.mark.parametrize(
    ("facts", "network", "says"),
    [
        ({}, "airbench-s", "40 at most"),
        ({"seconds": 300}, "airbench-s", "40 at most"),
        ({"seconds": 900}, "airbench94", "time for 9 epochs"),
        ({"seconds": 3000}, "airbench96", "time for 30 epochs"),
        ({"size": 64}, "airbench-64", "40 to 96"),
        ({"size": 256}, "resnet18", "random area"),
        ({"size": 28, "grey": True, "seconds": 3000}, "airbench-s", "one channel"),
        ({"size": 28, "grey": True, "seconds": 3000}, "airbench-s", "evaluate with --views center"),
        ({"size": 28, "grey": True}, "airbench-s", "as handwriting is"),
        ({"smallest": 100}, "airbench-s", "root of their number"),
        ({"images": 2000}, "airbench-s", "batches of 96"),
    ],
)
def test_each_rule_holds_where_it_says(facts, network, says):
    recipe, reasons = choice(**facts)
    assert recipe.network == network
    assert any(says in reason for reason in reasons)


def test_what_the_rules_set_is_what_they_say():
    small, _ = choice(images=2000)
    assert (small.batch, small.epochs) == (96, 200)
    assert small.learning_rate.peak == pytest.approx(0.64 * 96 / 500)
    grey, _ = choice(grey=True, size=28)
    assert (grey.channels, grey.flip, grey.crop, grey.pad) == (1, False, 28, 0)
    assert (grey.affine.turn, choice(grey=True, size=64)[0].affine) == (12, None)
    unequal, _ = choice(classes=100, smallest=20, largest=2000)
    assert unequal.sampling == "root"
    large, _ = choice(size=256)
    assert large.crop == 224
    plain, _ = choice()
    assert (plain.augment, plain.sampling, plain.epochs, plain.batch) == ("none", "shuffled", 8, 500)


def test_a_pack_is_looked_at_and_the_choice_is_kept(tmp_path):
    source = write(tmp_path / "source", classes(2, each=12))
    prepare(source, tmp_path / "packed", size=32, val_fraction=1 / 3)
    facts = facts_of(open_packed(tmp_path / "packed"), 9.0)
    assert (facts.images, facts.classes, facts.smallest, facts.seconds) == (16, 2, 8, 9.0)
    told = []
    first = train("auto", tmp_path / "packed", tmp_path / "run", assignments=["epochs=1"], tell=told.append)
    assert first.chosen == tuple(told[0])
    assert first.steps == 2
    again = train("auto", tmp_path / "packed", tmp_path / "run", assignments=["epochs=1"])
    assert "as chosen when" in again.chosen[0]
    assert again.steps == 2
    planned = plan("auto", tmp_path / "packed")
    assert (planned.network, planned.batch, planned.epochs) == ("airbench-s", 8, 200)
    assert any("batches of 8" in rule for rule in planned.chosen)


def test_a_plan_of_digits_says_that_they_have_a_side(digits):
    planned = plan("auto", digits, assignments=["batch=64"])
    assert any("no mirroring" in rule and "--views center" in rule for rule in planned.chosen)
    assert not any("tried batches" in rule for rule in planned.chosen)  # one was given
    assert planned.batch == 64


def test_without_a_pack_there_is_nothing_to_look_at():
    with pytest.raises(UsageProblem, match="name the pack"):
        recipe_of("auto", None, device=torch.device("cpu"), progress=silent)
