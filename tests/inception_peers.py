"""Inception v3, v4 and Inception-ResNet-v2 beside torchvision's and timm's, of the same weights."""

import functools

import timm
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from alexnet.networks import create, inception_resnet_v2, inception_v3, inception_v4

# name, our renaming, the peer, keys of its state
PEERS = {
    "inception-v3": (
        inception_v3.from_torchvision,
        functools.partial(torchvision.models.inception_v3, init_weights=False, dropout=0.0, aux_logits=False),
        566,
    ),
    "inception-v4": (inception_v4.from_timm, functools.partial(timm.create_model, "inception_v4"), 896),
    "inception-resnet-v2": (
        inception_resnet_v2.from_timm,
        functools.partial(timm.create_model, "inception_resnet_v2"),
        1306,
    ),
}


@functools.cache
def on_meta(name, **options):
    with torch.device("meta"):
        return create(name, classes=1000, **options)


@functools.cache
def drawn_v3():
    """With the weights it starts from: drawing them takes its time."""
    return create("inception-v3", classes=10)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network, size):
    with FlopCounterMode(display=False) as counter:
        network.eval()(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() // 2


def shapes(network, size):
    """Shape [C, H, W] of each child's output."""
    maps, found = torch.empty(1, 3, size, size, device="meta"), {}
    for name, layer in network.named_children():
        if name != "side":
            maps = layer(maps)
            found[name] = tuple(maps.shape[1:])
    return found


def randomised(network):
    """Weights as if new, norms and their statistics as if trained."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)
            if layer.bias is not None:
                layer.bias.data.uniform_(-0.2, 0.2)
        if isinstance(layer, nn.BatchNorm2d):
            for scale in (layer.weight.data, layer.running_var):
                scale.uniform_(0.5, 1.5)
            for shift in (layer.bias.data, layer.running_mean):
                shift.uniform_(-0.2, 0.2)
            layer.num_batches_tracked.zero_()
    return network


def of_peer(name, theirs, **options):
    """Our network, without dropout, of the peer's weights."""
    with torch.device("meta"):
        ours = create(name, classes=1000, dropout=0.0, **options)
    ours.load_state_dict(PEERS[name][0](theirs.state_dict()), assign=True)
    return ours


def pair(name, dtype=torch.float32):
    """Our network and its peer, main head only."""
    torch.manual_seed(0)
    with torch.device("meta"):
        theirs = PEERS[name][1]()
    theirs = randomised(theirs.to_empty(device="cpu").to(dtype))
    return of_peer(name, theirs, **({"side_head": False} if name == "inception-v3" else {})), theirs


def train_with_fixed_statistics(network):
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()


def assert_equal(ours, theirs, tolerance):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * theirs.abs().max().item())
