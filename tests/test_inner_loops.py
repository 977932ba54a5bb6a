import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.batches import inner_loops
from alexnet.batches.inner_loops import convert_compiled, kernels, mirror_compiled, shuffle_compiled
from alexnet.batches.views import place
from alexnet.compiled import why_not

needs_compiler = pytest.mark.skipif(why_not() is not None, reason=f"plain forms only: {why_not()}")


@needs_compiler
@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 3), st.integers(0, 3))
def test_a_window_is_mirrored_and_nothing_beside_its_view_is_written(
    width: int, height: int, left: int, right: int
) -> None:
    picture = np.random.default_rng(width).integers(1, 256, (height, left + width + right, 3), dtype=np.uint8)
    window = picture[:, left : left + width]
    room = np.zeros(height * width * 3 + 64, np.uint8)
    view = room[32:-32].reshape(height, width, 3)
    assert mirror_compiled(window, view)
    assert np.array_equal(view, window[:, ::-1])
    assert not room[:32].any()
    assert not room[-32:].any()


@needs_compiler
def test_what_does_not_lie_as_it_should_is_left_to_numpy() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1)).transpose(1, 2, 0)
    room = np.empty((6, 12, 3), np.uint8)
    assert not mirror_compiled(planes, np.empty_like(picture))
    assert not mirror_compiled(picture, room[:, ::2])
    place(planes, room[:, ::2], True)
    assert np.array_equal(room[:, ::2], picture[:, ::-1])
    out = np.empty((1, 6, 6, 1), np.float32)
    assert not convert_compiled(picture[None], out, mean=out[0, :, :, 0], noise=None, divisor=None)


@needs_compiler
@pytest.mark.parametrize("offset", [0, 1, 2])
def test_nothing_beside_the_batch_is_written(offset: int) -> None:
    views = np.random.default_rng(1).integers(0, 256, (2, 7, 7, 3), dtype=np.uint8)
    room = np.full(views.size + 64, -1, np.float32)
    out = room[16 + offset :][: views.size].reshape(views.shape)
    assert convert_compiled(views, out, mean=np.zeros((1, 21), np.float32), noise=None, divisor=None)
    assert np.array_equal(out, views)
    assert (room[: 16 + offset] == -1).all()
    assert (room[16 + offset + views.size :] == -1).all()


def test_without_a_compiler_numpy_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_loops, "kernels", lambda: None)
    picture = np.random.default_rng(2).integers(0, 256, (5, 9, 3), dtype=np.uint8)
    view = np.empty_like(picture)
    place(picture, view, True)
    assert np.array_equal(view, picture[:, ::-1])


@needs_compiler
def test_the_kernels_are_there_where_there_is_a_compiler() -> None:
    assert kernels() is not None


@needs_compiler
@pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 66, 128, 1000, 70_000])
def test_numbers_are_shuffled_as_numpy_shuffles_them(count: int) -> None:
    for seed in range(3):
        ours, numpys = np.random.default_rng((seed, 5)), np.random.default_rng((seed, 5))
        order, expected = np.arange(count, dtype=np.int32), np.arange(count, dtype=np.int32)
        assert shuffle_compiled(order, ours)
        numpys.shuffle(expected)
        assert np.array_equal(order, expected)
        assert ours.random() == numpys.random()  # as many numbers were drawn


@needs_compiler
def test_longer_numbers_are_left_to_numpy() -> None:
    assert not shuffle_compiled(np.arange(5), np.random.default_rng(0))
