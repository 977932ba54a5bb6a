"""The layers that torch lacks, against torch where it has the like and against loops in NumPy."""

import numpy as np
import pytest
import reference_2012 as reference
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from alexnet.networks.layers import (
    CeilPad,
    ColumnLinear,
    LocallyConnected2d,
    PaperDropout,
    ResponseNorm,
    SameMapNorm,
    ceil_windows,
)
from alexnet.problem import UsageProblem


def noise(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def close(ours, theirs):
    torch.testing.assert_close(ours, torch.as_tensor(theirs), rtol=1e-10, atol=1e-10)


# windows


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "count"),
    [(224, 11, 4, 0, 55), (55, 3, 2, 0, 27), (27, 3, 2, 0, 13), (13, 3, 2, 0, 6), (55, 2, 2, 0, 28),
     (27, 5, 1, 2, 27), (32, 3, 2, 0, 16), (16, 3, 2, 0, 8), (56, 5, 2, 0, 27), (24, 3, 2, 0, 12)],
)  # fmt: skip
def test_windows_are_counted_with_ceil(size, kernel, stride, padding, count):
    assert ceil_windows(size, kernel, stride, padding) == count


@settings(max_examples=60, deadline=None)
@given(size=st.integers(11, 80), kernel=st.integers(5, 11), stride=st.integers(1, 5))
def test_edge_and_convolution_give_ceil_windows_that_start_inside(size, kernel, stride):
    network = nn.Sequential(CeilPad(kernel, stride), nn.Conv2d(1, 1, kernel, stride=stride))
    with torch.device("meta"):
        image = torch.empty(1, 1, size, size + 3)
    height, width = network.to("meta")(image).shape[2:]
    assert (height, width) == (ceil_windows(size, kernel, stride), ceil_windows(size + 3, kernel, stride))
    assert (height - 1) * stride < size  # where kernels are no smaller than strides


def test_edge_is_zeros_right_and_below():
    padded = CeilPad(11, 4)(torch.ones(1, 3, 224, 224))
    assert padded.shape == (1, 3, 227, 227)
    assert padded[..., :224, :224].min() == 1
    assert padded.sum() == 3 * 224 * 224


@pytest.mark.parametrize(
    ("image", "edges", "side"),
    [(224, (0, 3, 0, 3), 55), (224, (2, 2, 2, 2), 55), (227, (0, 0, 0, 0), 55), (224, (0, 0, 0, 0), 54),
     (224, (1, 1, 1, 1), 54)],
)  # fmt: skip
def test_eleven_by_four_over_224_and_227(image, edges, side):
    conv = nn.Conv2d(3, 1, 11, stride=4, device="meta")
    assert conv(F.pad(torch.empty(1, 3, image, image, device="meta"), edges)).shape[2:] == (side, side)


@pytest.mark.parametrize("side", [6, 7, 8, 13])
@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 2)])
def test_torch_pools_with_ceil_as_cuda_convnet(side, size, stride):
    maps = noise(2, 3, side, side)
    largest = nn.MaxPool2d(size, stride=stride, ceil_mode=True)(maps)
    average = nn.AvgPool2d(size, stride=stride, ceil_mode=True, count_include_pad=False)(maps)
    close(largest, reference.pool(maps.numpy(), size, stride))
    close(average, reference.pool(maps.numpy(), size, stride, "average"))


def test_relu_and_max_pool_commute_but_not_with_averages_or_norms():
    maps, relu, pool = noise(2, 12, 13, 13, scale=30), nn.ReLU(), nn.MaxPool2d(3, stride=2)
    assert torch.equal(relu(pool(maps)), pool(relu(maps)))
    for other in (nn.AvgPool2d(3, stride=2), ResponseNorm.printed(5, 1e-4, beta=0.75, k=2)):
        assert not torch.allclose(relu(other(maps)), other(relu(maps)), rtol=1e-3)


def test_groups_are_two_halves_side_by_side():
    conv, maps = nn.Conv2d(8, 12, 5, padding=2, groups=2, dtype=torch.float64), noise(2, 8, 9, 9)
    halves = [
        F.conv2d(
            maps[:, 4 * half : 4 * half + 4],
            conv.weight[6 * half :][:6],
            conv.bias[6 * half :][:6],
            padding=2,
        )
        for half in (0, 1)
    ]
    close(conv(maps), torch.cat(halves, 1))


