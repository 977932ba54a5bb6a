import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet.dataset.classes import class_order, held_out

LABELS = st.lists(st.integers(-1, 4), min_size=1, max_size=200).map(np.array)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        ({"10", "9", "100"}, ("9", "10", "100")),
        ({"01", "1", "2"}, ("01", "1", "2")),
        ({"b", "A", "a"}, ("A", "a", "b")),
        ({"10", "9", "x"}, ("10", "9", "x")),
        ({"²", "3"}, ("3", "²")),
    ],
)
def test_names_sort_as_text_but_all_numeric_ones_as_numbers(names: set[str], order: tuple[str, ...]) -> None:
    assert class_order(names) == order


@given(labels=LABELS, fraction=st.floats(0, 0.99), seed=st.integers(0, 5))
def test_each_class_gives_its_share_and_keeps_one(labels: np.ndarray, fraction: float, seed: int) -> None:
    drawn = held_out(labels, fraction, seed=seed)
    assert not drawn[labels < 0].any()
    for label in np.unique(labels[labels >= 0]):
        count = int((labels == label).sum())
        assert drawn[labels == label].sum() == min(count - 1, int(count * fraction + 0.5))


@given(labels=LABELS, seed=st.integers(0, 5))
def test_the_draw_of_a_class_depends_on_no_other_class(labels: np.ndarray, seed: int) -> None:
    drawn = held_out(labels, 0.3, seed=seed)
    alone = held_out(labels[labels == 2], 0.3, seed=seed)
    assert (drawn[labels == 2] == alone).all() or (labels == 2).sum() == 0


def test_another_seed_draws_others() -> None:
    labels = np.zeros(100, np.int64)
    assert (held_out(labels, 0.5, seed=0) != held_out(labels, 0.5, seed=1)).any()
    assert (held_out(labels, 0.5, seed=0) == held_out(labels, 0.5, seed=0)).all()
