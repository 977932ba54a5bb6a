"""Pictures as 8 x 8 pixels: compiled and by NumPy the same, and Pillow's but for its second rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet.compiled import why_not
from alexnet.dataset.examination import rendering as room
from alexnet.dataset.examination.rendering import SIDE, rendering

needs_compiler = pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")
sides = st.integers(1, 3 * SIDE) | st.integers(1, 300)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng((height, width)).integers(0, 256, (height, width, 3), np.uint8)


def by_numpy(picture: np.ndarray) -> np.ndarray:
    with pytest.MonkeyPatch.context() as without:
        without.setattr(room, "kernels", lambda: None)
        return rendering(picture)


@needs_compiler
@settings(max_examples=100, deadline=None)
@given(sides, sides)
def test_compiled_and_plain_are_equal(height: int, width: int) -> None:
    picture = noise(height, width)
    assert np.array_equal(rendering(picture), by_numpy(picture))


@settings(max_examples=100, deadline=None)
@given(sides, sides)
def test_pillows_box_is_no_more_than_a_rounding_away(height: int, width: int) -> None:
    picture = noise(height, width)
    theirs = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX))
    assert np.abs(rendering(picture).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("height", [9, 16, 61])
def test_a_field_is_the_rounded_mean_of_its_pixels(height: int) -> None:
    picture = noise(height, 24)
    top = np.rint(height / SIDE + 1e-9).astype(int)  # halves go up
    exact = picture[:top, :3].mean(axis=(0, 1))
    assert np.abs(rendering(picture)[0, 0] - exact).max() <= 0.5


def test_pictures_that_lie_otherwise_are_rendered_alike() -> None:
    picture = noise(40, 30)
    for other in (picture[::-1], np.asfortranarray(picture), noise(40, 60)[:, :30]):
        assert np.array_equal(rendering(other), by_numpy(np.ascontiguousarray(other)))


def test_the_brightest_of_large_pictures_does_not_overflow() -> None:
    assert (rendering(np.full((8, 4_000_000, 3), 255, np.uint8)) == 255).all()
