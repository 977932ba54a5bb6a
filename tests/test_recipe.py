import json

import pytest

from alexnet.ingredients import Affine, ColourNoise
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.recipes import RECIPES, find
from alexnet.schedule import Constant, Cosine
from alexnet.settings import override, read


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(name="one", network="lenet", epochs=2, learning_rate=Constant(start=0.1))


@pytest.mark.parametrize("name", RECIPES)
def test_every_named_recipe_survives_json(name: str) -> None:
    assert read(RECIPES[name].model_dump_json(), "here") == RECIPES[name]


@pytest.mark.parametrize(
    ("assignment", "field", "value"),
    [
        ("epochs=3", "epochs", 3),
        ("crop=null", "crop", None),
        ("flip=true", "flip", True),
        ("mean=none", "mean", "none"),
        ("learning_rate=0.5", "learning_rate", Constant(start=0.5)),
        ('learning_rate={"kind": "cosine", "start": 1}', "learning_rate", Cosine(start=1)),
        ("options.dropout=0.2", "options", {"dropout": 0.2}),
        ('colour_noise={"form": "code"}', "colour_noise", ColourNoise(form="code")),
        ("colour_noise.until=3", "colour_noise", ColourNoise(until=3)),
    ],
)
def test_a_field_is_set(recipe: Recipe, assignment: str, field: str, value: object) -> None:
    assert getattr(override(recipe, [assignment]), field) == value


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("epoch=3", "did you mean 'epochs'"),
        ("epochs=abc", "field epochs.*: Input should be a valid.*'abc'"),
        ("epochs=-1", "greater than or equal to 0"),
        ("mean=median", "'image', 'channel' or 'none'"),
        ("area=[0.5,0.1]", r"area must be \[lowest, highest\]$"),
        ("area=[0,1]", r"field area\.0: Input should be greater than 0; got 0"),
        ("area=[0.1,1.5]", r"field area\.1: Input should be less than or equal to 1"),
        ("ratio=[1,1]", "set area too"),
        ("scales=[256,512]", "scales needs crop"),
        ("rms_epsilon=0.1", "set optimizer=rmsprop"),
        ("clip=0", "greater than 0"),
        ("learning_rate.drops=3", "there are kind, start, warm_up"),
        ('learning_rate={"kind":"zig"}', "'constant', 'steps'"),
        ("epochs.until=3", "epochs is 2; set it whole"),
        ("colour_noise.til=3", "did you mean 'until'"),
        ("teacher.share=0.3", "teacher.run: Field required"),
        ("epochs", "write it as field=value"),
        ("batch=-1", "greater than or equal"),
    ],
)
def test_a_wrong_setting_names_the_field_and_what_it_may_be(
    recipe: Recipe, assignment: str, said: str
) -> None:
    with pytest.raises(UsageProblem, match=said) as caught:
        override(recipe, [assignment])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["area=[0.1,1]", "crop=8", "scales=[8,9]"], "set one of them to null"),
        (["area=[0.1,1]", "pad=4"], "set pad=0"),
        (["area=[0.1,1]", "random_crop=false"], "set random_crop=true"),
        (["area=[0.1,1]", "ratio=[2,1]"], "ratio must be"),
        (["crop=224", "scales=[223,256]"], "none smaller than it"),
        (["crop=224", "scales=[256,255]"], "scales must be"),
    ],
)
def test_fields_that_contradict_each_other_are_refused_in_one_line(
    recipe: Recipe, assignments: list[str], said: str
) -> None:
    with pytest.raises(UsageProblem, match=said) as caught:
        override(recipe, assignments)
    assert "\n" not in str(caught.value)
    assert "got" not in str(caught.value)


def test_settings_of_one_value_come_together(recipe: Recipe) -> None:
    once = override(recipe, ['affine={"turn": 12}', "affine.shear=0.2"])
    assert once.affine == override(recipe, ["affine.shear=0.2", "affine.turn=12"]).affine
    assert once.affine == Affine(turn=12, shear=0.2)


def test_crops_of_random_size_are_set_and_taken_away(recipe: Recipe) -> None:
    one = override(recipe, ["area=[0.08,1]", "ratio=[0.5,2]"])
    assert (one.area, one.ratio, one.resizes) == ((0.08, 1.0), (0.5, 2.0), True)
    other = override(recipe, ["crop=224", "scales=[256,480]"])
    assert (other.scales, other.resizes) == ((256, 480), True)
    assert override(other, ["scales=null", "crop=null"]) == recipe
    assert not recipe.resizes


def test_a_recipe_of_before_a_field_was_there_is_the_same_recipe() -> None:
    document = RECIPES["alexnet-2012"].model_dump(mode="json")
    for later in ("area", "ratio", "scales", "rms_decay", "rms_epsilon", "clip"):
        del document[later]
    assert read(json.dumps(document), "here") == RECIPES["alexnet-2012"]


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageProblem, match="did you mean 'lenet-mnist'"):
        find("lenet-mnits")


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_recipe_file_is_named(text: str) -> None:
    with pytest.raises(Problem, match=r"there/recipe\.json is not"):
        read(text, "there/recipe.json")


def test_colour_noise_needs_colour() -> None:
    with pytest.raises(ValueError, match="channels=3"):
        Recipe(
            name="grey",
            network="lenet",
            channels=1,
            epochs=1,
            learning_rate=Constant(start=0.1),
            colour_noise=ColourNoise(),
        )
