"""What a training step of AlexNet costs by batch size, image size and threads: one at a time, in turns.

From these rows docs/speed.md calculates what machines of other rates would need.
"""

from collections.abc import Callable, Iterator
from statistics import median

import torch

from alexnet.memory import keep_freed_memory
from alexnet.networks import create
from alexnet.training.optimizer import SGD2012
from benchmarks.steps import batch_of, step
from benchmarks.table import Row
from benchmarks.workers import Work, interleaved_workers

ROUNDS = 3
BATCH, SIDE, THREADS = 64, 224, 2
BATCHES = (8, 16, 32, 128)
SIDES = (96, 128, 160, 192, 256)
Case = tuple[int, int, int]  # batch, pixels of a side, threads


def rows() -> Iterator[Row]:
    """The usual case, and each of the three changed alone."""
    cases: list[Case] = [(BATCH, SIDE, THREADS), (BATCH, SIDE, 1)]
    cases += [(batch, SIDE, THREADS) for batch in BATCHES]
    cases += [(BATCH, side, THREADS) for side in SIDES]
    factories: dict[str, tuple[Callable[..., Work], Case]] = {str(case): (ours, case) for case in cases}
    times, peaks = interleaved_workers(factories, ROUNDS)
    for case in cases:
        batch, side, threads = case
        seconds = median(times[str(case)])
        what = f"training step, alexnet, batch {batch} at {side}, threads {threads}"
        yield {"what": what, "ours": f"{1000 * seconds:.0f}", "unit": "ms", "rounds": ROUNDS}
        peak = f"{peaks[str(case)] / 2**20:.0f}"
        yield {"what": f"peak memory, {what}", "ours": peak, "unit": "MiB", "rounds": ROUNDS}


def ours(batch: int, side: int, threads: int) -> Work:
    """A step as `alexnet train` takes it; pictures of other sizes change fc6's inputs and nothing else."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    net = create("alexnet", classes=1000, image=side).to(memory_format=torch.channels_last)
    optimizer = SGD2012([{"params": list(net.parameters())}], lr=0.01, weight_decay=5e-4)
    images, labels = batch_of(batch, side)
    return step(net, optimizer, images.to(memory_format=torch.channels_last), labels)
