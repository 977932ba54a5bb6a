"""AlexNet's answer for 1 and for 32 pictures beside the plain eager network, torch alone on both sides.

The plain network is the same one in torch's own layers and memory order, in evaluation mode. Each is in a
process of its own and goes from normalised pixels to logits.
"""

from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import nn

from alexnet.memory import keep_freed_memory
from alexnet.networks import create
from alexnet.networks.laid_out import laid_out
from benchmarks.steps import plain_network
from benchmarks.table import Row, compared
from benchmarks.workers import interleaved_workers

NETWORK = "alexnet"
BATCHES = {1: 20, 32: 2}  # how often in a round
ROUNDS = 9


def rows() -> Iterator[Row]:
    """Both batches."""
    for batch, times_a_round in BATCHES.items():
        alternatives = {name: (factory, (batch,)) for name, factory in (("ours", ours), ("peer", plain))}
        times, _ = interleaved_workers(alternatives, ROUNDS)
        milliseconds = f"{1000 * median(times['ours']) / times_a_round:.1f}"
        what = f"prediction, {NETWORK}, batch {batch}"
        yield compared(what, "the plain eager network", times, milliseconds, "ms")


def ours(batch: int) -> Callable[[], object]:
    """The network as `alexnet predict` asks it."""
    keep_freed_memory()
    network = laid_out(create(NETWORK, classes=1000).eval().to(memory_format=torch.channels_last))
    return answers(network, torch.randn(batch, 3, 224, 224).to(memory_format=torch.channels_last))


def plain(batch: int) -> Callable[[], object]:
    """The network in torch's own layers."""
    return answers(plain_network(NETWORK).eval(), torch.randn(batch, 3, 224, 224))


def answers(network: nn.Module, images: torch.Tensor) -> Callable[[], object]:
    """Ask several times."""

    @torch.inference_mode()
    def work() -> None:
        for _ in range(BATCHES[len(images)]):
            network(images)

    return work
