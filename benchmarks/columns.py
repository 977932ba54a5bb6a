"""A training step of the paper's network by two columns on two processes, beside one process on two threads.

Both have the same two cores, the same network, batch and update; the columns' processes have one thread each
and send what the paper's two graphics cards sent, over gloo between processes of one machine. One process on
one thread shows what two cores can bring at most. Memory is that of a rank beside that of the whole. The
bytes of each layer are counted where they are sent, beside those that follow from the shapes.
"""

import json
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist
from torch import nn

from alexnet.memory import keep_freed_memory
from alexnet.networks import create
from alexnet.networks.columns.exchange import Column
from alexnet.networks.columns.split import Split, split
from alexnet.networks.columns.traffic import traffic
from alexnet.training.optimizer import SGD2012
from benchmarks.steps import batch_of, step
from benchmarks.table import Row, compared, rate
from benchmarks.workers import Work, interleaved_workers

NETWORK, SIDE = "alexnet-2012", 224
BATCHES = (32, 128)
ROUNDS = 5
SENT = "sent.json"


def rows() -> Iterator[Row]:
    """Time, memory and bytes of a step at each batch."""
    for batch in BATCHES:
        folder = Path(tempfile.mkdtemp())
        factories: dict[str, tuple[Callable[..., Work], tuple[object, ...]]] = {
            "columns": (columns, (batch, folder)),
            "two threads": (whole, (batch, 2)),
            "one thread": (whole, (batch, 1)),
        }
        times, peaks = interleaved_workers(factories, ROUNDS)
        what = f"training step, {NETWORK}, two columns on two processes, batch {batch} at {SIDE}"
        images = f"{batch / median(times['columns']):.1f}"
        for peer in ("two threads", "one thread"):
            both = {"ours": times["columns"], "peer": times[peer]}
            yield compared(what, f"one process, {peer}", both, images, "images/s")
        for threads in ("one thread", "two threads"):
            same = f"training step, {NETWORK}, one process, {threads}, batch {batch} at {SIDE}"
            yield rate(same, batch, times[threads])
        both = {"ours": [peaks["columns"]] * ROUNDS, "peer": [peaks["two threads"]] * ROUNDS}
        size = f"{peaks['columns'] / 2**20:.0f}"
        yield compared(f"peak memory of a rank, {what}", "one process, two threads", both, size, "MiB")
        yield from exchanged(batch, json.loads((folder / SENT).read_text()))


def exchanged(batch: int, sent: dict[str, list[int]]) -> Iterator[Row]:
    """What each layer sent in one step, forward and backward, beside what its shapes say."""
    network = create(NETWORK, classes=1000)
    for row in traffic(NETWORK, network, (3, SIDE, SIDE), count=2, batch=batch):
        measured, predicted = sum(sent[row.layer]), row.forward + row.backward
        yield {
            "what": f"bytes a rank sends in a step, {NETWORK}, batch {batch}, {row.layer}",
            "peer": "as the shapes say",
            "ratio": f"{measured / predicted:.2f}",
            "ours": f"{measured / 1e6:.2f}",
            "unit": "MB",
            "rounds": 1,
        }


def whole(batch: int, threads: int) -> Work:
    """A step as `alexnet train` takes it."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    return _step(create(NETWORK, classes=1000), batch)


def columns(batch: int, folder: Path) -> Work:
    """The same by two processes, of which this one is the first and tells the other when to begin."""
    meeting = folder / "meeting"
    other = multiprocessing.get_context("spawn").Process(target=_second, args=(meeting, batch), daemon=True)
    other.start()
    (work, part), begin = _joined(meeting, 0, batch), torch.ones(1)
    dist.broadcast(begin, 0)
    work()
    (folder / SENT).write_text(json.dumps(part.sent()))

    def both() -> None:
        dist.broadcast(begin, 0)
        work()

    return both


def _second(meeting: Path, batch: int) -> None:
    (work, _), begin = _joined(meeting, 1, batch), torch.ones(1)
    while True:  # until the first process ends, and this one with it
        dist.broadcast(begin, 0)
        work()


def _joined(meeting: Path, rank: int, batch: int) -> tuple[Work, Split]:
    keep_freed_memory()
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    part = split(NETWORK, create(NETWORK, classes=1000), Column(rank, 2))
    return _step(part.network, batch), part


def _step(network: nn.Module, batch: int) -> Work:
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = SGD2012([{"params": list(network.parameters())}], lr=0.01, weight_decay=5e-4)
    torch.manual_seed(0)  # both ranks see the same pictures
    images, labels = batch_of(batch, SIDE)
    return step(network, optimizer, images.to(memory_format=torch.channels_last), labels)
