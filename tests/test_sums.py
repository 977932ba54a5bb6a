"""The compiled sums beside NumPy's: the same integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.compiled import why_not
from alexnet.dataset import sums

needs_compiler = pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")


def added(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image twice."""
    total, products = np.zeros(image.shape, np.uint16), np.zeros((3, 3), np.int64)
    for _ in range(2):
        sums.add_image(image, total, products)
    return total, products


def by_numpy(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with pytest.MonkeyPatch.context() as without:
        without.setattr(sums, "kernels", lambda: None)
        return added(image)


@needs_compiler
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_images_of_every_size(height: int, width: int) -> None:
    image = np.random.default_rng((height, width)).integers(0, 256, (height, width, 3), np.uint8)
    for one, other in zip(added(image), by_numpy(image), strict=True):
        assert np.array_equal(one, other)
    wide = image.reshape(-1, 3).astype(np.int64)
    assert (added(image)[1] == 2 * wide.T @ wide).all()


@needs_compiler
def test_the_brightest_of_the_largest_images_does_not_overflow() -> None:
    image = np.full((1024, 2048, 3), 255, np.uint8)
    total, products = added(image)
    assert (products == 2 * 2**21 * 255**2).all()
    assert (total == 510).all()


def test_an_image_that_lies_otherwise_is_added_too() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 9, 8), np.uint8).transpose(1, 2, 0)
    for one, other in zip(added(image), added(np.ascontiguousarray(image)), strict=True):
        assert np.array_equal(one, other)
