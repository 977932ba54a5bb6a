"""One image through a network on paper: what goes in and out of each module, and how deep it lies.

Torch's meta device computes shapes without numbers. Much of it is written in Python and slow, so that a
convolution's shape is asked for once.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from alexnet.problem import UsageProblem

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Passed:
    """One module as one image came by."""

    name: str  # dotted where modules are nested; empty for the network itself
    module: nn.Module
    input: Shape  # of one image, without N
    output: Shape
    depth: int  # layers with multiply-adds on the longest way from the image to this output


def trace(network: nn.Module, input: Shape) -> list[Passed]:
    """Every module, blocks too, in the order in which they end, for one image in evaluation mode.

    The network stays as it was. Raises UsageProblem if it does not take such an image.
    """
    passed: list[Passed] = []
    walk(network, input, _Depths(), lambda name: _noting(name, passed))
    return passed


def walk(
    network: nn.Module,
    input: Shape,
    mode: TorchFunctionMode,
    noting: Callable[[str], Callable[..., None]],
    begin: Callable[[Tensor], object] = lambda _image: None,
) -> None:
    """One image on paper through the network in evaluation, which stays as it was.

    After each module `noting(its name)` is called with the module, its arguments, keywords and output; every
    function in between goes by `mode`. `begin` is called with the image first. Raises as `trace`.
    """
    tensors = [*network.named_parameters(), *network.named_buffers()]
    weights = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}
    dtype = next((parameter.dtype for parameter in network.parameters()), torch.get_default_dtype())
    image = torch.empty(1, *input, dtype=dtype, device="meta")
    begin(image)
    modes = [(module, module.training) for module in network.modules()]
    hooks = [
        module.register_forward_hook(noting(name), with_kwargs=True)
        for name, module in network.named_modules()
    ]
    try:
        with torch.no_grad(), mode:
            functional_call(network.eval(), weights, image)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageProblem(f"the network does not take images of {list(input)}: {reason}") from error
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training


def multiply_adds(module: nn.Module, output: Shape) -> int:
    """Those of one image in this module alone, children not counted.

    >>> multiply_adds(nn.Conv2d(3, 96, 11, stride=4), (96, 55, 55))
    105415200
    """
    own = getattr(module, "multiply_adds", None)
    if output and callable(own):
        return int(own(output))
    if output and isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
        return module.weight[0].numel() * math.prod(output)
    return 0


def _noting(name: str, passed: list[Passed]) -> Callable[..., None]:
    def note(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        before = [*tensors_in(args), *tensors_in(kwargs)]
        after = list(tensors_in(output))
        shape = tuple(after[0].shape[1:])
        if multiply_adds(module, shape):
            _set_depth(after, 1 + _depth(before))
        elif not all(hasattr(tensor, "depth") for tensor in after):  # from where no mode sees, such as ONNX's
            _set_depth(after, _depth(before))
        passed.append(Passed(name, module, tuple(before[0].shape[1:]), shape, _depth(after)))

    return note


class _Depths(TorchFunctionMode):
    """Every result lies as deep as the deepest tensor that it comes of."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[Any, torch.Size] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "__get__":  # a tensor's shape, or the like
            return func(*args)
        result = self._result(func, args, kwargs)
        if isinstance(result, Tensor | tuple | list):
            _set_depth(tensors_in(result), _depth([*tensors_in(args), *tensors_in(kwargs)]))
        return result

    def _result(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func is F.batch_norm or func is F.relu:
            return args[0].new_empty(args[0].shape)
        if func is not torch.conv2d or kwargs:
            return func(*args, **kwargs)
        key = tuple(value.shape if isinstance(value, Tensor) else _hashable(value) for value in args)
        if key not in self.known:
            self.known[key] = func(*args).shape
        return args[0].new_empty(self.known[key])


def tensors_in(values: Any) -> Iterator[Tensor]:
    """All tensors of nested tuples, lists and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list | dict):
        for value in values.values() if isinstance(values, dict) else values:
            yield from tensors_in(value)


def _depth(tensors: list[Tensor]) -> int:
    return max((getattr(tensor, "depth", 0) for tensor in tensors), default=0)


def _set_depth(tensors: Any, depth: int) -> None:
    for tensor in tensors:
        tensor.depth = depth


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
