from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from alexnet.batches.loader import Batch, TrainingLoader, ahead, evaluation_batches
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.views import View, evaluation_views
from alexnet.dataset.packed import open_packed
from alexnet.recipe import ColourNoise, Recipe


def loader(digits: Path, recipe: Recipe, workers: int) -> TrainingLoader:
    packed = open_packed(digits)
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    return TrainingLoader(packed.split("train"), recipe, preprocessing, packed.statistics, workers=workers)


def recipes(small: Recipe) -> list[Recipe]:
    coloured = {"channels": 3, "colour_noise": ColourNoise(form="code"), "flip": True, "crop": 10}
    cut = {**coloured, "pad": 0}
    return [
        small,
        small.model_copy(update={**cut, "images_per_draw": 32}),
        small.model_copy(update={**cut, "area": (0.2, 1.0)}),
        small.model_copy(update={**cut, "scales": (10, 17)}),
    ]


def same(one: list[Batch], other: list[Batch]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) for a, b in pairs)


@pytest.mark.parametrize("which", range(4))
def test_0_1_and_3_workers_give_identical_batches(digits: Path, small: Recipe, which: int) -> None:
    recipe = recipes(small)[which]
    expected = list(loader(digits, recipe, 0)(3))
    assert len(expected) == 1438 // 64
    for workers in (1, 3):
        assert same(list(loader(digits, recipe, workers)(3)), expected)


@pytest.mark.parametrize("which", range(4))
def test_an_epoch_goes_on_in_its_middle(digits: Path, small: Recipe, which: int) -> None:
    load = loader(digits, recipes(small)[which], 1)
    assert same(list(load(1, start=15)), list(load(1))[15:])
    assert not same(list(islice(load(1), 2)), list(islice(load(2), 2)))


def test_without_augmentation_the_batches_are_the_pictures(digits: Path, small: Recipe) -> None:
    plain = small.model_copy(update={"pad": 0, "random_crop": False, "mean": "none", "divide_by": 1.0})
    split = open_packed(digits).split("train")
    seen = torch.cat([batch.images[:, 0] for batch in loader(digits, plain, 1)(0)]).round()
    known = {image[..., 0].tobytes() for image in split.images}
    assert {image.to(torch.uint8).numpy().tobytes() for image in seen} <= known
    assert len(seen) == 1438 // 64 * 64


def test_a_reader_that_leaves_early_does_not_wait_for_the_rest() -> None:
    done: list[int] = []
    for item in ahead(lambda value: done.append(value) or value, range(10_000), 2):
        if item == 3:
            break
    assert len(done) < 20


def test_what_goes_wrong_in_a_worker_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda value: 1 // value, [1, 0], 1))


def test_evaluation_sees_every_image_once_in_order(digits: Path, small: Recipe) -> None:
    packed = open_packed(digits)
    preprocessing = preprocessing_of(
        small.model_copy(update={"mean": "none", "divide_by": 1.0}), packed.statistics, 12, packed.fit
    )
    split = packed.split("val")
    (view,) = evaluation_views("center", 12, 12)
    assert view == View(0, 0)
    images = torch.cat(list(evaluation_batches(split, preprocessing, view, batch=100)))
    expected = torch.from_numpy(np.array(split.images[..., 0])).float()
    assert torch.allclose(images[:, 0], expected, atol=1e-3)
