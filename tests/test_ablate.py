import json
from pathlib import Path

import numpy as np
import pytest
import torch

import alexnet
from alexnet.evaluation.predictions import Predictions, average, search_weights
from alexnet.evaluation.statistics import paired_difference, pooled_deviation
from alexnet.problem import UsageProblem
from alexnet.recipes import find
from alexnet.recipes.ablations import ABLATIONS
from alexnet.settings import override
from alexnet.verbs.ablate import applicable, without

TINY = [
    "options.maps=[8,8,8,8,8]", "options.dense=[16,16]", "epochs=1", "batch=64", "colour_noise=null",
]  # fmt: skip


def noise_only(generator: np.random.Generator, images: int, seeds: int) -> np.ndarray:
    """Runs of one recipe: each image has its own difficulty, each run its own luck."""
    difficulty = generator.beta(1, 3, images)
    luck = generator.normal(0, 0.02, (seeds, 1))
    return generator.random((seeds, images)) < np.clip(difficulty + luck, 0, 1)


def test_the_interval_covers_no_difference_as_often_as_it_says() -> None:
    generator, covered, trials = np.random.default_rng(0), 0, 300
    for _ in range(trials):
        difficulty = generator.beta(1, 3, 500)
        recipes = [
            generator.random((2, 500)) < np.clip(difficulty + generator.normal(0, 0.02, (2, 1)), 0, 1)
            for _ in range(8)
        ]
        deviation, freedom = pooled_deviation(recipes)
        found = paired_difference(recipes[1], recipes[0], seed_deviation=deviation, freedom=freedom)
        covered += found.noise
    # 95 % of 300 is 285; it is meant to err on the wide side, as the seeds' spread holds some of the images'
    assert covered >= 280


def test_a_real_difference_is_seen() -> None:
    generator = np.random.default_rng(1)
    base = noise_only(generator, 2000, 2)
    worse = base | (generator.random(base.shape) < 0.1)
    deviation, freedom = pooled_deviation([base, worse, *(noise_only(generator, 2000, 2) for _ in range(4))])
    found = paired_difference(worse, base, seed_deviation=deviation, freedom=freedom)
    assert not found.noise
    assert found.points == pytest.approx(100 * (worse.mean() - base.mean()))
    assert found.interval[0] < found.points < found.interval[1]


def test_one_seed_is_refused() -> None:
    with pytest.raises(UsageProblem, match="two or more"):
        pooled_deviation([np.zeros((1, 10), dtype=bool)])


def test_searched_weights_are_never_worse_where_they_were_searched() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(12, (200,), generator=generator)
    right = torch.nn.functional.one_hot(labels, 12).float()
    models = [
        Predictions(torch.softmax(strength * right + torch.randn(200, 12, generator=generator), 1), labels)
        for strength in (2.0, 1.0, 0.0)
    ]
    weights = search_weights(models)
    errors, equal = average(models, weights).errors(), average(models).errors()
    assert (errors.top5, errors.top1) <= (equal.top5, equal.top1)
    assert all(0 <= weight <= 1 for weight in weights)
    assert weights[0] >= weights[2]


@pytest.mark.parametrize("name", ABLATIONS)
@pytest.mark.parametrize("recipe", ["alexnet", "alexnet-2012", "alexnet-64", "alexnet-32"])
def test_every_switch_builds_a_network_that_runs(name: str, recipe: str) -> None:
    from alexnet.networks import create, entry

    changed = without(find(recipe), name)
    with torch.device("meta"):
        network = create(changed.network, classes=7, channels=3, **changed.options)
        assert network(torch.empty(2, *entry(changed.network).input)).shape == (2, 7)
    assert changed != find(recipe)


def test_what_cannot_be_taken_out_is_answered_with_what_can() -> None:
    with pytest.raises(UsageProblem, match="there are norm, overlap"):
        without(find("alexnet-32"), "colours")
    assert "colour" not in applicable(override(find("alexnet-32"), ["colour_noise=null"]))


def test_a_study_is_kept_and_goes_on(tmp_path: Path) -> None:
    alexnet.prepare("digits", tmp_path / "packed", size=32, val_fraction=0.2)
    settings = {"drop": ["norm"], "assignments": TINY}
    rows = alexnet.ablate("alexnet-32", tmp_path / "packed", tmp_path / "study", **settings)
    assert [row.without for row in rows] == ["", "norm"]
    assert rows[0].top1_difference is None
    assert rows[1].top1_difference is not None
    points = rows[1].top1_error - rows[0].top1_error
    assert rows[1].top1_difference.points == pytest.approx(points)
    assert "+1.4 / +1.2" in rows[1].published
    kept = json.loads((tmp_path / "study" / "ablation.json").read_text())
    assert kept[1]["without"] == "norm"
    began = {path: path.stat().st_mtime_ns for path in (tmp_path / "study").rglob("*.weights.safetensors")}
    assert len(began) == 4
    again = alexnet.ablate("alexnet-32", tmp_path / "packed", tmp_path / "study", **settings)
    assert again == rows
    assert all(path.stat().st_mtime_ns == moment for path, moment in began.items())
