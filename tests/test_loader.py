from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet.batches.loader import Batch, TrainingLoader, evaluation_batches, evaluation_passes
from alexnet.batches.order import training_order
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.resized_crops import gather_resized, resized_windows
from alexnet.batches.views import (
    View,
    colour_noise,
    evaluation_views,
    gather,
    padded,
    training_windows,
)
from alexnet.dataset.packed import open_packed
from alexnet.ingredients import ColourNoise
from alexnet.recipe import Recipe
from alexnet.verbs.prepare import prepare


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


def plain_batch(load: TrainingLoader, epoch: int, step: int) -> torch.Tensor:
    """A whole batch by the plain forms: cut in one go, then `Preprocessing.__call__`."""
    recipe, split, size, crop = load.recipe, load.split, load.views.size, load.views.crop
    order = training_order(len(split), seed=recipe.seed, epoch=epoch)
    positions = np.arange(step * load.batch, (step + 1) * load.batch)
    images = order[positions]
    drawn = {"epoch": epoch, "images": images, "positions": positions}
    if recipe.resizes:
        views = gather_resized(split.images, images, resized_windows(recipe, size, **drawn), crop)
    else:
        pixels = padded(split.images[images], recipe.pad, load.views.margin)
        views = gather(pixels, np.arange(len(images)), training_windows(recipe, size, **drawn), crop)
    preprocessing = preprocessing_of(recipe, load.views.statistics, size, "crop")
    noise = recipe.colour_noise
    if noise is None:
        return preprocessing(torch.from_numpy(views))
    colours = colour_noise(noise, load.views.statistics, seed=recipe.seed, epoch=epoch, images=images)
    return preprocessing(torch.from_numpy(views), torch.from_numpy(colours).float(), noise.shrink)


@pytest.mark.parametrize("which", range(4))
def test_0_1_and_3_workers_give_the_batches_of_the_plain_form(
    digits: Path, small: Recipe, which: int
) -> None:
    recipe = recipes(small)[which]
    expected = list(loader(digits, recipe, 0)(3))
    assert len(expected) == 1438 // 64
    for step, batch in enumerate(expected):
        assert torch.equal(batch.images, plain_batch(loader(digits, recipe, 0), 3, step))
    for workers in (1, 3):
        assert same(list(loader(digits, recipe, workers)(3)), expected)


def test_a_batch_that_is_kept_stays_what_it_was(digits: Path, small: Recipe) -> None:
    load = loader(digits, recipes(small)[1], 2)
    kept, copies = [], []
    for epoch in range(2):
        for images, labels in load(epoch):
            kept.append(Batch(images, labels))
            copies.append(Batch(images.clone(), labels.clone()))
    assert same(kept, copies)


def test_colour_noise_ends_where_the_recipe_says(digits: Path, small: Recipe) -> None:
    noise = ColourNoise(form="code", until=1.5)
    recipe = recipes(small)[1].model_copy(update={"colour_noise": noise})
    quiet = recipe.model_copy(update={"colour_noise": None})
    pairs = list(zip(loader(digits, recipe, 1)(1), loader(digits, quiet, 1)(1), strict=True))
    assert [torch.equal(one.images, other.images) for one, other in pairs] == [False] * 11 + [True] * 11


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


def test_views_are_cut_and_converted_as_by_the_plain_form(digits: Path, small: Recipe) -> None:
    packed = open_packed(digits)
    split = packed.split("val")
    recipe = small.model_copy(update={"channels": 3, "pad": 0, "crop": 9, "mean": "image"})
    preprocessing = preprocessing_of(recipe, packed.statistics, 12, packed.fit)
    views = evaluation_views("ten", 12, 9)
    passes = evaluation_passes(split, preprocessing, views, batch=100, workers=2)
    for (row, column, flip), batches in zip(views, passes, strict=True):
        window = split.images[:, row : row + 9, column : column + 9]
        window = window[:, :, ::-1] if flip else window
        assert torch.equal(torch.cat(list(batches)), preprocessing(torch.from_numpy(np.array(window))))


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same JPEG files packed as pixels and as they are."""
    folder = tmp_path_factory.mktemp("both")
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        name = folder / "files" / "ab"[number % 2] / f"{number}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(name, quality=90)
    for encoding in ("raw", "jpeg"):
        prepare(folder / "files", folder / encoding, size=16, val_fraction=0.25, encoding=encoding)
    return folder / "raw", folder / "jpeg"


@pytest.mark.parametrize("fields", [{"crop": 12}, {"pad": 2}, {"crop": 12, "area": (0.2, 1.0)}])
def test_pictures_kept_as_jpeg_give_the_batches_of_their_pixels(
    packs: tuple[Path, Path], small: Recipe, fields: dict[str, object]
) -> None:
    recipe = small.model_copy(update={"channels": 3, "flip": True, "batch": 8, "pad": 0, **fields})
    raw, jpeg = (loader(pack, recipe, workers) for pack, workers in zip(packs, (0, 2), strict=True))
    assert same(list(raw(0)), list(jpeg(0)))


def test_views_of_pictures_kept_as_jpeg_are_those_of_their_pixels(
    packs: tuple[Path, Path], small: Recipe
) -> None:
    seen = []
    for path in packs:
        packed = open_packed(path)
        preprocessing = preprocessing_of(
            small.model_copy(update={"channels": 3, "crop": 12}), packed.statistics, 16, packed.fit
        )
        batches = evaluation_batches(packed.split("val"), preprocessing, View(1, 3, True), batch=4)
        seen.append(torch.cat(list(batches)))
    assert torch.equal(*seen)
    assert len(seen[0]) == 10
