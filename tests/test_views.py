import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.views import (
    Windows,
    colour_noise,
    crop_of,
    evaluation_views,
    gather,
    padded,
    training_windows,
)
from alexnet.dataset.statistics import Statistics, measure
from alexnet.ingredients import ColourNoise
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.schedule import Constant

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 12, 12, 3), dtype=np.uint8)


def recipe(**fields: object) -> Recipe:
    values = {"name": "r", "network": "n", "epochs": 1, "learning_rate": Constant(start=0.1), **fields}
    return Recipe.model_validate(values)


def windows_of(count: int, size: int, **fields: object) -> Windows:
    indices = np.arange(count)
    return training_windows(recipe(**fields), size, epoch=0, images=indices, positions=indices)


def test_the_code_has_2178_views_of_256() -> None:
    windows = windows_of(60_000, 256, crop=224, flip=True)
    seen = set(zip(*(part.tolist() for part in windows), strict=True))
    assert len(seen) == 33 * 33 * 2
    assert (windows.rows.min(), windows.rows.max(), windows.columns.max()) == (0, 32, 32)


@given(st.integers(1, 12), st.integers(0, 4), st.booleans())
def test_windows_lie_inside(crop: int, pad: int, flip: bool) -> None:
    windows = windows_of(50, 12, crop=crop, pad=pad, flip=flip)
    room = 12 + 2 * pad - crop
    for corners in (windows.rows, windows.columns):
        assert (corners >= 0).all()
        assert (corners <= room).all()
    assert flip or not windows.flips.any()


def test_32_images_share_a_draw_as_in_the_code() -> None:
    windows = windows_of(96, 256, crop=224, flip=True, images_per_draw=32)
    rows = windows.rows.reshape(3, 32)
    assert (rows == rows[:, :1]).all()
    assert len(set(rows[:, 0])) > 1


def test_without_random_crops_the_centre_is_taken() -> None:
    windows = windows_of(5, 12, crop=8, random_crop=False)
    assert windows.rows.tolist() == windows.columns.tolist() == [2] * 5


def test_a_crop_larger_than_the_images_says_what_to_do() -> None:
    with pytest.raises(Problem, match=r"crops 224 pixels but the packed images have 64.*--size 224"):
        crop_of(recipe(crop=224), 64)


def test_gather_cuts_and_mirrors() -> None:
    windows = Windows(np.array([1, 4]), np.array([2, 0]), np.array([False, True]))
    views = gather(IMAGES, np.array([3, 7]), windows, 8)
    assert np.array_equal(views[0], IMAGES[3, 1:9, 2:10])
    assert np.array_equal(views[1], IMAGES[7, 4:12, 0:8][:, ::-1])


def test_padding_frames_with_a_colour() -> None:
    framed = padded(IMAGES, 2, np.array([1, 2, 3], dtype=np.uint8))
    assert np.array_equal(framed[:, 2:-2, 2:-2], IMAGES)
    assert (framed[:, :2] == [1, 2, 3]).all()
    assert (framed[:, :, -2:] == [1, 2, 3]).all()


def test_the_ten_views_are_the_papers() -> None:
    corners = [(0, 0), (0, 32), (16, 16), (32, 0), (32, 32)]
    expected = [(*corner, False) for corner in corners] + [(*corner, True) for corner in corners]
    assert [tuple(view) for view in evaluation_views("ten", 256, 224)] == expected


@pytest.mark.parametrize("size", [9, 12, 13])
def test_ten_views_of_a_mirrored_image_are_the_same_ten(size: int) -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, size, size, 3), dtype=np.uint8)

    def views(images: np.ndarray) -> set[bytes]:
        found = evaluation_views("ten", size, size - 4)
        return {
            gather(images, np.array([0]), Windows(*(np.array([part]) for part in view)), size - 4).tobytes()
            for view in found
        }

    assert views(image) == views(image[:, :, ::-1])
    assert len(views(image)) == 10


def test_no_view_is_computed_twice_where_there_is_no_room() -> None:
    assert len(evaluation_views("ten", 32, 32)) == 2
    assert len(evaluation_views("nine", 32, 24)) == 9
    with pytest.raises(UsageProblem, match="center, mirror, ten, nine"):
        evaluation_views("eleven", 32, 24)


@pytest.fixture
def statistics() -> Statistics:
    return measure(IMAGES)


@pytest.mark.parametrize("form", ["paper", "code"])
def test_colour_noise_has_the_covariance_it_should(statistics: Statistics, form: str) -> None:
    noise = ColourNoise(form=form)
    drawn = colour_noise(noise, statistics, seed=0, epoch=0, images=np.arange(200_000))
    vectors, values = statistics.colour_vectors.astype(float), statistics.colour_eigenvalues.astype(float)
    lengths = values / 255 if form == "paper" else np.sqrt(values)
    expected = (vectors * (0.1 * lengths) ** 2) @ vectors.T
    assert np.cov(drawn.T) == pytest.approx(expected, rel=0.03, abs=0.03 * np.abs(expected).max())
    again = colour_noise(noise, statistics, seed=0, epoch=0, images=np.array([5]))
    assert np.array_equal(again[0], drawn[5])


def test_the_codes_noise_moves_grey_by_twelve_where_the_papers_moves_it_by_six() -> None:
    ilsvrc = Statistics(
        mean_image=np.zeros((4, 4, 3), np.float32),
        channel_means=np.zeros(3, np.float32),
        channel_deviations=np.ones(3, np.float32),
        colour_eigenvalues=np.float32([121.78**2, 37.09**2, 19.72**2]),
        colour_vectors=np.eye(3, dtype=np.float32),
    )
    for form, deviation in (("paper", 5.8), ("code", 12.2)):
        drawn = colour_noise(ColourNoise(form=form), ilsvrc, seed=1, epoch=0, images=np.arange(100_000))
        assert drawn[:, 0].std() == pytest.approx(deviation, rel=0.01)


def test_the_mean_images_centre_is_subtracted_wherever_the_crop_was(statistics: Statistics) -> None:
    preprocessing = preprocessing_of(recipe(crop=8), statistics, 12, "crop")
    views = torch.from_numpy(IMAGES[:, 4:12, 0:8].copy())
    expected = views.permute(0, 3, 1, 2).float() - torch.from_numpy(
        statistics.mean_image[2:10, 2:10]
    ).permute(2, 0, 1)
    assert torch.equal(preprocessing(views), expected)


def test_divisor_noise_and_shrink(statistics: Statistics) -> None:
    plain = preprocessing_of(recipe(mean="none"), statistics, 12, "crop")
    views = torch.from_numpy(IMAGES)
    noise = torch.arange(60, dtype=torch.float32).reshape(20, 3)
    shaken = plain(views, noise, 1.1)
    assert torch.allclose(shaken * 1.1, plain(views) + noise[:, :, None, None], atol=1e-4)
    unit = preprocessing_of(recipe(mean="channel", divide_by="deviation"), statistics, 12, "crop")
    pixels = unit(views)
    assert torch.allclose(pixels.mean((0, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(pixels.std((0, 2, 3)), torch.ones(3), atol=1e-2)


def test_grey_keeps_what_is_grey(statistics: Statistics) -> None:
    preprocessing = preprocessing_of(recipe(channels=1, mean="none"), statistics, 12, "crop")
    grey = np.repeat(IMAGES[..., :1], 3, axis=3)
    pixels = preprocessing(torch.from_numpy(grey))
    assert pixels.shape == (20, 1, 12, 12)
    assert torch.allclose(pixels[:, 0], torch.from_numpy(grey[..., 0]).float(), atol=1e-4)
