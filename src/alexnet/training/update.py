"""The update of 2012 on a processor, compiled: update.c over one tensor; `SGD2012` has the plain form.

Four plain passes over weights, velocities and gradients are a twentieth of a step of AlexNet, which has 61
million weights; here each number is read once and written once.
"""

import ctypes
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from alexnet.compiled import compiled

SOURCE = Path(__file__).with_name("update.c")
POINTER, FLOAT = ctypes.c_void_p, ctypes.c_float


@cache
def _kernel() -> ctypes.CDLL | None:
    library = compiled(SOURCE)
    if library is not None:
        settings = (ctypes.c_long, FLOAT, FLOAT, FLOAT, ctypes.c_int)
        library.sgd_2012.argtypes = (POINTER, POINTER, POINTER, *settings)
    return library


def update_compiled(weight: Tensor, velocity: Tensor, factors: tuple[float, float, float]) -> bool:
    """Update a weight and its velocity in place by its gradient; whether that could be done here.

    `factors` multiply velocity, weight and gradient. The three must lie in the memory of a processor in the
    same order, without gaps, in float32.
    """
    gradient, library = weight.grad, _kernel()
    if library is None or gradient is None or weight.device.type != "cpu" or not _alike(weight, gradient):
        return False
    if not _alike(weight, velocity):
        return False
    addresses = weight.data_ptr(), velocity.data_ptr(), gradient.data_ptr()
    library.sgd_2012(*addresses, weight.numel(), *factors, torch.get_num_threads())
    return True


def _alike(weight: Tensor, other: Tensor) -> bool:
    if hasattr(weight, "full_tensor"):  # a shard of one (DTensor), whose class takes a second to import
        return False  # a tensor in shards has no memory of its own
    return weight.dtype == other.dtype == torch.float32 and _layout(weight) == _layout(other) is not None


def _layout(tensor: Tensor) -> tuple[int, ...] | None:
    """The order in which a dense tensor lies: strides of its sides longer than one; None if it has gaps."""
    sides = [(stride, size) for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]
    expected = 1
    for stride, size in sorted(sides):
        if stride != expected:
            return None
        expected *= size
    return tuple(stride for stride, _ in sides)
