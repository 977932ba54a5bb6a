"""The response norms of AlexNet, forward and backward, beside torch's `nn.LocalResponseNorm`.

Each in the memory order that its training has: ours channels last, torch's in its own. In processes of
their own, since ours keeps the memory it frees.
"""

from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import nn

from alexnet.compiled import why_not
from alexnet.memory import keep_freed_memory
from alexnet.networks.layers import ResponseNorm
from benchmarks.table import Row, compared
from benchmarks.workers import interleaved_workers

SHAPES = ((64, 96, 55, 55), (64, 256, 27, 27))  # norm1 and norm2 at a batch of 64
ROUNDS = 7
Shape = tuple[int, int, int, int]


def rows() -> Iterator[Row]:
    """Both norms."""
    form = "plain forms" if why_not() else "compiled"
    for shape in SHAPES:
        times, peaks = interleaved_workers({"ours": (ours, (shape,)), "peer": (plain, (shape,))}, ROUNDS)
        what = f"response norm, forward and backward, {list(shape)}, {form}"
        milliseconds = f"{1000 * median(times['ours']):.0f}"
        yield compared(what, "torch LocalResponseNorm", times, milliseconds, "ms")
        both = {name: [float(peak)] * ROUNDS for name, peak in peaks.items()}
        yield compared(
            f"peak memory, {what}", "torch LocalResponseNorm", both, f"{peaks['ours'] / 2**20:.0f}", "MiB"
        )


def ours(shape: Shape) -> Callable[[], object]:
    """The layer as training runs it."""
    keep_freed_memory()
    maps = torch.empty(shape, memory_format=torch.channels_last).normal_()
    return both_ways(ResponseNorm(5, 1e-4, beta=0.75, k=2), maps)


def plain(shape: Shape) -> Callable[[], object]:
    """torch's layer."""
    return both_ways(nn.LocalResponseNorm(5, 1e-4, 0.75, 2), torch.randn(shape))


def both_ways(layer: nn.Module, maps: torch.Tensor) -> Callable[[], object]:
    """A forward and a backward pass through one layer."""
    maps.requires_grad_()
    gradient = torch.randn_like(maps)

    def work() -> None:
        maps.grad = None
        layer(maps).backward(gradient)

    return work
