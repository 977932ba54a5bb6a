"""A training step on 1, 2 and 4 data-parallel ranks, beside what the model of docs/scaling.md makes of it.

The whole batch is the same, so are network and update; every rank is a process of one thread and takes its
share. Sums go over gloo between the processes of one machine. More ranks than cores show no gain: they show
that the model holds. It takes the time of a share on one rank alone, times the ranks a core has, and
2 (ranks − 1) / ranks of the gradients' bytes at the rate measured for the same sum without a network.
"""

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

import torch
import torch.distributed as dist
from torch import nn

from alexnet.memory import keep_freed_memory
from alexnet.networks import create, entry
from alexnet.parallel import World, joined
from alexnet.recipe import Recipe
from alexnet.schedule import Constant
from alexnet.training.gradients import backward_of
from alexnet.training.held import held_whole
from alexnet.training.optimizer import optimizer_of, set_rates
from benchmarks.table import Row, compared, rate
from benchmarks.workers import Work, interleaved_workers

NETWORKS = {"alexnet-2012": 64, "vgg-32": 128}  # much to send beside its work, and little: images a batch
RANKS = (1, 2, 4)
ROUNDS = 5
FLOAT = 4  # bytes
MEETING = ExitStack()  # never left: the processes end together


def rows() -> Iterator[Row]:
    """For each network: steps by ranks, the sums alone, and what the model makes of shares and sums."""
    for name, batch in NETWORKS.items():
        factories: dict[str, tuple[Callable[..., Work], tuple[object, ...]]] = {}
        for ranks in RANKS:
            factories[f"step {ranks}"] = (step_over, (name, batch, ranks))
            if ranks > 1:
                factories[f"share {ranks}"] = (step_over, (name, batch // ranks, 1))
                factories[f"sum {ranks}"] = (sum_over, (name, ranks))
        times, _ = interleaved_workers(factories, ROUNDS)
        yield from _told(name, batch, times)


def _told(name: str, batch: int, times: dict[str, list[float]]) -> Iterator[Row]:
    size = FLOAT * sum(weight.numel() for weight in _network(name).parameters())
    yield rate(f"training step, {name}, one rank of one thread, batch {batch}", batch, times["step 1"])
    for ranks in RANKS[1:]:
        what = f"training step, {name}, {ranks} ranks of one thread, batch {batch}"
        both = {"ours": times[f"step {ranks}"], "peer": times["step 1"]}
        yield compared(what, "one rank", both, f"{batch / median(times[f'step {ranks}']):.1f}", "images/s")
        sums, moved = times[f"sum {ranks}"], 2 * (ranks - 1) / ranks * size
        yield {
            "what": f"sum of the gradients of {name}, {size / 2**20:.0f} MiB, over {ranks} ranks",
            "ours": f"{moved / median(sums) / 1e6:.0f}",
            "unit": "MB/s sent by each",
            "rounds": len(sums),
        }
        a_core = max(1, ranks / (os.cpu_count() or 1))
        model = [a_core * share + total for share, total in zip(times[f"share {ranks}"], sums, strict=True)]
        both = {"ours": times[f"step {ranks}"], "peer": model}
        yield compared(what, "the model's time", both, f"{1000 * median(model):.0f}", "ms by the model")


def step_over(name: str, batch: int, ranks: int) -> Work:
    """A step as `alexnet train` takes it on every rank; this process is the first and gives the beat."""
    return _led(ranks, _step, (name, batch))


def sum_over(name: str, ranks: int) -> Work:
    """The sum of as many numbers as the network has weights, in one piece."""
    return _led(ranks, _sum, (name,))


def _led(ranks: int, work: Callable[..., Work], arguments: tuple[object, ...]) -> Work:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    for rank in range(1, ranks):
        place = (rank, ranks, port, work, arguments)
        context.Process(target=_follow, args=place, daemon=True).start()
    here, beat = _met(0, ranks, port), torch.ones(1)
    mine = work(here, *arguments)

    def all_together() -> None:
        if ranks > 1:
            dist.broadcast(beat, 0, group=here.patient)
        mine()

    return all_together


def _follow(
    rank: int, ranks: int, port: int, work: Callable[..., Work], arguments: tuple[object, ...]
) -> None:
    here, beat = _met(rank, ranks, port), torch.ones(1)
    mine = work(here, *arguments)
    while True:  # until the first process ends, and this one with it
        dist.broadcast(beat, 0, group=here.patient)
        mine()


def _met(rank: int, ranks: int, port: int) -> World:
    keep_freed_memory()
    torch.set_num_threads(1)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()} | {"MASTER_ADDR": "127.0.0.1"})
    return MEETING.enter_context(joined(timeout=300.0))


def _step(here: World, name: str, batch: int) -> Work:
    known = entry(name)
    recipe = Recipe(name=name, network=name, epochs=1, batch=batch, learning_rate=Constant(start=0.01))
    network = _network(name).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.train()
    optimizer = optimizer_of(recipe, network)
    set_rates(optimizer, recipe, 0.0, ())
    backward = backward_of(held_whole(network), known.loss, recipe, batch, here)
    mine = here.part(batch)
    images = torch.randn(mine.stop - mine.start, *known.input).to(memory_format=torch.channels_last)
    labels = torch.randint(known.classes, (len(images),))

    def work() -> None:
        optimizer.zero_grad()
        backward(images, labels)
        optimizer.step()

    return work


def _network(name: str) -> nn.Module:
    known = entry(name)
    return create(name, classes=known.classes, channels=known.input[0])


def _sum(here: World, name: str) -> Work:
    numbers = torch.ones(sum(weight.numel() for weight in _network(name).parameters()))

    def work() -> None:
        dist.all_reduce(numbers, group=here.data_group)
        numbers.fill_(1.0)

    return work
