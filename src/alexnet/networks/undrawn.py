"""Networks without first weights, for weights that come from a file: drawing takes longer than reading."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

DRAWS = (Tensor.normal_, Tensor.uniform_)  # what initialisations rest on that do not come from torch.nn.init


class Undrawn(TorchFunctionMode):
    """Within it, tensors that would be filled with random numbers hold zeros.

    >>> import torch
    >>> with Undrawn():
    ...     print(float(torch.nn.Linear(2, 2).weight.detach().sum()))
    0.0
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if function in DRAWS or getattr(function, "__module__", None) == "torch.nn.init":
            tensor: Tensor = args[0] if args else named["tensor"]
            return tensor.detach().zero_()  # not left as it lies: a truncated draw repeats until it fits
        return function(*args, **named)
