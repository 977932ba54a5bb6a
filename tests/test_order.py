import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alexnet.batches.draws import COLOURS, CROPS, normals, uniforms
from alexnet.batches.order import shares, steps_in_epoch, training_order


@given(st.integers(1, 500), st.integers(0, 2**31), st.integers(0, 100))
def test_an_epoch_is_every_image_once(images: int, seed: int, epoch: int) -> None:
    assert sorted(training_order(images, seed=seed, epoch=epoch)) == list(range(images))


def test_the_order_is_that_of_numpys_permutation() -> None:
    """Runs begun by earlier versions go on as they would have."""
    expected = np.random.default_rng((3, 7)).permutation(1000)
    assert (training_order(1000, seed=3, epoch=7) == expected).all()


def test_epochs_and_seeds_differ() -> None:
    first = training_order(1000, seed=0, epoch=0)
    assert not np.array_equal(first, training_order(1000, seed=0, epoch=1))
    assert not np.array_equal(first, training_order(1000, seed=1, epoch=0))


@given(st.integers(1, 500), st.integers(1, 64))
def test_shares_cover_every_image_once(images: int, batch: int) -> None:
    covered = [image for share in shares(images, batch) for image in range(images)[share]]
    assert covered == list(range(images))
    assert steps_in_epoch(images, batch) * min(batch, images) <= images


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30), st.integers(0, 90))
def test_a_draw_belongs_to_its_image_and_not_to_its_batch(images: list[int], epoch: int) -> None:
    together = uniforms(3, epoch, np.array(images), stream=CROPS, count=3)
    alone = [uniforms(3, epoch, np.array([image]), stream=CROPS, count=3)[0] for image in images]
    assert np.array_equal(together, np.array(alone))


def test_draws_are_uniform_and_streams_independent() -> None:
    images = np.arange(50_000)
    crops = uniforms(0, 0, images, stream=CROPS, count=2)
    counts = np.histogram(crops[:, 0], bins=33, range=(0, 1))[0]
    expected = len(images) / 33
    # chi-square with 32 degrees of freedom: 99.99 % lie below 73
    assert ((counts - expected) ** 2 / expected).sum() < 73
    others = uniforms(0, 0, images, stream=COLOURS, count=2)
    for left, right in (
        (crops[:, 0], crops[:, 1]),
        (crops[:, 0], others[:, 0]),
        (crops[:-1, 0], crops[1:, 0]),
    ):
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


def test_normals_have_mean_zero_and_deviation_one() -> None:
    drawn = normals(1, 2, np.arange(100_000), stream=COLOURS, count=3)
    assert np.isfinite(drawn).all()
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01
    assert abs((drawn**4).mean() - 3) < 0.1
