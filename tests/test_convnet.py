"""cuda-convnet's networks for CIFAR-10: sizes, order of layers and initial weights; one against NumPy."""

import pytest
import reference_2012 as reference
import torch
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.summary import summarise, total
from alexnet.problem import UsageProblem

NAMES = [name for name in NETWORKS if name.startswith("convnet-")]


def rows(name, **options):
    with torch.device("meta"):
        network = create(name, classes=10, **options)
    return summarise(network, NETWORKS[name].input)


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [("convnet-80sec", 145_578, 12_354_176), ("convnet-19pct", 89_578, 12_298_240),
     ("convnet-18pct", 89_578, 12_298_240), ("convnet-conv-local-13pct", 1_116_490, 18_517_248),
     ("convnet-conv-local-11pct", 2_112_970, 19_512_576)],
)  # fmt: skip
def test_published_sizes(name, parameters, multiply_adds):
    whole = total(rows(name))
    assert (whole.parameters, whole.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize(
    ("name", "names", "sides"),
    [("convnet-80sec", "conv1 pool1 relu1 conv2 relu2 pool2 conv3 relu3 pool3", [16, 8, 4]),
     ("convnet-19pct", "conv1 pool1 relu1 conv2 relu2 pool2 conv3 relu3 pool3", [16, 8, 4]),
     ("convnet-18pct", "conv1 pool1 relu1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 pool3", [16, 8, 4]),
     ("convnet-conv-local-13pct", "conv1 relu1 pool1 conv2 relu2 pool2 local3 relu3 local4 relu4", [12, 6]),
     ("convnet-conv-local-11pct", "conv1 relu1 pool1 norm1 conv2 relu2 norm2 pool2 local3 relu3", [12, 6])],
)  # fmt: skip
def test_layers_come_in_the_order_of_the_layer_files(name, names, sides):
    layers = rows(name)
    assert " ".join(layer.name for layer in layers).startswith(names)
    assert [layer.output[1] for layer in layers if layer.name.startswith("pool")] == sides


@pytest.mark.parametrize(
    ("name", "deviations"),
    [("convnet-80sec", {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "fc64": 0.1, "fc10": 0.1}),
     ("convnet-18pct", {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "fc10": 0.01}),
     ("convnet-conv-local-11pct",
      {"conv1": 1e-4, "conv2": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01})],
)  # fmt: skip
def test_initial_weights_are_the_layer_files(name, deviations):
    found = dict(create(name, classes=10).named_parameters())
    assert len(found) == 2 * len(deviations)
    for layer, deviation in deviations.items():
        assert found[f"{layer}.weight"].std().item() == pytest.approx(deviation, rel=0.1)
        assert not found[f"{layer}.bias"].any()


def test_18pct_is_the_numpy_reference():
    torch.manual_seed(0)
    network = create("convnet-18pct", classes=4, image=10).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    images = 40 * torch.randn(1, 3, 10, 10, dtype=torch.float64)
    w = {name: value.numpy() for name, value in network.state_dict().items()}
    x = reference.convolve(images.numpy(), w["conv1.weight"], w["conv1.bias"], padding=2)
    x = reference.same_map_norm(reference.relu(reference.pool(x, 3, 2)), 3, 5e-5, 0.75)
    x = reference.relu(reference.convolve(x, w["conv2.weight"], w["conv2.bias"], padding=2))
    x = reference.same_map_norm(reference.pool(x, 3, 2, "average"), 3, 5e-5, 0.75)
    x = reference.relu(reference.convolve(x, w["conv3.weight"], w["conv3.bias"], padding=2))
    x = reference.pool(x, 3, 2, "average").reshape(1, -1)
    expected = torch.as_tensor(reference.dense(x, w["fc10.weight"], w["fc10.bias"]))
    torch.testing.assert_close(network(images).detach(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_other_image_sizes_and_activations(name):
    network = create(name, classes=3, channels=1, image=19, activation="tanh")
    assert network(torch.randn(2, 1, 19, 19)).shape == (2, 3)
    assert not any(isinstance(module, nn.ReLU) for module in network.modules())
    assert "tanh1" in dict(network.named_children())


@pytest.mark.parametrize("name", ["convnet-18pct", "convnet-conv-local-11pct"])
def test_norms_can_be_left_out(name):
    with_norm, without = rows(name), rows(name, norm=False)
    assert [row.name for row in without] == [row.name for row in with_norm if "norm" not in row.name]
    assert total(without).parameters == total(with_norm).parameters


def test_what_cannot_be_built_is_refused():
    with pytest.raises(UsageProblem, match="relu, tanh, sigmoid"):
        create("convnet-18pct", classes=10, activation="swish")
    with pytest.raises(UsageProblem, match="images of 1 pixels are too small"):
        create("convnet-18pct", classes=10, image=1)
