"""The compiled resampling beside Pillow's, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.compiled import why_not
from alexnet.dataset import resample
from alexnet.dataset.resample import by_pillow, filters, kernels

needs_compiler = pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")
SIDES = st.integers(1, 150)


def picture(height: int, width: int, contrast: bool) -> np.ndarray:
    """Noise; with `contrast` black and white, where sums leave 0..255 on both sides."""
    noise = np.random.default_rng((height, width)).integers(0, 256, (height, width, 3), np.uint8)
    return np.where(noise > 127, np.uint8(255), np.uint8(0)) if contrast else noise


@needs_compiler
@settings(max_examples=150, deadline=None)
@given(height=SIDES, width=SIDES, rows=SIDES, columns=SIDES, contrast=st.booleans(), data=st.data())
def test_every_window_of_every_shape_is_pillows(
    height: int, width: int, rows: int, columns: int, contrast: bool, data: st.DataObject
) -> None:
    image = picture(height, width, contrast)
    expected = by_pillow(image, (rows, columns))
    assert np.array_equal(resample.resample(image, (rows, columns)), expected)
    top, left = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    tall, wide = data.draw(st.integers(1, rows - top)), data.draw(st.integers(1, columns - left))
    found = resample.resample(image, (rows, columns), corner=(top, left), window=(tall, wide))
    assert np.array_equal(found, expected[top : top + tall, left : left + wide])


@needs_compiler
def test_a_part_of_a_larger_image_and_planes_are_read_as_they_lie() -> None:
    whole = picture(90, 120, False)
    for image in (whole[7:60, 11:91], np.ascontiguousarray(whole.transpose(2, 0, 1)).transpose(1, 2, 0)):
        copied = np.ascontiguousarray(image)
        assert np.array_equal(resample.resample(image, (31, 40)), by_pillow(copied, (31, 40)))


def test_without_a_compiler_pillow_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "kernels", lambda: None)
    image = picture(40, 60, False)
    found = resample.resample(image, (20, 30), corner=(3, 4), window=(10, 12))
    assert np.array_equal(found, by_pillow(image, (20, 30))[3:13, 4:16])
    assert found.flags.c_contiguous


def test_weights_add_up_to_one() -> None:
    for side, length in ((500, 341), (9, 256), (4000, 256)):
        table = filters(side, length, 0, length)
        assert np.abs(table[:, 2:].sum(axis=1) - (1 << 22)).max() < table.shape[1]
        assert (table[:, 0] + table[:, 1] <= side).all()


@needs_compiler
def test_the_kernel_is_there_where_there_is_a_compiler() -> None:
    assert kernels() is not None
