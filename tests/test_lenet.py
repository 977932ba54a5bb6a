"""LeNet-5: the modern form's sizes, and the original's layers against their definitions."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from alexnet.networks import create
from alexnet.networks.lenet import C3, CodeDistances, ScaledTanh, SparseConv2d, TrainableSubsampling
from alexnet.networks.summary import summarise, total
from alexnet.problem import UsageProblem


def parameters_by_layer(network, input):
    return {layer.name: layer.parameters for layer in summarise(network, input) if layer.parameters}


def test_modern_form_has_61706_parameters():
    network = create("lenet", classes=10, channels=1)
    found = parameters_by_layer(network, (1, 28, 28))
    assert found == {"conv1": 156, "conv3": 2416, "fc5": 48_120, "fc6": 10_164, "fc7": 850}
    whole = total(summarise(network, (1, 28, 28)))
    assert (whole.parameters, whole.multiply_adds) == (61_706, 416_520)


def test_modern_form_is_the_books_with_sigmoid_and_average():
    ours = create("lenet", classes=10, channels=1, activation="sigmoid", pool="average")
    book = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, 10),
    )  # fmt: skip
    book.load_state_dict(dict(zip(book.state_dict(), ours.state_dict().values(), strict=True)))
    images = torch.randn(3, 1, 28, 28)
    assert torch.equal(ours(images), book(images))


@pytest.mark.parametrize("image", [12, 16, 20, 32])
def test_modern_form_takes_other_sizes(image):
    network = create("lenet", classes=4, channels=3, image=image)
    assert network(torch.randn(2, 3, image, image)).shape == (2, 4)


@pytest.mark.parametrize("options", [{"activation": "gelu"}, {"pool": "mean"}, {"image": 8}], ids=str)
def test_what_cannot_be_built_is_refused(options):
    with pytest.raises(UsageProblem):
        create("lenet", classes=10, channels=1, **options)


def test_original_has_60000_parameters():
    network = create("lenet-1998", classes=10, channels=1)
    found = parameters_by_layer(network, (1, 32, 32))
    assert found == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert sum(found.values()) == 60_000


def test_c3_has_sixty_links_ten_to_each_map():
    assert sum(len(maps) for maps in C3) == 60
    assert [sum(seen in maps for maps in C3) for seen in range(6)] == [10] * 6
    assert [len(maps) for maps in C3] == [3] * 6 + [4] * 9 + [6]
    assert len(set(C3)) == 16


def test_sparse_convolution_sees_its_links_only():
    layer, maps = SparseConv2d(C3).double(), torch.randn(2, 6, 14, 14, dtype=torch.float64)
    nn.init.normal_(layer.bias)
    outputs, link = layer(maps), 0
    for row, seen in enumerate(C3):
        expected = layer.bias[row] + sum(
            F.conv2d(maps[:, [one]], layer.weight[link + place][None, None]) for place, one in enumerate(seen)
        )
        torch.testing.assert_close(outputs[:, [row]], expected)
        link += len(seen)
    outputs.sum().backward()
    assert layer.weight.grad.abs().min() > 0


def test_subsampling_is_coefficient_times_sum_plus_bias():
    layer, maps = TrainableSubsampling(3).double(), torch.randn(2, 3, 4, 6, dtype=torch.float64)
    nn.init.normal_(layer.bias)
    output = layer(maps)
    assert output.shape == (2, 3, 2, 3)
    expected = layer.weight[1] * maps[0, 1, 2:4, 4:6].sum() + layer.bias[1]
    assert output[0, 1, 1, 2].item() == pytest.approx(expected.item(), abs=1e-12)


def test_scaled_tanh_keeps_one_and_bends_most_there():
    one = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(ScaledTanh()(one), one, atol=1e-4, rtol=0)
    points = torch.linspace(0.2, 2, 1801, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ScaledTanh()(points).sum(), points, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), points)
    assert points[bend.argmin()].item() == pytest.approx(1, abs=0.02)


def test_codes_are_seven_by_twelve_and_differ():
    codes = CodeDistances(40).codes
    assert codes.shape == (40, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    assert len({tuple(code.tolist()) for code in codes}) == 40
    assert torch.equal(codes, CodeDistances(40).codes)
    assert torch.equal(codes[:7], CodeDistances(7).codes)
    one = codes[1].view(12, 7)
    assert (one[2:10, 3] == 1).all()  # the stem of the digit
    assert (one[:, 6] == -1).all()


def test_output_is_minus_the_squared_distance():
    layer, features = CodeDistances(3), torch.randn(2, 84)
    expected = -((features[1] - layer.codes[2]) ** 2).sum()
    assert layer(features)[1, 2].item() == pytest.approx(expected.item(), rel=1e-5)
    assert layer(layer.codes).argmax(1).tolist() == [0, 1, 2]
    assert not list(layer.parameters())


def test_original_starts_near_chance_and_learns():
    torch.manual_seed(0)
    network = create("lenet-1998", classes=10, channels=1)
    images, labels = torch.randn(20, 1, 32, 32), torch.arange(20) % 10
    first = F.cross_entropy(network(images), labels).item()
    assert first == pytest.approx(math.log(10), rel=0.25)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
    assert (network(images).argmax(1) == labels).all()
