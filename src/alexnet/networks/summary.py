"""What a network costs, layer by layer: outputs, parameters, multiply-adds, activations, receptive fields.

A multiply-add is one weight times one value, added up. Convolutions and dense layers have them; biases,
norms, pools and activations are not counted, as in the literature. A layer that torch does not know may say
its own in a method `multiply_adds(output: tuple[int, ...]) -> int`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from alexnet.networks.tracing import Passed, multiply_adds, trace


@dataclass(frozen=True)
class Layer:
    """One layer, or one block of layers."""

    name: str  # dotted where modules are nested
    kind: str  # the module's class
    output: tuple[int, ...]  # of one image, without N; empty where the forward pass does not come by
    parameters: int
    multiply_adds: int  # of one image
    activations: int  # values put out for one image; of a block, those of all its layers
    depth: int = 0  # layers with multiply-adds on the longest way from the image to this output


def summarise(network: nn.Module, input: tuple[int, ...], *, depth: int | None = None) -> list[Layer]:
    """The layers in the order of their run on one image [C, H, W]; with `depth`, blocks that deep are a row.

    Runs in evaluation mode on torch's meta device, which takes neither memory nor time. A parameter counts
    where it is first met. Layers that the pass leaves out, such as side heads, come last. Raises UsageProblem
    if the network does not take such an image.
    """
    passed = trace(network, input)
    ran = {id(one.module) for one in passed}
    passed += [
        Passed(name, module, (), (), 0) for name, module in network.named_modules() if id(module) not in ran
    ]
    counted: set[int] = set()
    layers = [
        Layer(
            one.name,
            type(one.module).__name__,
            one.output,
            sum(parameter.numel() for parameter in _first_met(one.module, counted)),
            multiply_adds(one.module, one.output),
            math.prod(one.output) if one.output else 0,
            one.depth,
        )
        for one in passed
        if _own_parameters(one.module) or (one.output and not any(one.module.children()))
    ]
    return layers if depth is None else _blocks(layers, passed, depth)


def total(layers: Iterable[Layer]) -> Layer:
    """The sums of the layers, with the output of the last that has one."""
    return _sum("total", "", list(layers))


def neurons(layers: Iterable[Layer]) -> int:
    """Outputs of layers with weights, as the paper counts its 650,000."""
    return sum(layer.activations for layer in layers if layer.multiply_adds)


def activation_bytes(layers: Iterable[Layer], *, images: int = 1, bytes_each: int = 4) -> int:
    """Memory of the outputs of all layers for a batch, were all of them held at once."""
    return images * bytes_each * sum(layer.activations for layer in layers)


def kept_bytes(network: nn.Module, input: tuple[int, ...]) -> int:
    """Memory that training keeps of one image [C, H, W] for the backward pass, float32.

    Counted as torch's autograd saves it in training mode, parameters left out: inputs of convolutions and
    norms, outputs of ReLU, places of maxima, masks of dropout, and each only once. Of a network on the meta
    device, see `on_paper`; side heads take no part.
    """
    own = {_memory(tensor) for tensor in [*network.parameters(), *network.buffers()]}
    saved: dict[int, Tensor] = {}

    def save(tensor: Tensor) -> Tensor:
        if _memory(tensor) not in own:
            saved[_memory(tensor)] = tensor
        return tensor

    modes = [(module, module.training) for module in network.modules()]
    images = torch.empty(2, *input, device="meta")  # norms refuse a batch of one
    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        network.train()(images)
    for module, training in modes:
        module.training = training
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values()) // len(images)


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # the same for views; meta tensors have no address


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))


def _first_met(module: nn.Module, counted: set[int]) -> list[nn.Parameter]:
    new = [parameter for parameter in _own_parameters(module) if id(parameter) not in counted]
    counted.update(id(parameter) for parameter in new)
    return new


def _blocks(layers: list[Layer], passed: list[Passed], depth: int) -> list[Layer]:
    outputs = {one.name: (type(one.module).__name__, one.output) for one in passed}
    parts: dict[str, list[Layer]] = {}
    for layer in layers:
        parts.setdefault(".".join(layer.name.split(".")[:depth]), []).append(layer)
    blocks = []
    for name, inside in parts.items():
        kind, output = outputs[name]
        blocks.append(
            replace(_sum(name, kind, inside), output=output) if output else _sum(name, kind, inside)
        )
    return blocks


def _sum(name: str, kind: str, layers: list[Layer]) -> Layer:
    return Layer(
        name,
        kind,
        next((layer.output for layer in reversed(layers) if layer.output), ()),
        sum(layer.parameters for layer in layers),
        sum(layer.multiply_adds for layer in layers),
        sum(layer.activations for layer in layers),
        max((layer.depth for layer in layers), default=0),
    )