# norms

ACROSS = [
    (5, 1e-4, 0.75, 2, 1),
    (5, 1e-4, 0.75, 2, 2),
    (9, 1e-3, 0.75, 1, 1),
    (3, 0.5, 0.5, 0.7, 4),
    (1, 0.1, 1, 1, 1),
]


@pytest.mark.parametrize(("size", "alpha", "beta", "k", "columns"), ACROSS)
def test_response_norm_and_its_gradient_are_the_formula(size, alpha, beta, k, columns):
    maps, above = noise(2, 16, 3, 4, scale=40).requires_grad_(), noise(2, 16, 3, 4, seed=1)
    normed = ResponseNorm(size, alpha, beta=beta, k=k, columns=columns)(maps)
    (normed * above).sum().backward()
    values = (size, alpha, beta, k, columns)
    close(normed.detach(), reference.response_norm(maps.detach().numpy(), *values))
    close(maps.grad, reference.response_norm_gradient(maps.detach().numpy(), above.numpy(), *values))


@pytest.mark.parametrize(
    ("size", "alpha", "beta", "k"), [(5, 1e-3, 0.75, 1), (3, 5e-5, 0.75, 1), (3, 0.4, 1.5, 0.3)]
)
def test_same_map_norm_and_its_gradient_are_the_formula(size, alpha, beta, k):
    maps, above = noise(2, 3, 7, 6, scale=30).requires_grad_(), noise(2, 3, 7, 6, seed=1)
    normed = SameMapNorm(size, alpha, beta=beta, k=k)(maps)
    (normed * above).sum().backward()
    close(normed.detach(), reference.same_map_norm(maps.detach().numpy(), size, alpha, beta, k))
    gradient = reference.same_map_norm_gradient(maps.detach().numpy(), above.numpy(), size, alpha, beta, k)
    close(maps.grad, gradient)


@pytest.mark.parametrize(
    "norm", [ResponseNorm(5, 0.3, beta=0.75, k=2, columns=2), SameMapNorm(3, 0.3, beta=0.75)]
)
def test_norms_pass_the_numeric_gradient_check(norm):
    assert torch.autograd.gradcheck(norm, noise(1, 8, 4, 3, scale=2).requires_grad_())


@settings(max_examples=25, deadline=None)
@given(size=st.sampled_from([1, 3, 5, 7, 9]), maps=st.integers(1, 20), k=st.sampled_from([1.0, 2.0]))
def test_response_norm_is_torchs_with_alpha_divided_and_the_papers_with_alpha_times_window(size, maps, k):
    values = noise(2, maps, 3, 3, seed=maps, scale=60)
    theirs = nn.LocalResponseNorm(size, alpha=1e-4, beta=0.75, k=k)(values)
    close(ResponseNorm(size, 1e-4, beta=0.75, k=k)(values), theirs)
    summed = nn.LocalResponseNorm(size, alpha=1e-4 * size, beta=0.75, k=k)(values)
    close(ResponseNorm.printed(size, 1e-4, beta=0.75, k=k)(values), summed)


def test_paper_norm_is_torch_with_five_times_alpha():
    maps = noise(2, 96, 5, 5, scale=60)
    theirs = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)(maps)
    close(ResponseNorm.printed(5, 1e-4, beta=0.75, k=2)(maps), theirs)


def test_columns_norm_apart():
    maps, norm = noise(2, 12, 3, 3, scale=60), ResponseNorm(5, 1e-2, beta=0.75, k=2)
    both = ResponseNorm(5, 1e-2, beta=0.75, k=2, columns=2)(maps)
    close(both, torch.cat([norm(maps[:, :6]), norm(maps[:, 6:])], 1))
    assert not torch.allclose(both, norm(maps))


@pytest.mark.parametrize("size", [2, 4])
def test_even_windows_are_refused_with_the_reason(size):
    for norm in (ResponseNorm, ResponseNorm.printed, SameMapNorm):
        with pytest.raises(UsageProblem, match="even and has no middle: torch and ONNX shift"):
            norm(size, 1e-4, beta=0.75, k=2)


