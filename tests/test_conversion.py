"""The fast conversion, compiled and in NumPy, beside its plain form `Preprocessing.__call__`: equal bits."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from alexnet.batches import inner_loops
from alexnet.batches.conversion import conversion_of
from alexnet.batches.preprocessing import Preprocessing, preprocessing_of
from alexnet.dataset.statistics import measure
from alexnet.recipe import Recipe
from alexnet.schedule import Constant


@cache
def preprocessing(size: int, **fields: object) -> Preprocessing:
    values = {"name": "r", "network": "n", "epochs": 1, "learning_rate": Constant(start=0.1), **fields}
    images = np.random.default_rng(size).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    return preprocessing_of(Recipe.model_validate(values), measure(images), size, "crop")


def converted(
    plain: Preprocessing, views: NDArray[np.uint8], noise: NDArray[np.float32] | None, shrink: float
) -> torch.Tensor:
    """By NumPy; and the same compiled, where there is a compiler."""
    out = np.full((2, *views.shape[:3], plain.channels), np.nan, np.float32)
    conversion_of(plain, shrink)(views, out[0], noise)
    with pytest.MonkeyPatch.context() as without:
        without.setattr(inner_loops, "kernels", lambda: None)
        conversion_of(plain, shrink)(views, out[1], noise)
    assert np.array_equal(out[0], out[1])
    return torch.from_numpy(out[1]).permute(0, 3, 1, 2)


def drawn(seed: int, count: int, crop: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    views = random.integers(0, 256, (count, crop, crop, 3), dtype=np.uint8)
    return views, random.normal(0, 20, (count, 3)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["image", "channel", "none"]),
    st.sampled_from([1.0, 58.0, "deviation"]),
    st.sampled_from([None, 1.0, 1.1]),
    st.integers(1, 9),
    st.integers(0, 2**31),
)
def test_every_kind_equals_its_plain_form(
    mean: str, divide_by: object, shrink: float | None, count: int, seed: int
) -> None:
    plain = preprocessing(12, crop=9, mean=mean, divide_by=divide_by)
    views, noise = drawn(seed, count, 9)
    if shrink is None:
        expected, found = plain(torch.from_numpy(views)), converted(plain, views, None, 1.1)
    else:
        expected = plain(torch.from_numpy(views), torch.from_numpy(noise), shrink)
        found = converted(plain, views, noise, shrink)
    assert torch.equal(found, expected)
    assert found.stride() == expected.stride()


@pytest.mark.parametrize("mean", ["image", "channel", "none"])
def test_grey_equals_its_plain_form(mean: str) -> None:
    plain = preprocessing(28, channels=1, mean=mean, divide_by="deviation")
    views, _ = drawn(0, 7, 28)
    assert torch.equal(converted(plain, views, None, 1.0), plain(torch.from_numpy(views)))


def test_images_larger_than_the_cache_and_groups_of_small_ones() -> None:
    for crop, count in ((600, 2), (227, 2), (224, 3), (32, 200)):
        plain = preprocessing(crop)
        views, noise = drawn(1, count, crop)
        expected = plain(torch.from_numpy(views), torch.from_numpy(noise), 1.1)
        assert torch.equal(converted(plain, views, noise, 1.1), expected)
