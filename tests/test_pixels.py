import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.probing import pixels
from alexnet.probing.pixels import nearest_pixels
from alexnet.probing.search import brute_force


def drawn(count: int, side: int, shades: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).integers(0, shades, (count, side, side, 3)) * (255 // shades)).astype(
        np.uint8
    )


@given(
    count=st.integers(1, 80),
    side=st.integers(1, 6),
    shades=st.sampled_from([2, 3, 255]),
    k=st.integers(1, 90),
    block=st.integers(1, 90),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_equals_brute_force_in_any_blocks(
    count: int, side: int, shades: int, k: int, block: int, seed: int
) -> None:
    pictures, queries = drawn(count, side, shades, seed), drawn(5, side, shades, seed + 1)
    expected = brute_force(flat(pictures), flat(queries), k)
    found = nearest_pixels((pictures[at : at + block] for at in range(0, count, block)), queries, k)
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.distances, expected.distances)


def flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1).astype(np.float32)


@pytest.mark.parametrize("exact", [True, False])
def test_more_pixels_than_one_product_holds(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exact:
        monkeypatch.setattr(pixels, "integers_keep_all_bits", lambda: False)
    pictures = np.concatenate([drawn(6, 160, 255, 3), np.full((1, 160, 160, 3), 255, np.uint8)])
    queries = np.stack([pictures[2], np.zeros_like(pictures[0])])
    found = nearest_pixels([pictures], queries, 7)
    expected = brute_force(flat(pictures), flat(queries), 7)
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    assert found.distances[1, -1] == 255 * np.sqrt(160 * 160 * 3)
