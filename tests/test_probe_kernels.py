"""Colourfulness on kernels of known colour; the permutation test against scipy's and under chance."""

import numpy as np
import pytest
import torch
from scipy.stats import permutation_test
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.undrawn import on_paper
from alexnet.probing.kernels import (
    Kernels,
    colourfulness,
    column_means,
    columns_of,
    from_grey_to_colour,
    kernel_figure,
    kernels_of,
    numbers,
    specialisation,
)
from alexnet.problem import UsageProblem


def random_kernels(count: int, channels: int = 3, side: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(seed))


def test_grey_and_opponent_kernels_are_the_ends_of_the_scale():
    grey = random_kernels(4, 1).expand(-1, 3, -1, -1)
    opponent = torch.cat([grey[:, :1], -grey[:, :1], 0 * grey[:, :1]], 1)
    np.testing.assert_allclose(colourfulness(grey), 0, atol=1e-12)
    np.testing.assert_allclose(colourfulness(opponent), 1, atol=1e-12)
    np.testing.assert_allclose(colourfulness((grey + opponent) / 2), 2 / 5, atol=1e-6)  # energies 3 and 2


def test_colourfulness_does_not_see_strength_and_of_noise_it_is_two_thirds():
    noise = random_kernels(3000)
    np.testing.assert_allclose(colourfulness(7 * noise), colourfulness(noise), rtol=1e-6)
    assert abs(colourfulness(noise).mean() - 2 / 3) < 0.005


@pytest.mark.parametrize(
    ("name", "columns"),
    [("alexnet", 2), ("alexnet-2012-64", 2), ("alexnet-2012-half", 1), ("alexnet-owt", 1), ("lenet", 1),
     ("vgg-32", 1), ("resnet20", 1), ("googlenet-64", 1)],
)  # fmt: skip
def test_columns_of_the_zoo(name, columns):
    with on_paper():
        network = create(name, classes=10, channels=NETWORKS[name].input[0])
    assert columns_of(network) == columns


def test_p_value_is_that_of_scipy():
    chance = np.random.default_rng(1)
    colourful = np.concatenate([chance.uniform(0, 0.7, 12), chance.uniform(0.2, 1, 12)])

    def distance(one, other, axis):
        return np.abs(one.mean(axis=axis) - other.mean(axis=axis))

    theirs = permutation_test(
        (colourful[:12], colourful[12:]), distance, vectorized=True, n_resamples=20_000,
        alternative="greater", rng=np.random.default_rng(2),
    ).pvalue  # fmt: skip
    assert specialisation([colourful], 2) == pytest.approx(theirs, abs=0.01)


def test_parted_columns_are_found_whichever_of_them_is_colourful():
    parted = np.concatenate([np.linspace(0, 0.3, 24), np.linspace(0.6, 1, 24)])
    assert specialisation([parted], 2) == 1e-4
    assert specialisation([parted, parted[::-1]], 2) == 1e-4


def test_under_chance_p_values_are_uniform():
    chance = np.random.default_rng(0)
    found = np.array([specialisation([chance.uniform(size=24)], 2, seed=seed) for seed in range(60)])
    assert 0.35 < found.mean() < 0.65
    assert (found < 0.1).sum() <= 14  # of 60, six expected


def test_a_sheet_goes_from_grey_to_colour_within_each_column():
    kernels = Kernels("a", "conv1", random_kernels(8), 2)
    order = from_grey_to_colour(kernels)
    assert sorted(order[:4]) == [0, 1, 2, 3]
    assert sorted(order[4:]) == [4, 5, 6, 7]
    by = colourfulness(kernels.weights)[order]
    assert (np.diff(by[:4]) >= 0).all()
    assert (np.diff(by[4:]) >= 0).all()


def test_numbers_of_two_columns_and_of_a_network_without_colour():
    kernels = Kernels("a", "conv1", random_kernels(8), 2)
    told = numbers(kernels)
    assert told["column_means"] == column_means(colourfulness(kernels.weights), 2)
    assert 0 < told["p_value"] <= 1
    assert [each["column"] for each in told["kernels"]] == [0] * 4 + [1] * 4
    grey = numbers(Kernels("b", "conv1", random_kernels(6, 1), 1))
    assert grey["colourfulness"] is grey["p_value"] is None


@pytest.mark.parametrize(("count", "channels", "columns"), [(48, 3, 2), (32, 3, 1), (6, 1, 1), (7, 4, 1)])
def test_every_kind_of_first_layer_is_drawn(count, channels, columns, tmp_path):
    row = Kernels("a", "conv1", random_kernels(count, channels, 3), columns)
    figure = kernel_figure("title", [row, row], [range(count)] * 2)
    figure.savefig(tmp_path / "kernels.png")
    sheets = [axis for axis in figure.axes if axis.images]
    assert len(sheets) == 2 * columns


def test_a_network_without_convolution_is_a_usage_problem():
    with pytest.raises(UsageProblem, match="no convolution"):
        kernels_of(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), "dense")