# dropout


def test_dropout_is_torchs_when_the_next_weights_are_halved():
    features = noise(64, 40)
    paper, torchs = PaperDropout(0.5), nn.Dropout(0.5)
    behind, halved = nn.Linear(40, 8, dtype=torch.float64), nn.Linear(40, 8, dtype=torch.float64)
    with torch.no_grad():
        halved.weight.copy_(behind.weight / 2)
        halved.bias.copy_(behind.bias)
    torch.manual_seed(3)
    trained = behind(paper(features))
    torch.manual_seed(3)
    close(trained, halved(torchs(features)))
    close(behind(paper.eval()(features)), halved(torchs.eval()(features)))


def test_dropout_masks_without_scaling_and_tests_with_the_kept_share():
    ones = torch.ones(200, 500)
    torch.manual_seed(0)
    masked = PaperDropout(0.3)(ones)
    assert set(masked.unique().tolist()) == {0.0, 1.0}
    assert masked.mean() == pytest.approx(0.7, abs=0.01)
    assert torch.equal(PaperDropout(0.3).eval()(ones), 0.7 * ones)
    assert torch.equal(PaperDropout(0.0)(ones), ones)


def test_dropout_hides_masked_features_from_the_gradient():
    features = torch.ones(8, 50, requires_grad=True)
    masked = PaperDropout(0.5)(features)
    masked.sum().backward()
    assert torch.equal(features.grad, masked)


@pytest.mark.parametrize("p", [-0.1, 1.0, 7])
def test_dropout_rate_is_a_share(p):
    with pytest.raises(UsageProblem, match="dropout rate"):
        PaperDropout(p)


# unshared and columned layers


def test_column_linear_is_two_dense_layers():
    layer, features = ColumnLinear(6, 8, columns=2).double(), noise(5, 6)
    apart = [
        F.linear(features[:, 3 * c :][:, :3], layer.weight[4 * c :][:4], layer.bias[4 * c :][:4])
        for c in (0, 1)
    ]
    close(layer(features), torch.cat(apart, 1))
    assert torch.autograd.gradcheck(layer, features.requires_grad_())


def test_unshared_convolution_is_a_sum_at_every_place():
    layer, maps = LocallyConnected2d(3, 4, kernel=3, image=5, padding=1).double(), noise(2, 3, 5, 5)
    nn.init.normal_(layer.bias)
    outputs = layer(maps).detach()
    for image, filter_, y, x in np.ndindex(2, 4, 5, 5):
        inputs = reference.patch(maps[image].numpy(), y - 1, x - 1, 3)
        weight = layer.weight[5 * y + x, filter_].detach().numpy().reshape(3, 3, 3)
        expected = (weight * inputs).sum() + layer.bias[filter_, y, x].item()
        assert outputs[image, filter_, y, x].item() == pytest.approx(expected, abs=1e-10)


def test_unshared_convolution_with_one_kernel_everywhere_is_a_convolution():
    layer, conv = (
        LocallyConnected2d(3, 4, kernel=3, image=6).double(),
        nn.Conv2d(3, 4, 3, dtype=torch.float64),
    )
    with torch.no_grad():
        layer.weight.copy_(conv.weight.flatten(1).expand_as(layer.weight))
        layer.bias.copy_(conv.bias[:, None, None].expand_as(layer.bias))
    maps = noise(2, 3, 6, 6)
    close(layer(maps), conv(maps))
    assert torch.autograd.gradcheck(layer, maps[:, :, :, :].requires_grad_())


def test_layers_print_what_they_are():
    assert "5, alpha=0.0005" in repr(ResponseNorm.printed(5, 1e-4, beta=0.75, k=2, columns=2))
    assert "3, 4, kernel=3, padding=0, places=16" in repr(LocallyConnected2d(3, 4, kernel=3, image=6))
    assert "6, 8, columns=2" in repr(ColumnLinear(6, 8, columns=2))
    assert "kernel=11, stride=4" in repr(CeilPad(11, 4))
    assert "p=0.5" in repr(PaperDropout())
    assert "5, alpha=0.001" in repr(SameMapNorm(5, 1e-3, beta=0.75))
