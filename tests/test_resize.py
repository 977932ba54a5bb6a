import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet.dataset.decode import decode
from alexnet.dataset.resize import BAR_GREY, FITS, Fit, fit


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def by_pillow(image: np.ndarray, size: int) -> np.ndarray:
    """Shorter side to `size` by Pillow's bicubic, which has antialias, then the centre."""
    height, width = (max(size, round(side * size / min(image.shape[:2]))) for side in image.shape[:2])
    resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    top, left = (height - size) // 2, (width - size) // 2
    return resized[top : top + size, left : left + size]


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    error = ((one.astype(float) - other) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-10)))


def test_photographs_are_pillows_to_over_40_decibels(data: Path) -> None:
    found = []
    with tarfile.open(data / "imagenet-samples-400.tar") as tar:
        for member in tar.getmembers()[::25]:
            file = tar.extractfile(member)
            assert file is not None
            image = decode(file.read())
            found.append(decibels(fit(image, 256, "crop"), by_pillow(image, 256)))
    assert np.mean(found) > 60
    assert min(found) > 50


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 90), width=st.integers(1, 90), size=st.integers(1, 60), how=st.sampled_from(FITS)
)
def test_every_image_comes_out_square(height: int, width: int, size: int, how: Fit) -> None:
    found = fit(noise(height, width), size, how)
    assert found.shape == (size, size, 3)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous


@pytest.mark.parametrize("how", FITS)
def test_an_image_that_is_right_comes_back_bit_for_bit(how: Fit) -> None:
    image = noise(24, 24)
    assert fit(image, 24, how) is image


@settings(max_examples=40, deadline=None)
@given(longer=st.integers(21, 70), size=st.integers(20, 20), wide=st.booleans())
def test_where_the_shorter_side_is_right_a_crop_only_cuts(longer: int, size: int, wide: bool) -> None:
    image = noise(size, longer) if wide else noise(longer, size)
    start = (longer - size) // 2
    expected = image[:, start : start + size] if wide else image[start : start + size]
    assert (fit(image, size, "crop") == expected).all()


@pytest.mark.parametrize("shape", [(40, 20), (20, 40)])
def test_a_letterbox_keeps_the_whole_picture_between_grey_bars(shape: tuple[int, int]) -> None:
    found = fit(np.zeros((*shape, 3), np.uint8), 16, "letterbox")
    found = found if shape[0] > shape[1] else found.transpose(1, 0, 2)
    assert (found[:, 4:12] == 0).all()
    assert (found[:, :4] == BAR_GREY).all()
    assert (found[:, 12:] == BAR_GREY).all()


def test_a_stretch_keeps_the_whole_picture() -> None:
    image = np.zeros((10, 40, 3), np.uint8)
    image[:, 20:] = 255
    found = fit(image, 16, "stretch")
    assert (found[:, :5] < 10).all()
    assert (found[:, 11:] > 245).all()


def test_a_read_only_image_is_taken_as_it_is() -> None:
    image = noise(30, 20)
    image.flags.writeable = False
    assert (fit(image, 16, "crop") == fit(image.copy(), 16, "crop")).all()


def test_a_long_strip_takes_little_memory() -> None:
    strip = np.repeat(np.arange(256, dtype=np.uint8), 400)[None, :, None].repeat(3, axis=2)  # 1 x 102,400
    found = fit(strip, 256, "crop")  # enlarged whole it would be 20 GB
    assert np.abs(found.astype(int) - 128).max() <= 1
