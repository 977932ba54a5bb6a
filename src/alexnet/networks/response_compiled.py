"""Response norms on a processor, compiled: response.c as a layer's function.

Once over the maps forward and once backward, nothing kept between them. Across maps that is three to four
times as fast as `response_across`, which does its work where there is no compiler; for norms within a map the
formula of `response` does.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from alexnet.compiled import compiled
from alexnet.networks.response_across import Across

SOURCE = Path(__file__).with_name("response.c")
DEFINITIONS = {torch.float32: (), torch.float64: ("DOUBLE",), torch.bfloat16: ("BFLOAT16",)}
POINTER, LONG, DOUBLE = ctypes.c_void_p, ctypes.c_long, ctypes.c_double
SETTINGS = (LONG, LONG, LONG, LONG, DOUBLE, DOUBLE, ctypes.c_int)  # after the arrays


class Within(NamedTuple):
    """The norm x · s^−.75 with s = k + alpha · mean of x² over `size` × `size` pixels of the same map."""

    size: int
    k: float
    alpha: float


@cache
def kernel(dtype: torch.dtype, *, rectified: bool = False) -> ctypes.CDLL | None:
    """`forward` and `backward` of response.c for maps of this type; None where they cannot be had.

    `rectified` are those that do the ReLU before the norm as well.
    """
    before = ("RECTIFIED",) if rectified else ()
    library = compiled(SOURCE, *DEFINITIONS[dtype], *before) if dtype in DEFINITIONS else None
    if library is not None:
        library.forward.argtypes = (POINTER, POINTER, *SETTINGS)
        library.backward.argtypes = (POINTER, POINTER, POINTER, *SETTINGS)
        library.forward_within.argtypes = (POINTER, POINTER, LONG, *SETTINGS)
        library.backward_within.argtypes = (POINTER, POINTER, POINTER, LONG, *SETTINGS)
    return library


def norm_compiled(maps: Tensor, how: Across | Within, *, rectified: bool = False) -> Tensor:
    """Norm maps [N, C, H, W] that lie channels last, of a type that has a kernel.

    With `rectified` it is the norm of their ReLU; across maps only.
    """
    normed: Tensor = _Compiled.apply(maps, how, rectified)
    return normed


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, how: Across | Within, rectified: bool) -> Tensor:
        normed = torch.empty_like(maps)
        _run("forward", how, rectified, maps, normed)
        ctx.save_for_backward(maps)
        ctx.how, ctx.rectified = how, rectified
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (maps,) = ctx.saved_tensors
        answer = torch.empty_like(maps)
        gradient = gradient.to(maps.dtype).contiguous(memory_format=torch.channels_last)
        _run("backward", ctx.how, ctx.rectified, maps, gradient, answer)
        return answer, None, None


def _run(name: str, how: Across | Within, rectified: bool, *arrays: Tensor) -> None:
    maps, library = arrays[0], kernel(arrays[0].dtype, rectified=rectified)
    (images, channels, height, width), threads = maps.shape, torch.get_num_threads()
    addresses = [array.data_ptr() for array in arrays]
    shape: tuple[int, ...] = images, height, width, channels
    share, function = how.alpha / how.size**2, f"{name}_within"
    if isinstance(how, Across):
        shape = images * height * width, how.columns, channels // how.columns
        share, function = how.alpha / how.size, name
    getattr(library, function)(*addresses, *shape, how.size, share, how.k, threads)
