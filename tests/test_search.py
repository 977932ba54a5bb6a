"""Exact search: brute force in float64 is what it must equal, whatever the rows look like."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.probing import search
from alexnet.probing.coarse import coarse_of, rounded, row_squares, unrounded
from alexnet.probing.search import brute_force, nearest
from alexnet.problem import UsageProblem


def same(features: np.ndarray, queries: np.ndarray, k: int) -> None:
    """Both roundings and none give what brute force gives, ties by number."""
    expected = brute_force(features, queries, k)
    coarse = coarse_of(features)
    finer = coarse_of(features)
    object.__setattr__(finer, "fine", not coarse.fine)
    for by in (coarse, finer, unrounded(features), None):
        found = nearest(features, queries, k, by)
        np.testing.assert_array_equal(found.numbers, expected.numbers)
        np.testing.assert_array_equal(found.distances, expected.distances)


KINDS = ("normal", "sparse", "ties", "duplicates", "far", "lengths", "line")


def drawn(kind: str, rows: int, width: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    values = draw.standard_normal((rows, width))
    if kind == "sparse":
        values = np.maximum(values - 1, 0)  # as behind a ReLU; whole rows are zero
    if kind == "ties":
        values = draw.integers(-1, 2, (rows, width))
    if kind == "duplicates":
        values = values[draw.integers(0, max(1, rows // 4), rows)]
    if kind == "far":
        values = 1e4 + 1e-3 * values  # float32 keeps little of the differences
    if kind == "lengths":
        values *= 10.0 ** draw.integers(-12, 13, (rows, 1))
    if kind == "line":
        values = np.repeat(draw.integers(0, 5, (rows, 1)), width, axis=1) / 3
    return values.astype(np.float32)


@given(
    kind=st.sampled_from(KINDS),
    rows=st.integers(1, 300),
    width=st.integers(1, 40),
    k=st.integers(1, 330),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=150, deadline=None)
def test_equals_brute_force(kind: str, rows: int, width: int, k: int, seed: int) -> None:
    features = drawn(kind, rows + 3, width, seed)
    queries = np.concatenate([features[-3:], features[:1]])  # three of their own, and one that is there
    same(features[:rows], queries, k)


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e17, 1e19, 1e30])
def test_huge_and_tiny_values(size: float) -> None:
    features = (drawn("normal", 400, 20, 1) * size).astype(np.float32)
    same(features[:390], features[390:], 7)


def test_one_huge_row_among_small_ones() -> None:
    features = drawn("normal", 400, 20, 2)
    features[17] *= np.float32(1e30)
    same(features[:390], features[390:], 400)
    same(features, features[17:18], 5)


@pytest.mark.parametrize("kind", KINDS)
def test_over_many_blocks_and_shares_of_queries(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ROWS", 64)
    monkeypatch.setattr(search, "TOGETHER", 4000)
    features = drawn(kind, 1100, 24, 3)
    same(features[:1000], features[1000:], 9)
    same(features[:1000], features[1000:1003], 100)


def test_rounding_moves_no_row_further_than_it_says() -> None:
    rows = drawn("lengths", 200, 33, 4)
    centre = rows.mean(axis=0).astype(np.float64)
    coarse = rounded(rows, centre)
    moved = rows - (centre + coarse.scales[:, None] * coarse.codes)
    assert (np.sqrt(row_squares(moved)) <= coarse.moved).all()
    assert (coarse.moved > 0).sum() > 100


def test_the_estimate_leaves_few_rows_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.maximum(drawn("normal", 5000, 30, 5) @ drawn("normal", 30, 400, 6), 0)
    looked: list[int] = []
    plain = search.measured

    def counting(rows, queries, numbers):
        looked.extend(len(each) for each in numbers)
        return plain(rows, queries, numbers)

    monkeypatch.setattr(search, "measured", counting)
    nearest(features[:4980], features[4980:], 6, coarse_of(features[:4980]))
    assert len(looked) == 2 * 20
    assert sum(looked) < 20 * 100


def test_products_in_bfloat16_are_allowed_for() -> None:
    features = drawn("normal", 900, 64, 7)
    torch.set_float32_matmul_precision("medium")
    try:
        same(features[:880], features[880:], 6)
    finally:
        torch.set_float32_matmul_precision("highest")


def test_with_two_threads_too() -> None:
    features = drawn("sparse", 900, 64, 7)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        same(features[:877], features[877:], 6)
    finally:
        torch.set_num_threads(before)


def test_without_exact_integers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "integers_keep_all_bits", lambda: False)
    features = drawn("sparse", 900, 64, 7)
    same(features[:880], features[880:], 6)


def test_products_that_lose_bits_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search.integers_keep_all_bits.__wrapped__() == search.integers_keep_all_bits()
    exact = torch._int_mm
    monkeypatch.setattr(torch, "_int_mm", lambda *given: exact(*given).clamp(-32768, 32767))
    assert not search.integers_keep_all_bits.__wrapped__()


def test_what_cannot_be_searched_is_said() -> None:
    features = drawn("normal", 5, 4, 8)
    with pytest.raises(UsageProblem, match="4"):
        nearest(features, features[:, :3], 2)
    with pytest.raises(UsageProblem, match="at least one"):
        nearest(features, features, 0)
    with pytest.raises(UsageProblem, match="not finite"):
        nearest(features, features * np.float32("nan"), 1)


@pytest.mark.slow
def test_equals_brute_force_on_50_000_rows_of_4096() -> None:
    draw = np.random.default_rng(9)
    mixed = draw.standard_normal((64, 4096), dtype=np.float32)
    features = np.empty((50_000, 4096), dtype=np.float32)
    for start in range(0, 50_000, 5000):
        factors = draw.standard_normal((5000, 64), dtype=np.float32)
        features[start : start + 5000] = np.maximum(factors @ mixed, 0)
    features[40_000:40_100] = features[:100]
    queries = np.concatenate([features[:3], features[::17_000] * np.float32(1.01)])
    expected = brute_force(features, queries, 100)
    found = nearest(features, queries, 100, coarse_of(features))
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.distances, expected.distances)
