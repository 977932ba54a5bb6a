"""What every network of the line must do; one that joins `NETWORKS` is tested here without a further word.

Each runs small: on few pixels and, where its options allow, with fewer maps. As published it runs on pictures
of its own size, on the processor where that is cheap, and marked slow where it is not. Tracing (export,
compile) takes time with every layer and is slow for all but short networks.
"""

import functools

import pytest
import safetensors.torch
import torch
from torch import nn
from write_golden import GOLDEN, golden_text

from alexnet.networks import NETWORKS, create, resnet_plans, vgg
from alexnet.networks.summary import summarise, total
from alexnet.problem import UsageProblem

# multiply-adds, parameters and layers up to which a network is cheap to run; layers up to which to trace
CHEAP, LIGHT, LONG, SHORT = 60_000_000, 8_000_000, 60, 24
LARGE = ("alexnet-owt", "alexnet-d2l")  # their dense layers have no smaller form

# pixels and options by the beginning of a name, of which the longest counts; others run at their own size
SMALL = {
    "lenet": (16, {"image": 16}),
    "lenet-1998": (32, {}),  # c5 takes maps of 5 × 5 and no others
    "convnet": (16, {"image": 16}),
    "alexnet": (67, {"image": 67, "dense": (64, 64)}),
    "alexnet-32": (20, {"image": 20, "dense": (64, 64)}),
    "alexnet-64": (31, {"image": 31, "dense": (64, 64)}),
    "alexnet-2012-32": (20, {"image": 20, "dense": (64, 64)}),
    "alexnet-2012-64": (31, {"image": 31, "dense": (64, 64)}),
    "alexnet-owt": (67, {}),
    "alexnet-d2l": (224, {}),  # fc6 takes maps of 5 × 5 and no others
    "caffe": (67, {"image": 67, "dense": (64, 64)}),
    "nin": (67, {}),
    "nin-32": (16, {}),
    "nin-cifar": (16, {}),
    "vgg": (32, {"hidden": 64}),
    **{
        name: (
            32,
            {"hidden": 64, "blocks": [(convolutions, maps // 8) for convolutions, maps in plan.blocks]},
        )
        for name, plan in (vgg.PUBLISHED | vgg.BATCH_NORM).items()
    },
    "googlenet": (64, {"width": 0.25, "side_pool": "4x4"}),
    "bn-inception": (64, {}),
    "bn-inception-64": (32, {}),
    "inception-v3": (151, {"width": 0.125, "stride": 1}),  # the least that the side head takes
    "inception-v3-64": (47, {}),
    "inception-v4": (107, {"width": 0.25}),
    "inception-v4-64": (47, {}),
    "inception-resnet-v2": (107, {"width": 0.25}),
    "inception-resnet-v2-64": (47, {}),
    "resnet": (64, {"width": 16}),
    "plain": (64, {"width": 16}),
    **dict.fromkeys(resnet_plans.CIFAR | resnet_plans.CIFAR_PLAIN | resnet_plans.CIFAR_V2, (8, {})),
}


@functools.cache
def cost(name):
    """Multiply-adds, parameters and layers, from the golden file if there is one."""
    path = GOLDEN / f"{name}.txt"
    *layers, last = (path.read_text() if path.exists() else golden_text(name)).splitlines()
    _, parameters, multiply_adds = last.split()
    return int(multiply_adds), int(parameters), len(layers)


def is_dear(name):
    multiply_adds, parameters, layers = cost(name)
    return multiply_adds > CHEAP or parameters > LIGHT or layers > LONG


def marked(slow):
    return [pytest.param(name, marks=[pytest.mark.slow] if slow(name) else []) for name in NETWORKS]


own_size = pytest.mark.parametrize("name", marked(is_dear))
on_paper = pytest.mark.parametrize("name", marked(lambda name: cost(name)[2] > 4 * LONG))
run_often = pytest.mark.parametrize(
    "small", marked(lambda name: cost(name)[2] > 1000 or name in LARGE), indirect=True
)
traced = pytest.mark.parametrize(
    "small", marked(lambda name: cost(name)[2] > SHORT or name in LARGE), indirect=True
)


def on_meta(name, classes=6, channels=None):
    with torch.device("meta"):
        return create(name, classes=classes, channels=channels or NETWORKS[name].input[0])


def pictures(name, pixels=None, device="cpu"):
    channels, height, width = NETWORKS[name].input
    return torch.randn(2, channels, pixels or height, pixels or width, device=device)


@pytest.fixture(scope="module", params=marked(lambda name: name in LARGE))
def small(request):
    """A small network and pictures for it; its tests leave the weights as they are."""
    name = request.param
    beginnings = [beginning for beginning in SMALL if name.startswith(beginning)]
    pixels, options = SMALL[max(beginnings, key=len)] if beginnings else (None, {})
    torch.manual_seed(0)
    images = pictures(name, pixels)
    return name, with_statistics(built(name, **options), images), images


def built(name, **options):
    return create(name, classes=6, channels=NETWORKS[name].input[0], **options)


@torch.no_grad()
def with_statistics(network, images):
    """Norms know these images; with their first statistics a thousand units add up beyond float32."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    network.train()(images)
    return network


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.manual_seed(0)
    torch.compiler.reset()


def assert_gradient_everywhere(name, network, images):
    loss = NETWORKS[name].loss(network.train(), images, torch.tensor([1, 4]))
    gradients = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    for (key, _), gradient in zip(network.named_parameters(), gradients, strict=True):
        assert gradient is not None, key
        assert 0 < gradient.abs().sum() < float("inf"), key


def assert_deterministic_and_image_by_image(network, images):
    """In float64: plain networks of a hundred layers make much of the last digit of a float32."""
    network, images = network.eval().double(), images.double()
    with torch.no_grad():
        together = network(images)
        assert torch.equal(together, network(images))
        alone = torch.cat([network(images[:1]), network(images[1:])])
    network.float()
    assert together.shape == (2, 6)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6 * together.abs().max().item())


def assert_state_goes_through_safetensors(network, other, images):
    """Of one whose every value was another, the state makes the same; `other` may be the network itself."""
    with torch.no_grad():
        expected = network.eval()(images)
        saved = safetensors.torch.save(network.state_dict())
        for value in other.state_dict().values():
            value.fill_(7)
        other.load_state_dict(safetensors.torch.load(saved))
        assert torch.equal(expected, other.eval()(images))


def test_small_gradient_reaches_every_parameter(small):
    assert_gradient_everywhere(*small)


@run_often
def test_small_evaluation_is_deterministic_and_image_by_image(small):
    assert_deterministic_and_image_by_image(*small[1:])


@run_often
def test_small_state_goes_through_safetensors(small):
    _, network, images = small
    assert_state_goes_through_safetensors(network, network, images)


@traced
def test_exported_it_gives_the_same_logits(small):
    _, network, images = small
    with torch.no_grad():
        expected = network.eval()(images)
        found = torch.export.export(network, (images,)).module()(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


@traced
def test_compiled_in_one_graph_it_trains_alike(small):
    """By the backend that runs the graph as it is: what compilers make of it is theirs to test."""
    _, network, images = small
    compiled = torch.compile(network.train(), backend="eager", fullgraph=True)
    weights, found = list(network.parameters()), []
    for forward in (network, compiled):
        torch.manual_seed(0)  # of dropout's masks
        logits = forward(images)
        found.append([logits, *torch.autograd.grad(logits.sum(), weights, allow_unused=True)])
    torch.testing.assert_close(found[1], found[0])


@on_paper
def test_classes_and_channels_are_honoured(name):
    _, height, width = NETWORKS[name].input
    layers = summarise(on_meta(name, classes=7, channels=2), (2, height, width))
    assert total(layers).output == (7,)


@own_size
def test_gradient_reaches_every_parameter(name):
    assert_gradient_everywhere(name, built(name), pictures(name))


@own_size
def test_evaluation_is_deterministic_and_image_by_image(name):
    images = pictures(name)
    assert_deterministic_and_image_by_image(with_statistics(built(name), images), images)


@own_size
def test_state_goes_through_safetensors(name):
    images = pictures(name)
    network = with_statistics(built(name, seed=1), images)
    assert_state_goes_through_safetensors(network, built(name, seed=2), images)


@own_size
def test_seed_alone_draws_the_weights(name):
    before = torch.random.get_rng_state()
    first, second, third = (built(name, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    assert any(
        not torch.equal(one, two) for one, two in zip(first.parameters(), third.parameters(), strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_export_and_compile_accept_its_own_size(name):
    """On the meta device, where nothing is computed."""
    images = pictures(name, device="meta")
    program = torch.export.export(on_meta(name).eval(), (images,))
    (output,) = program.graph.output_node().args[0]
    assert output.meta["val"].shape == (2, 6)
    network = torch.compile(on_meta(name), backend="eager", fullgraph=True)
    assert network(images).shape == (2, 6)


def test_an_unknown_network_is_refused_in_one_line():
    with pytest.raises(UsageProblem, match="alexnett"):
        create("alexnett", classes=10)
