"""What a network costs, layer by layer: outputs, parameters, multiply-adds, activations, receptive fields.

A multiply-add is one weight times one value, added up. Convolutions and dense layers have them; biases,
norms, pools and activations are not counted, as in the literature. A layer that torch does not know may say
its own in a method `multiply_adds(output: tuple[int, ...]) -> int`.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from alexnet.problem import UsageProblem

Run = tuple[str, nn.Module, tuple[int, ...]]


@dataclass(frozen=True)
class Layer:
    """One layer, or one block of layers."""

    name: str  # dotted where modules are nested
    kind: str  # the module's class
    output: tuple[int, ...]  # of one image, without N; empty where the forward pass does not come by
    parameters: int
    multiply_adds: int  # of one image
    activations: int  # values put out for one image; of a block, those of all its layers


def summarise(network: nn.Module, input: tuple[int, int, int], *, depth: int | None = None) -> list[Layer]:
    """The layers in the order of their run on one image [C, H, W]; with `depth`, blocks that deep are a row.

    Runs in evaluation mode on torch's meta device, which takes neither memory nor time. A parameter counts
    where it is first met. Layers that the pass leaves out, such as side heads, come last. Raises UsageProblem
    if the network does not take such an image.
    """
    runs = _run(network, input)
    ran = {id(module) for _, module, _ in runs}
    runs += [(name, module, ()) for name, module in network.named_modules() if id(module) not in ran]
    counted: set[int] = set()
    layers = [
        Layer(
            name,
            type(module).__name__,
            output,
            sum(parameter.numel() for parameter in _first_met(module, counted)),
            _multiply_adds(module, output),
            math.prod(output) if output else 0,
        )
        for name, module, output in runs
        if _own_parameters(module) or (output and not any(module.children()))
    ]
    return layers if depth is None else _blocks(layers, runs, depth)


def total(layers: Iterable[Layer]) -> Layer:
    """The sums of the layers, with the output of the last that has one."""
    return _sum("total", "", list(layers))


def neurons(layers: Iterable[Layer]) -> int:
    """Outputs of layers with weights, as the paper counts its 650,000."""
    return sum(layer.activations for layer in layers if layer.multiply_adds)


def activation_bytes(layers: Iterable[Layer], *, images: int = 1, bytes_each: int = 4) -> int:
    """Memory of the outputs of all layers for a batch, as training holds them for the backward pass."""
    return images * bytes_each * sum(layer.activations for layer in layers)


def receptive_fields(network: nn.Sequential) -> dict[str, tuple[int, int]]:
    """Of each layer up to the flattening: pixels a side that one output sees, and pixels between neighbours.

    >>> receptive_fields(nn.Sequential(nn.Conv2d(3, 96, 11, stride=4), nn.MaxPool2d(3, stride=2)))
    {'0': (11, 4), '1': (19, 8)}
    """
    fields, field, step = {}, 1, 1
    for name, layer in _chain(network):
        if isinstance(layer, nn.Flatten | nn.AdaptiveAvgPool2d | nn.Linear):
            break
        kernel, stride, dilation = (
            _side(getattr(layer, key, 1)) for key in ("kernel_size", "stride", "dilation")
        )
        if hasattr(layer, "kernel_size"):
            field, step = field + (kernel - 1) * dilation * step, step * stride
        fields[name] = (field, step)
    return fields


def _run(network: nn.Module, input: tuple[int, int, int]) -> list[Run]:
    """Every module, blocks too, with its output, as they end."""
    runs: list[Run] = []

    def note(name: str) -> Any:
        return lambda module, _, output: runs.append((name, module, _shape(output)))

    tensors = [*network.named_parameters(), *network.named_buffers()]
    weights = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}
    dtype = next((parameter.dtype for parameter in network.parameters()), torch.get_default_dtype())
    modes = [(module, module.training) for module in network.modules()]
    hooks = [module.register_forward_hook(note(name)) for name, module in network.named_modules()]
    try:
        with torch.no_grad():
            functional_call(network.eval(), weights, torch.empty(1, *input, dtype=dtype, device="meta"))
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageProblem(f"the network does not take images of {list(input)}: {reason}") from error
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training
    return runs


def _shape(output: Any) -> tuple[int, ...]:
    first = output if isinstance(output, Tensor) else next(iter(output))
    return tuple(first.shape[1:])


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))


def _first_met(module: nn.Module, counted: set[int]) -> list[nn.Parameter]:
    new = [parameter for parameter in _own_parameters(module) if id(parameter) not in counted]
    counted.update(id(parameter) for parameter in new)
    return new


def _multiply_adds(module: nn.Module, output: tuple[int, ...]) -> int:
    own = getattr(module, "multiply_adds", None)
    if output and callable(own):
        return int(own(output))
    if output and isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
        return module.weight[0].numel() * math.prod(output)
    return 0


def _blocks(layers: list[Layer], runs: list[Run], depth: int) -> list[Layer]:
    outputs = {name: (type(module).__name__, output) for name, module, output in runs}
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
    )


def _chain(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    for name, layer in network.named_children():
        if not any(layer.children()):
            yield prefix + name, layer
        elif isinstance(layer, nn.Sequential):
            yield from _chain(layer, f"{prefix}{name}.")
        else:
            raise UsageProblem(
                f"{prefix}{name} is a {type(layer).__name__}, not a chain: its field is not one number"
            )


def _side(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]
