"""What every network of the line must do; one that joins `NETWORKS` is tested here without a further word.

Numbers are compared on the processor where that is cheap, and marked slow where it is not; structure is
tested for all on the meta device, where nothing is computed and only long networks are slow.
"""

import functools

import pytest
import safetensors.torch
import torch
from write_golden import GOLDEN, golden_text

from alexnet.networks import NETWORKS, create
from alexnet.networks.summary import summarise, total
from alexnet.problem import UsageProblem

# multiply-adds, parameters and layers up to which a network is cheap to run; layers up to which to trace
CHEAP, SMALL, SHORT = 60_000_000, 8_000_000, 60


@functools.cache
def cost(name):
    """Multiply-adds, parameters and layers, from the golden file if there is one."""
    path = GOLDEN / f"{name}.txt"
    *layers, last = (path.read_text() if path.exists() else golden_text(name)).splitlines()
    _, parameters, multiply_adds = last.split()
    return int(multiply_adds), int(parameters), len(layers)


def marked(slow):
    return [pytest.param(name, marks=[pytest.mark.slow] if slow(name) else []) for name in NETWORKS]


def is_dear(name):
    multiply_adds, parameters, layers = cost(name)
    return multiply_adds > CHEAP or parameters > SMALL or layers > SHORT


with_numbers = pytest.mark.parametrize("name", marked(is_dear))
traced = pytest.mark.parametrize("name", marked(lambda name: cost(name)[2] > SHORT))
every = pytest.mark.parametrize("name", marked(lambda name: cost(name)[2] > 4 * SHORT))


def on_meta(name, classes=6, channels=None):
    with torch.device("meta"):
        return create(name, classes=classes, channels=channels or NETWORKS[name].input[0])


def pictures(name, device="cpu"):
    return torch.randn(2, *NETWORKS[name].input, device=device)


@pytest.fixture(autouse=True)
def _same_numbers():
    torch.manual_seed(0)
    torch.compiler.reset()


@every
def test_classes_and_channels_are_honoured(name):
    _, height, width = NETWORKS[name].input
    layers = summarise(on_meta(name, classes=7, channels=2), (2, height, width))
    assert total(layers).output == (7,)


@every
def test_loss_reaches_every_parameter(name):
    network = on_meta(name)
    labels = torch.zeros(2, dtype=torch.int64, device="meta")
    NETWORKS[name].loss(network, pictures(name, "meta"), labels).backward()
    missed = [key for key, parameter in network.named_parameters() if parameter.grad is None]
    assert not missed


@with_numbers
def test_gradients_are_numbers_and_not_all_zero(name):
    network = create(name, classes=6, channels=NETWORKS[name].input[0])
    with torch.no_grad():  # so that no layer starts switched off, as the last norms of some residual units do
        for parameter in network.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    NETWORKS[name].loss(network, pictures(name), torch.tensor([1, 4])).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@with_numbers
def test_evaluation_is_deterministic_and_image_by_image(name):
    network, images = create(name, classes=6, channels=NETWORKS[name].input[0]).eval(), pictures(name)
    with torch.no_grad():
        together = network(images)
        assert torch.equal(together, network(images))
        alone = torch.cat([network(images[:1]), network(images[1:])])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-3 * together.abs().max().item())


@with_numbers
def test_state_goes_through_safetensors(name):
    channels = NETWORKS[name].input[0]
    network, other = (create(name, classes=6, channels=channels, seed=seed).eval() for seed in (1, 2))
    state = safetensors.torch.load(safetensors.torch.save(network.state_dict()))
    images = pictures(name)
    with torch.no_grad():
        expected = network(images)
        assert not torch.equal(expected, other(images))
        other.load_state_dict(state)
        assert torch.equal(expected, other(images))


@with_numbers
def test_seed_alone_draws_the_weights(name):
    channels = NETWORKS[name].input[0]
    before = torch.random.get_rng_state()
    first, second, third = (create(name, classes=6, channels=channels, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    assert any(
        not torch.equal(one, two) for one, two in zip(first.parameters(), third.parameters(), strict=True)
    )


@with_numbers
def test_exported_it_gives_the_same_logits(name):
    network, images = create(name, classes=6, channels=NETWORKS[name].input[0]).eval(), pictures(name)
    with torch.no_grad():
        expected = network(images)
        found = torch.export.export(network, (images,)).module()(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


@traced
def test_export_accepts_it(name):
    program = torch.export.export(on_meta(name).eval(), (pictures(name, "meta"),))
    (output,) = program.graph.output_node().args[0]
    assert output.meta["val"].shape == (2, 6)


@with_numbers
def test_compile_accepts_training_in_one_graph(name):
    network = torch.compile(on_meta(name), backend="eager", fullgraph=True)
    assert network(pictures(name, "meta")).shape == (2, 6)


def test_an_unknown_network_is_refused_in_one_line():
    with pytest.raises(UsageProblem, match="alexnett"):
        create("alexnett", classes=10)
