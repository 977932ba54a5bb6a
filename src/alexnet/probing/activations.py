"""What the layers of a network answer to images."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from alexnet.problem import UsageProblem


@torch.inference_mode()
def activations(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    """Output of the named layer for images [N, C, H, W]; a UsageProblem lists the layers there are."""
    with recorded(network, layer) as outputs:
        network(images)
    return outputs[-1]


@contextmanager
def recorded(network: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """Collect what `layer` answers while the network runs."""
    layers = dict(network.named_modules())
    if not layer or layer not in layers:
        raise UsageProblem(f"no layer {layer!r}; there are {', '.join(name for name in layers if name)}")
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output.detach().clone())

    handle = layers[layer].register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()


def first_convolution(network: nn.Module) -> str:
    """Name of the first convolution; a UsageProblem where there is none."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    if not names:
        raise UsageProblem("this network has no convolution to show")
    return str(names[0])
