import builtins

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.probing.autoencoder import AutoEncoder, learned, nearness
from alexnet.probing.codes import (
    Coder,
    packed,
    principal_axes,
    random_projections,
    raw_signs,
    require_bits,
    turned_axes,
)
from alexnet.probing.hamming import nearest_codes, recall
from alexnet.probing.search import brute_force
from alexnet.problem import Problem, UsageProblem

WAYS = (random_projections, principal_axes, turned_axes)


def clusters(rows: int, width: int = 48, *, seed: int = 0) -> np.ndarray:
    """Rows as behind a ReLU: a dozen centres, a few directions that matter more than others."""
    draw = np.random.default_rng(seed)
    mixing = np.random.default_rng(1).standard_normal((12, width)) * 0.8 ** np.arange(12)[:, None]
    centres = np.random.default_rng(2).standard_normal((12, 12))
    factors = centres[draw.integers(0, 12, rows)] + 0.5 * draw.standard_normal((rows, 12))
    return np.maximum(factors @ mixing + 0.1 * draw.standard_normal((rows, width)), 0).astype(np.float32)


@given(
    count=st.integers(1, 200),
    asked=st.integers(1, 20),
    width=st.sampled_from([1, 2, 4, 16, 32]),
    k=st.integers(1, 220),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_faiss_counts_bits_and_keeps_ties_in_order(
    count: int, asked: int, width: int, k: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    codes = draw.integers(0, 4, (count, width), dtype=np.uint8)
    queries = draw.integers(0, 4, (asked, width), dtype=np.uint8)
    different = np.bitwise_count(codes[None] ^ queries[:, None]).sum(axis=2, dtype=np.int64)
    order = np.argsort(different, axis=1, kind="stable")[:, :k]
    found = nearest_codes(codes, queries, k)
    np.testing.assert_array_equal(found.numbers, order)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(different, order, axis=1))


def test_a_bit_says_on_which_side_of_its_plane_a_row_lies() -> None:
    coder = Coder(torch.eye(8), torch.arange(8.0))
    rows = np.float32([[1, 1, 3, 3, 5, 5, 7, 7], [0.5, 0, 0, 0, 0, 0, 0, 0]])
    assert coder.bits == 8
    assert coder(rows).tolist() == [[0b10101010], [0b10000000]]
    assert raw_signs(rows).tolist() == [[255], [128]]
    assert packed(np.ones((2, 12), bool)).tolist() == [[255, 240], [255, 240]]


def test_principal_axes_are_those_of_the_covariance() -> None:
    draw = np.random.default_rng(3)
    rows = (draw.standard_normal((4000, 16)) * 0.7 ** np.arange(16) + 5).astype(np.float32)
    values, axes = np.linalg.eigh(np.cov(rows.T))
    found = principal_axes(rows, 8).weights.double().numpy()
    cosines = np.abs(np.sum(found[:4] * axes[:, ::-1].T[:4], axis=1))
    np.testing.assert_allclose(cosines, 1, atol=0.01)
    assert values[-1] > values[0]
    bits = np.unpackbits(principal_axes(rows, 8)(rows), axis=1)
    np.testing.assert_allclose(bits.mean(axis=0), 0.5, atol=0.05)  # planes through the mean


def test_turned_axes_span_the_same_and_round_at_less_cost() -> None:
    rows = clusters(2000)
    straight, turned = principal_axes(rows, 8), turned_axes(rows, 8)
    inside = turned.weights @ straight.weights.T
    torch.testing.assert_close(inside @ inside.T, torch.eye(8), atol=1e-3, rtol=0)

    def cost(coder: Coder) -> float:
        along = torch.from_numpy(rows) @ coder.weights.T - coder.thresholds
        return float((along - along.abs().mean() * along.sign()).square().mean())

    assert cost(turned) < cost(straight)


@pytest.mark.parametrize("way", WAYS)
def test_a_seed_gives_the_same_code_again(way) -> None:
    rows = clusters(300)
    np.testing.assert_array_equal(way(rows, 16, seed=3)(rows), way(rows, 16, seed=3)(rows))


def test_fewer_axes_than_bits_and_odd_lengths_are_told() -> None:
    rows = clusters(300)
    with pytest.raises(UsageProblem, match="have no 64 axes, only 48"):
        principal_axes(rows, 64)
    with pytest.raises(UsageProblem, match="do not fill bytes"):
        require_bits(12)
    with pytest.raises(UsageProblem, match="do not fill bytes"):
        learned(rows, 12)
    with pytest.raises(Problem, match="too few to learn"):
        learned(rows[:20], 16)


def test_the_middle_is_binary_and_lets_gradients_through() -> None:
    network = AutoEncoder(48, 16)
    rows = torch.from_numpy(clusters(64))
    code = network.code(rows)
    assert set(code.unique().tolist()) == {-1.0, 1.0}
    network.loss(rows).backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in network.parameters())


def test_nearness_is_largest_for_the_nearest_and_leaves_oneself_out() -> None:
    shares = nearness(torch.tensor([[0.0], [1.0], [10.0]]))
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    assert shares.diagonal().max() < 1e-6
    assert shares[0, 1] > shares[0, 2]


def test_learned_codes_find_more_neighbours_than_hyperplanes_that_are_not() -> None:
    rows, queries = clusters(1500), clusters(100, seed=9)
    exact = brute_force(rows, queries, 100).numbers

    def found(coder: Coder) -> float:
        return float(recall(nearest_codes(coder(rows), coder(queries), 100).numbers, exact).mean())

    coder = learned(rows, 32, steps=100)
    assert found(coder) > max(found(way(rows, 32)) for way in (random_projections, principal_axes)) + 5


def test_learning_again_gives_the_same() -> None:
    first, second = (learned(clusters(100), 16, steps=5) for _ in range(2))
    torch.testing.assert_close(second.weights, first.weights, rtol=0, atol=0)
    other = learned(clusters(100), 16, steps=5, seed=1)
    assert not torch.equal(other.weights, first.weights)


def test_without_faiss_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *rest, **more):
        if name == "faiss":
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    codes = np.zeros((2, 2), np.uint8)
    with pytest.raises(UsageProblem, match=r"alexnet\[search\]"):
        nearest_codes(codes, codes, 1)
