"""Every named recipe can be planned: its network is built, its rules fit, its pictures suit."""

import re
from pathlib import Path

import pytest
import torch
from pictures import classes, write

from alexnet import recipes
from alexnet.dataset.packed import open_packed
from alexnet.networks import entry
from alexnet.recipe import Recipe
from alexnet.recipes import MODULES, RECIPES
from alexnet.training.optimizer import optimizer_of
from alexnet.verbs import plan as planning
from alexnet.verbs.plan import Plan, plan
from alexnet.verbs.prepare import prepare

IMAGES = {"ILSVRC-2012": 1_281_167, "CIFAR-10": 50_000, "MNIST": 60_000}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Four pictures of two classes, packed at every size that some recipe crops."""
    root = tmp_path_factory.mktemp("packs")
    source = write(root / "source", classes(2, each=3))
    sizes = {side(recipe) for recipe in RECIPES.values()}
    for size in sizes:
        prepare(source, root / str(size), size=size, val_fraction=1 / 3)
    return {size: root / str(size) for size in sizes}


def side(recipe: Recipe) -> int:
    return recipe.crop or entry(recipe.network).input[1]


def planned(recipe: Recipe, data: Path | None, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A plan of a network that takes no memory; its steps are not timed, its rules are tried."""

    def untimed(network: torch.nn.Module, recipe: Recipe, *_: object) -> float:
        optimizer_of(recipe, network)
        return 1.0

    monkeypatch.setattr(planning, "step_seconds", untimed)
    with torch.device("meta"):
        return plan(recipe, data, device="meta")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RECIPE.name)
def test_a_recipe_is_planned_on_pictures_of_its_size(
    module: object, packs: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe: Recipe = module.RECIPE  # type: ignore[attr-defined]
    found = planned(recipe, packs[side(recipe)], monkeypatch)
    images = len(open_packed(packs[side(recipe)]).split("train"))
    assert (found.recipe, found.images, found.epochs) == (recipe.name, images, recipe.epochs)
    rates = [line["rate"] for line in found.schedule]
    assert len(rates) == recipe.epochs
    assert max(rates) > 0


COSTED = [module for module in MODULES if "multiply-adds" in str(module.__doc__)]


@pytest.mark.parametrize("module", COSTED, ids=lambda module: module.RECIPE.name)
def test_the_multiply_adds_of_a_passport_are_those_of_the_plan(
    module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe: Recipe = module.RECIPE  # type: ignore[attr-defined]
    passport = str(module.__doc__)
    (said,) = re.findall(r"([\d.]+e\d+) multiply-adds", passport)
    (images,) = [count for name, count in IMAGES.items() if name in passport.partition("Cost:")[0]]
    found = planned(recipe, None, monkeypatch)
    forward_and_twice_backward = found.multiply_adds / (found.batch * found.steps)
    assert float(said) == pytest.approx(forward_and_twice_backward * images * recipe.epochs, rel=0.05)


@pytest.mark.parametrize("name", ["nin-cifar", "resnet20-cifar"])
def test_a_plan_times_real_steps(name: str, packs: dict[int, Path]) -> None:
    found = plan(name, packs[32], assignments=["batch=2"], device="cpu")
    assert found.seconds_per_step > 0


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RECIPE.name)
def test_a_recipe_has_its_passport(module: object) -> None:
    passport, name = str(module.__doc__), module.RECIPE.name  # type: ignore[attr-defined]
    for entry_of_it in ("Expected:", "Source:", "Run: alexnet"):
        assert f"\n{entry_of_it}" in passport
    assert re.search(rf"alexnet train {re.escape(name)} |alexnet demo", passport)


def test_every_file_of_a_recipe_is_among_them() -> None:
    folder = Path(recipes.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "ablations", "auto", "batch_size"}
    assert {module.__name__.rpartition(".")[2] for module in MODULES} == files
    assert len(RECIPES) == len(MODULES)
