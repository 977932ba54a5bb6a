"""Whole steps in bfloat16 with small maps on strips, beside the same steps with torch's plain convolutions.

Only where the processor has tiles for bfloat16: elsewhere there are no strips, and nothing to compare.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from statistics import median

import torch
from torch.nn.functional import cross_entropy

from alexnet.memory import keep_freed_memory
from alexnet.networks import create
from alexnet.training import precision
from benchmarks.table import Row, compared
from benchmarks.timing import interleaved

CASES = (("airbench94", 500, 32), ("airbench-s", 500, 32), ("airbench-64", 250, 64), ("vgg-32", 128, 32))
ROUNDS = 5
Mode = Callable[[torch.device], AbstractContextManager[object]]


def rows() -> Iterator[Row]:
    """Networks with maps of 2 to 9 pixels."""
    if not precision.has_bfloat16_units(torch.device("cpu")):
        return
    keep_freed_memory()
    for name, batch, side in CASES:
        step = stepping(name, batch, side)
        times = interleaved(
            {"ours": partial(step, precision.small_maps), "peer": partial(step, plainly)}, ROUNDS
        )
        what = f"training step in bfloat16, {name}, batch {batch} at {side}"
        each = f"{batch / median(times['ours']):.0f}"
        yield compared(what, "the same, plain convolutions of torch", times, each, "images/s")


def plainly(device: torch.device) -> AbstractContextManager[object]:
    """Convolutions as torch does them."""
    return nullcontext()


def stepping(name: str, batch: int, side: int) -> Callable[[Mode], None]:
    """Forward and backward of a network; the mode says how small maps are convolved."""
    network = create(name, classes=10).to(memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 10

    def step(mode: Mode) -> None:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16), mode(images.device):
            loss = cross_entropy(network(images), labels)
        loss.backward()

    return step
