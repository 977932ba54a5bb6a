import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchvision.transforms.v2 import functional as peer

from alexnet.batches.resized_crops import (
    ResizedWindows,
    gather_resized,
    resized_windows,
    sides_of_area,
    sides_of_scale,
)
from alexnet.recipe import Recipe
from alexnet.schedule import Constant

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 48, 48, 3), dtype=np.uint8)
IMAGES.setflags(write=False)  # as a memory map is


def recipe(**fields: object) -> Recipe:
    values = {"name": "r", "network": "n", "epochs": 1, "learning_rate": Constant(start=0.1), **fields}
    return Recipe.model_validate(values)


def windows_of(count: int, size: int, *, epoch: int = 0, **fields: object) -> ResizedWindows:
    indices = np.arange(count)
    return resized_windows(recipe(**fields), size, epoch=epoch, images=indices, positions=indices)


def one_window(row: int, column: int, height: int, width: int, flip: bool = False) -> ResizedWindows:
    return ResizedWindows(*(np.array([part]) for part in (row, column, height, width, flip)))


@pytest.mark.parametrize(
    "window", [(0, 0, 48, 48), (3, 5, 20, 30), (7, 1, 41, 31), (9, 9, 24, 24), (2, 3, 5, 7)]
)
@pytest.mark.parametrize("flip", [False, True])
def test_a_window_is_brought_to_the_crop_as_torchvision_brings_it(
    window: tuple[int, int, int, int], flip: bool
) -> None:
    (view,) = gather_resized(IMAGES, np.array([4]), one_window(*window, flip), 24)
    planes = torch.tensor(IMAGES[4]).permute(2, 0, 1)
    for pixels in (planes, planes.double()):  # the second has no rounding at all
        expected = peer.resized_crop(pixels, *window, [24, 24], antialias=True)
        expected = expected.flip(2) if flip else expected
        found = torch.from_numpy(view).permute(2, 0, 1)
        assert (found.double() - expected.double()).abs().max() <= 1.001


def test_a_window_of_the_crops_size_is_not_touched() -> None:
    (view,) = gather_resized(IMAGES, np.array([2]), one_window(5, 6, 24, 24), 24)
    assert np.array_equal(view, IMAGES[2, 5:29, 6:30])


def test_a_crop_of_a_scaled_image_is_a_scaled_window() -> None:
    smooth = peer.gaussian_blur(torch.tensor(IMAGES[:1]).permute(0, 3, 1, 2), [9, 9], [2.0, 2.0])
    scaled = peer.resize(smooth, [24, 24], antialias=True)[0, :, 4:20, 2:18]  # 16 of 24 pixels
    window = one_window(8, 4, 32, 32)  # 32 of 48
    (view,) = gather_resized(smooth.permute(0, 2, 3, 1).contiguous().numpy(), np.array([0]), window, 16)
    difference = np.abs(view.astype(int) - scaled.permute(1, 2, 0).numpy().astype(int))
    assert difference[1:-1, 1:-1].max() <= 1  # an edge has neighbours only in the scaled image
    assert difference.max() <= 8


@given(
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted),
    st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)).map(sorted),
    st.integers(8, 300),
)
def test_windows_of_any_area_lie_inside(area: list[float], ratio: list[float], size: int) -> None:
    windows = windows_of(64, size, area=area, ratio=ratio)
    for starts, sides in ((windows.rows, windows.heights), (windows.columns, windows.widths)):
        assert (sides >= 1).all()
        assert (starts >= 0).all()
        assert (starts + sides <= size).all()
    assert not windows.flips.any()


@given(st.integers(16, 80), st.integers(0, 60), st.integers(16, 80))
def test_windows_of_any_scale_lie_inside(lowest: int, more: int, size: int) -> None:
    windows = windows_of(64, size, crop=16, scales=(lowest, lowest + more))
    assert np.array_equal(windows.heights, windows.widths)
    assert (windows.heights >= 1).all()
    assert (windows.rows + windows.heights <= size).all()
    assert (windows.columns + windows.widths <= size).all()


def even(values: NDArray[np.float64]) -> bool:
    """Whether the values spread evenly over 0..1, by Kolmogorov and Smirnov at one in a million."""
    gaps = np.sort(values) - (np.arange(len(values)) + 0.5) / len(values)
    return bool(np.abs(gaps).max() < 2.7 / np.sqrt(len(values)))


def test_areas_shapes_places_and_flips_are_even() -> None:
    # windows of at most half the area always fit, so that no draw is made twice
    w = windows_of(20_000, 100_000, area=(0.1, 0.5), flip=True)
    shares = w.heights * w.widths / 1e10
    assert even((shares - 0.1) / 0.4)
    assert even(np.log(w.widths / w.heights) / np.log(16 / 9) + 0.5)
    assert even(w.rows / (100_000 - w.heights))
    assert even(w.columns / (100_000 - w.widths))
    assert abs(w.flips.mean() - 0.5) < 0.02


def test_what_is_even_can_tell() -> None:
    values = np.random.default_rng(0).random(20_000)
    assert even(values)
    assert not even(values**1.1)


def test_a_window_that_does_not_fit_is_drawn_again() -> None:
    w = windows_of(20_000, 1000, area=(0.08, 1.0))
    whole = (w.heights == 1000) & (w.widths == 1000)
    assert whole.mean() < 0.01
    assert (w.heights * w.widths).max() > 950_000


@pytest.mark.parametrize(
    ("ratio", "sides"), [((2, 3), (50, 100)), ((0.25, 0.5), (100, 50)), ((0.5, 2), (100, 100))]
)
def test_where_none_fits_the_largest_of_the_nearest_shape_is_taken(
    ratio: tuple[float, float], sides: tuple[int, int]
) -> None:
    never = np.full((3, 2), 0.99)  # the widest and largest
    heights, widths = sides_of_area((1, 1), ratio, 100, never)
    assert heights.tolist() == [sides[0]] * 3
    assert widths.tolist() == [sides[1]] * 3


def test_every_scale_comes_as_often() -> None:
    draws = (np.arange(257 * 10) + 0.5) / (257 * 10)
    sides = sides_of_scale((256, 512), 224, 512, draws)
    expected = np.rint(224 * 512 / np.arange(256, 513)).repeat(10)
    assert np.array_equal(sides, expected)


@pytest.mark.parametrize("fields", [{"area": (0.1, 1.0)}, {"crop": 16, "scales": (16, 40)}])
def test_a_draw_belongs_to_seed_epoch_and_image(fields: dict[str, object]) -> None:
    def drawn(images: list[int], **more: int) -> list[list[int]]:
        of = recipe(flip=True, **fields, seed=more.get("seed", 0))
        indices = np.array(images)
        epoch = more.get("epoch", 0)
        windows = resized_windows(of, 48, epoch=epoch, images=indices, positions=np.arange(len(images)))
        return np.stack(windows, axis=1).tolist()

    alone = [drawn([image])[0] for image in (7, 3, 11, 5)]
    assert drawn([7, 3, 11, 5]) == alone
    assert drawn([7, 3, 11, 5], epoch=1) != alone
    assert drawn([7, 3, 11, 5], seed=1) != alone


def test_32_images_share_a_window_where_the_recipe_has_it_so() -> None:
    w = windows_of(96, 48, area=(0.1, 1.0), flip=True, images_per_draw=32)
    rows = np.stack(w, axis=1).reshape(3, 32, 5)
    assert (rows == rows[:, :1]).all()
    assert len(np.unique(rows[:, 0], axis=0)) == 3
