"""Networks without first weights: for those from a file or drawn afterwards, and on paper, for shapes alone.

Drawing takes longer than reading a file. On the meta device it is worse: torch then brings its compiler,
which takes seconds to import.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DRAWS = (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_)  # what does not come from torch.nn.init
FILLS = (*DRAWS, Tensor.fill_, Tensor.zero_, Tensor.copy_)  # nothing to do where there is no memory


@contextmanager
def on_paper() -> Iterator[None]:
    """Build networks on the meta device, at once and without memory.

    >>> with on_paper():
    ...     torch.nn.Linear(9216, 4096).weight.device.type
    'meta'
    """
    with torch.device("meta"), Undrawn():
        yield


class Undrawn(TorchFunctionMode):
    """Within it, tensors that would be filled with random numbers hold zeros.

    >>> with Undrawn():
    ...     print(float(torch.nn.Linear(2, 2).weight.detach().sum()))
    0.0
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        tensor = args[0] if args else named.get("tensor")
        drawn = func in DRAWS or _initialises(func)
        if isinstance(tensor, Tensor) and tensor.is_meta and (drawn or func in FILLS):
            return tensor
        if drawn and isinstance(
            tensor, Tensor
        ):  # not left as it lies: a truncated draw repeats until it fits
            return tensor.detach().zero_()
        return func(*args, **named)


class Unfilled(TorchFunctionMode):
    """Within it, `torch.nn.init` leaves weights as they lie in memory: their network draws them later."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if _initialises(func):
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def _initialises(func: Any) -> bool:
    return getattr(func, "__module__", "") == "torch.nn.init"
