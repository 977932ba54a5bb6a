"""The running average of weights, and first kernels that whiten."""

from contextlib import suppress

import pytest
import torch
from torch import nn

from alexnet.ingredients import Average
from alexnet.problem import UsageProblem
from alexnet.training.averaging import Averaged
from alexnet.training.whitening import whiten


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4))


def moved(network, by):
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(by)


def test_it_is_the_geometric_average(network):
    averaged = Averaged(network, Average(decay=0.5))
    start = network[0].weight.detach().clone()
    for step in range(1, 4):
        moved(network, 1)
        averaged.after_step(step, step / 3)
    # 0.5 * 3 + 0.25 * 2 + 0.125 * 1
    torch.testing.assert_close(averaged.tensors["0.weight"], start + 2.125)
    assert averaged.tensors["1.num_batches_tracked"] == 3  # a count is not averaged


def test_every_so_many_steps_and_from_a_share_on(network):
    averaged = Averaged(network, Average(decay=0.8, every=2, rise=1))
    start = network[0].weight.detach().clone()
    moved(network, 1)
    averaged.after_step(1, 0.1)
    torch.testing.assert_close(averaged.tensors["0.weight"], start)
    averaged.after_step(2, 0.5)  # decay 0.8 * 0.5
    torch.testing.assert_close(averaged.tensors["0.weight"], start + 0.6)


def test_lookahead_goes_on_from_the_average(network):
    averaged = Averaged(network, Average(decay=0.25, restart=True))
    start = network[0].weight.detach().clone()
    moved(network, 4)
    averaged.after_step(1, 1.0)
    torch.testing.assert_close(network[0].weight.detach(), start + 3)
    torch.testing.assert_close(averaged.tensors["0.weight"], start + 3)


def test_the_network_has_the_average_for_a_while(network):
    averaged = Averaged(network, Average(decay=0.9))
    start = network[0].weight.detach().clone()
    moved(network, 1)
    own = network[0].weight.detach().clone()
    with suppress(InterruptedError), averaged.put():
        torch.testing.assert_close(network[0].weight.detach(), start)
        raise InterruptedError
    assert torch.equal(network[0].weight.detach(), own)


def test_a_checkpoint_holds_both(network):
    averaged = Averaged(network, Average(decay=0.9))
    moved(network, 1)
    averaged.after_step(1, 0.5)
    weights = {name: tensor.clone() for name, tensor in averaged.tensors.items()}
    tensors = {name: tensor.clone() for name, tensor in averaged.state().items()}
    other = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4))
    again = Averaged(other, Average(decay=0.9))
    again.restore(weights, tensors)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    for one, mine in ((network, averaged), (other, again)):
        moved(one, 1)
        mine.after_step(2, 0.6)
    for name, tensor in averaged.tensors.items():
        assert torch.equal(tensor, again.tensors[name])


def test_whitened_patches_are_uncorrelated():
    torch.manual_seed(0)
    smooth = nn.functional.interpolate(torch.randn(40, 3, 8, 8), (16, 16), mode="bilinear")
    layer = nn.Conv2d(3, 24, 2)
    whiten(nn.Sequential(layer), "0", smooth)
    maps = layer(smooth).detach().double().transpose(0, 1).reshape(24, -1)[:12]
    second = maps @ maps.T / maps.size(1)
    assert (second - torch.diag(second.diagonal())).abs().max() < 1e-4
    assert (second.diagonal() <= 1.001).all()
    assert second.diagonal()[0] > 0.95  # greatest variance first, where the added one matters least
    torch.testing.assert_close(layer.weight[:12], -layer.weight[12:])
    assert (layer.bias == 0).all()


@pytest.mark.parametrize(
    ("name", "says"), [("there", "no convolution of that name"), ("0", "need 24 kernels"), ("1", "no convol")]
)
def test_what_cannot_be_whitened_is_said(network, name, says):
    with pytest.raises(UsageProblem, match=says):
        whiten(network, name, torch.randn(2, 3, 8, 8))
