import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet.dataset.balance import balanced_order, class_weights, effective_numbers, sampling_shares
from alexnet.problem import UsageProblem

COUNTS = st.lists(st.integers(0, 5000), min_size=1, max_size=30).filter(any).map(np.array)


@given(counts=COUNTS, power=st.floats(0, 2), overlap=st.floats(0, 0.9999))
def test_weights_are_one_in_the_mean_over_pictures(counts: np.ndarray, power: float, overlap: float) -> None:
    for weights in (class_weights(counts, power=power), effective_numbers(counts, overlap=overlap)):
        assert (weights * counts).sum() == pytest.approx(counts.sum())
        assert ((weights > 0) == (counts > 0)).all()
        order = np.argsort(counts[counts > 0])
        assert (np.diff(weights[counts > 0][order]) <= 1e-9).all()  # the larger never weighs more


@given(counts=COUNTS)
def test_weights_at_their_ends(counts: np.ndarray) -> None:
    there = counts > 0
    assert np.allclose(class_weights(counts, power=0)[there], 1)
    assert np.allclose(effective_numbers(counts, overlap=0)[there], 1)
    share = class_weights(counts)[there] * counts[there]
    assert np.allclose(share, share[0])  # every class has the same say
    few = np.minimum(counts, 50)
    assert np.allclose(effective_numbers(few, overlap=1 - 1e-9), class_weights(few), rtol=1e-4)


@given(counts=COUNTS)
def test_shares_add_up(counts: np.ndarray) -> None:
    for power in (0.0, 0.5, 1.0):
        assert sampling_shares(counts, power=power).sum() == pytest.approx(1)
    assert np.allclose(sampling_shares(counts, power=1), counts / counts.sum())
    assert len(set(sampling_shares(counts)[counts > 0].round(12))) == 1


@given(
    labels=st.lists(st.integers(0, 6), min_size=1, max_size=200).map(np.array),
    power=st.floats(0, 1),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 9),
)
def test_an_epoch_has_the_shares_to_the_picture(
    labels: np.ndarray, power: float, seed: int, epoch: int
) -> None:
    counts = np.bincount(labels, minlength=7)
    shares = sampling_shares(counts, power=power)
    order = balanced_order(labels, shares, seed=seed, epoch=epoch)
    drawn = np.bincount(labels[order], minlength=7)
    assert len(order) == len(labels)
    assert (np.abs(drawn - shares * len(labels)) < 1).all()
    times = np.bincount(order, minlength=len(labels))
    for label in np.unique(labels):
        of_class = times[labels == label]
        assert of_class.max() - of_class.min() <= 1
    assert np.array_equal(order, balanced_order(labels, shares, seed=seed, epoch=epoch))


def test_epochs_and_seeds_differ() -> None:
    labels = np.repeat(np.arange(3), [10, 20, 70])
    shares = sampling_shares(np.bincount(labels))
    orders = [balanced_order(labels, shares, seed=s, epoch=e).tolist() for s in (0, 1) for e in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_natural_shares_draw_every_picture_once() -> None:
    labels = np.repeat(np.arange(3), [10, 20, 70])
    order = balanced_order(labels, sampling_shares(np.bincount(labels), power=1), seed=0, epoch=0)
    assert sorted(order.tolist()) == list(range(100))


def test_what_has_no_pictures_cannot_be_drawn() -> None:
    for counts in (np.array([]), np.array([0, 0]), np.array([-1, 2])):
        with pytest.raises(UsageProblem, match="number of training pictures"):
            class_weights(counts)
    with pytest.raises(UsageProblem, match="must have pictures"):
        balanced_order(np.array([0, 0]), np.array([0.5, 0.5]), seed=0, epoch=0)
    with pytest.raises(UsageProblem, match="overlap"):
        effective_numbers(np.array([1]), overlap=1.0)
