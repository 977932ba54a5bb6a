from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from alexnet.dataset.statistics import Statistics, measure, moments
from alexnet.problem import Problem


def images(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Images whose channels go together, as those of photographs do."""
    generator = np.random.default_rng(seed)
    grey = generator.integers(0, 200, (count, size, size, 1))
    return (grey + generator.integers(0, 56, (count, size, size, 3))).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 12), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_figures_are_those_of_numpy(count: int, size: int, seed: int) -> None:
    some = images(count, size, seed)
    pixels = some.reshape(-1, 3).astype(float)
    found = measure(some)
    np.testing.assert_allclose(found.mean_image, some.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.channel_means, pixels.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.channel_deviations, pixels.std(axis=0), rtol=1e-6, atol=1e-6)
    covariance = np.atleast_2d(np.cov(pixels.T, bias=True)) if len(pixels) > 1 else np.zeros((3, 3))
    np.testing.assert_allclose(
        found.colour_eigenvalues, np.linalg.eigvalsh(covariance)[::-1], rtol=1e-4, atol=1e-2
    )
    vectors = found.colour_vectors
    np.testing.assert_allclose(vectors @ np.diag(found.colour_eigenvalues) @ vectors.T, covariance, atol=0.05)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-6)


def test_colour_axes_are_the_principal_components() -> None:
    some = images(40, 16)
    pixels = some.reshape(-1, 3).astype(float)
    found, peer = measure(some), PCA(3).fit(pixels)
    scale = (len(pixels) - 1) / len(pixels)  # sklearn divides by one less
    np.testing.assert_allclose(found.colour_eigenvalues, peer.explained_variance_ * scale, rtol=1e-5)
    cosines = np.abs((found.colour_vectors.T * peer.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-5)
    assert (found.colour_vectors[np.abs(found.colour_vectors).argmax(axis=0), range(3)] > 0).all()


def test_sums_are_exact_over_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    some = images(700, 8)
    whole = moments(some)
    monkeypatch.setattr("alexnet.dataset.statistics._BYTES", 8 * 8 * 3 * 3)
    parts = moments(some)
    wide = some.reshape(-1, 3).astype(np.int64)
    assert whole.products.tolist() == parts.products.tolist() == (wide.T @ wide).tolist()
    assert (whole.sums == some.sum(axis=0, dtype=np.int64)).all()
    assert (whole.sums == parts.sums).all()


def test_the_brightest_images_do_not_overflow() -> None:
    found = measure(np.full((600, 4, 4, 3), 255, np.uint8))
    assert (found.mean_image == 255).all()
    assert (found.colour_eigenvalues == 0).all()


def test_grey_is_told_from_colour_by_one_pixel() -> None:
    grey = np.repeat(images(5, 6)[..., :1], 3, axis=3)
    assert moments(grey).grey
    grey[3, 2, 1, 2] ^= 1
    assert not moments(grey).grey


def test_statistics_are_saved_and_loaded(tmp_path: Path) -> None:
    found = measure(images(5, 6))
    found.save(tmp_path / "one.npz")
    found.save(tmp_path / "other.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    again = Statistics.load(tmp_path / "one.npz")
    for name in ("mean_image", "channel_means", "channel_deviations", "colour_eigenvalues", "colour_vectors"):
        assert (getattr(again, name) == getattr(found, name)).all()
        assert getattr(again, name).dtype == getattr(found, name).dtype


def test_damaged_statistics_are_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "statistics.npz"
    measure(images(5, 6)).save(path)
    path.write_bytes(path.read_bytes()[:300])
    for broken in (path, tmp_path / "none.npz"):
        with pytest.raises(Problem, match=f"{broken.name}.*prepare"):
            Statistics.load(broken)
