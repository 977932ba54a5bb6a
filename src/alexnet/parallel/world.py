"""The world: which ranks there are, which of them this process is, and how it meets and leaves them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, cast

import torch

from alexnet.parallel.life import await_all, lost, signs_of_life, tell
from alexnet.problem import Problem, UsageProblem
from alexnet.shares import part as part

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.distributed_c10d import Store

TIMEOUT = 25.0
"""Seconds that a rank waits in an exchange of a step, in which all are busy with the same."""
PATIENCE = 600.0
"""Seconds that it waits where one may have more to do: saving, validating, starting."""
CPU = torch.device("cpu")


@dataclass(frozen=True)
class World:
    """The ranks, and which of them this process is; `rank = share · columns + column`."""

    rank: int = 0
    ranks: int = 1
    local_rank: int = 0  # among those of this machine
    columns: int = 1
    device: torch.device = CPU
    mesh: "DeviceMesh | None" = None  # dimensions "data" and "column"; None where the process is alone
    patient: "ProcessGroup | None" = None  # all ranks, on processors, waiting PATIENCE seconds
    store: "Store | None" = None
    by_images: bool = False  # the columns of a row see shares of their own, not one (Krizhevsky 2014)

    @property
    def share(self) -> int:
        """Which share of every batch this rank sees: its place among the data-parallel ranks."""
        return self.rank if self.by_images else self.rank // self.columns

    @property
    def shares(self) -> int:
        """How many shares a batch has."""
        return self.ranks if self.by_images else self.ranks // self.columns

    @property
    def column(self) -> int:
        """Which column of the network this rank holds."""
        return self.rank % self.columns

    @property
    def is_first(self) -> bool:
        """Whether this rank writes the log, the checkpoints and the words for people."""
        return self.rank == 0

    @property
    def data_group(self) -> "ProcessGroup | None":
        """The ranks that hold the same column, one of each share; None where the process is alone."""
        if self.by_images:
            return self.column_group
        return self.mesh.get_group("data") if self.mesh is not None else None

    @property
    def column_group(self) -> "ProcessGroup | None":
        """The ranks that hold the columns of this share's network; None where the process is alone."""
        return self.mesh.get_group("column") if self.mesh is not None else None

    def part(self, count: int) -> slice:
        """This rank's share of `count` images or rows."""
        return part(count, self.share, self.shares)


_joined: World | None = None  # a process has one world at a time, as torch has
_times_joined = 0  # a process may join, part and join again: each time under keys of its own


def world() -> World:
    """The world this process has joined, or what torchrun's environment says of it before."""
    if _joined is not None:
        return _joined
    rank, ranks, local = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    return World(rank, ranks, local)


@contextmanager
def joined(
    columns: int = 1, *, device: torch.device | None = None, timeout: float = TIMEOUT
) -> Iterator[World]:
    """Meet the other ranks that torchrun started, and part from them on leaving, however it is left.

    Exchanges go over gloo between processors and over NCCL between graphics cards. `device` is where this
    rank computes: graphics cards are dealt out, one a rank. Within a world already joined this gives that
    one. A UsageProblem where the ranks do not divide into `columns`, or a machine has fewer cards than ranks.
    """
    alone = world()
    if alone.ranks % columns:
        raise UsageProblem(
            f"{alone.ranks} ranks do not divide into {columns} columns; start a multiple of it"
        )
    if _joined is not None or alone.ranks == 1:
        _require_columns(columns)
        yield _joined or World(device=device or CPU)
        return
    own, store = _own(device or CPU, alone.local_rank), _meeting_place_anew(alone)
    with signs_of_life(store, alone.rank) as words:
        try:
            yield _met(replace(alone, columns=columns, device=own, store=words), store, timeout)
        except BaseException as error:
            _say_why(alone.rank, words, error)
            raise
        finally:
            _part()


def _require_columns(columns: int) -> None:
    if _joined is not None and _joined.columns != columns:
        raise UsageProblem(f"these ranks have joined as {_joined.columns} columns and cannot be {columns}")


def _own(device: torch.device, local_rank: int) -> torch.device:
    if device.type != "cuda":
        return device
    if local_rank >= torch.cuda.device_count():
        raise UsageProblem(
            f"{local_rank + 1} ranks on a machine with {torch.cuda.device_count()} graphics cards; start "
            "one a card, or use --device cpu"
        )
    own = torch.device("cuda", local_rank)
    torch.cuda.set_device(own)
    return own


def _met(here: World, store: "Store", timeout: float) -> World:
    global _joined
    import torch.distributed as dist
    from torch.distributed.device_mesh import DeviceMesh

    rank, ranks, limit = here.rank, here.ranks, timedelta(seconds=timeout)
    kind, grid = here.device.type, torch.arange(here.ranks).view(-1, here.columns)
    try:
        await_all(store, ranks, PATIENCE)  # one may be slow to start; from here on all are busy with the same
        dist.init_process_group(_backend(kind), store=store, rank=rank, world_size=ranks, timeout=limit)
        data = _groups(grid.T.tolist(), limit)[here.column]
        column = _groups(grid.tolist(), limit)[rank // here.columns]
        (patient,) = _groups([list(range(ranks))], timedelta(seconds=PATIENCE), "gloo")
    except TimeoutError as error:
        raise _not_met(here, str(error)) from None
    except (RuntimeError, ValueError) as error:
        who = lost(here.store, rank, ranks)
        raise _not_met(here, f"{who} ({str(error).splitlines()[0]})") from None
    mesh = DeviceMesh.from_group([data, column], kind, mesh=grid, mesh_dim_names=("data", "column"))
    _joined = replace(here, mesh=mesh, patient=patient)
    return _joined


def _backend(kind: str) -> str:
    # numbers that lie on the processor, such as the loss, go over gloo from ranks with cards too
    return "cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo"


def _not_met(alone: World, why: str) -> Problem:
    return Problem(f"rank {alone.rank} of {alone.ranks} could not meet the others: {why}")


def _meeting_place_anew(alone: World) -> "Store":
    """The store, under keys of this meeting alone."""
    global _times_joined
    from torch.distributed.distributed_c10d import PrefixStore

    try:
        place = _meeting_place()
    except (RuntimeError, ValueError) as error:
        raise _not_met(alone, str(error).splitlines()[0]) from None
    store = PrefixStore(f"alexnet-{_attempt()}-{_times_joined}", place)
    _times_joined += 1
    return store


def _attempt() -> str:
    # torchrun's store outlives the ranks, and holds the addresses of those that are dead
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")


@cache  # the first rank may serve the store: it stays until the process ends
def _meeting_place() -> "Store":
    from torch.distributed.rendezvous import rendezvous

    store: Store
    store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=PATIENCE)))
    return store


def _groups(
    rows: Sequence[list[int]], timeout: timedelta, backend: str | None = None
) -> list["ProcessGroup"]:
    import torch.distributed as dist

    # every rank makes all of them, in one order; those it is not in are placeholders
    made = [dist.new_group(row, timeout=timeout, backend=backend) for row in rows]
    return cast("list[ProcessGroup]", made)


def _say_why(rank: int, store: "Store", error: BaseException) -> None:
    with suppress(RuntimeError):  # the store may be gone, and the job with it
        tell(store, f"rank {rank} ended ({str(error) or type(error).__name__})")


def _part() -> None:
    global _joined
    import torch.distributed as dist

    _joined = None
    if dist.is_initialized():
        dist.destroy_process_group()
