"""What ranks tell each other; every exchange has a name, told where a rank is lost in it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from alexnet.parallel.life import lost
from alexnet.parallel.world import World
from alexnet.problem import Problem

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

Among = Literal["all", "data", "column"]


@contextmanager
def exchange(what: str, within: World) -> Iterator[None]:
    """Name what the ranks exchange: where that fails, a Problem says which rank is lost, and in what."""
    try:
        yield
    except RuntimeError as error:
        if within.ranks == 1 or not _of_ranks(error):
            raise
        who = lost(within.store, within.rank, within.ranks)
        raise Problem(
            f"rank {within.rank} of {within.ranks} gave up {what}: {who} ({_reason(error)}); "
            "the same command goes on from the last checkpoint"
        ) from None


def _reason(error: RuntimeError) -> str:
    """Gloo's first sentence without the place in its source."""
    return re.sub(r"^\[\S+\] ", "", str(error).strip().splitlines()[0]).partition(". ")[0]


def _of_ranks(error: RuntimeError) -> bool:
    text = str(error).lower()
    words = ("gloo", "nccl", "connection closed", "connection reset", "process group")
    return type(error).__name__.startswith("Dist") or any(word in text for word in words)


def summed(tensor: Tensor, within: World, *, what: str, among: Among = "all") -> Tensor:
    """The sum of every rank's `tensor`, on all of them; `what` names it if a rank is lost."""
    if within.ranks == 1:
        return tensor
    import torch.distributed as dist

    total = tensor.clone()
    with exchange(what, within):
        dist.all_reduce(total, group=_group(within, among))
    return total


def gathered(rows: Tensor, within: World, *, what: str) -> Tensor:
    """The rows [n, …] of all ranks one below the other, in the order of ranks; `n` may differ.

    The ranks of one share hold the same rows: they count once. They lie on the processor.
    """
    if within.ranks == 1:
        return rows
    import torch.distributed as dist

    counts = torch.zeros(within.ranks, dtype=torch.int64)
    counts[within.rank] = len(rows)
    with exchange(what, within):
        dist.all_reduce(counts, group=within.patient)
        most = int(counts.max())
        mine = rows.new_zeros(most, *rows.shape[1:], device="cpu")
        mine[: len(rows)] = rows
        theirs = [torch.empty_like(mine) for _ in range(within.ranks)]
        dist.all_gather(theirs, mine, group=within.patient)
    firsts = range(0, within.ranks, within.ranks // within.shares)
    return torch.cat([theirs[rank][: counts[rank]] for rank in firsts])


def highest(value: int, within: World, *, what: str) -> int:
    """The highest `value` of any rank: all get the same, so that all do the same."""
    if within.ranks == 1:
        return value
    import torch.distributed as dist

    most = torch.tensor(value)
    with exchange(what, within):
        dist.all_reduce(most, dist.ReduceOp.MAX, group=within.patient)
    return int(most)


def anywhere(wished: bool, within: World, *, what: str) -> bool:
    """Whether it is so on any rank."""
    return bool(highest(wished, within, what=what))


def meet(within: World, *, what: str) -> None:
    """Wait, patiently, until every rank has come this far."""
    anywhere(False, within, what=what)


def from_first(value: Any, within: World, *, what: str) -> Any:
    """The first rank's `value`, of JSON's own types, on all ranks."""
    if within.ranks == 1:
        return value
    import torch.distributed as dist

    text = json.dumps(value).encode() if within.is_first else b""
    length = torch.tensor(len(text))
    with exchange(what, within):
        dist.broadcast(length, 0, group=within.patient)
        data = torch.frombuffer(bytearray(text or bytes(int(length))), dtype=torch.uint8)
        dist.broadcast(data, 0, group=within.patient)
    return json.loads(bytes(data.tolist()))


def from_all(value: Any, within: World, *, what: str) -> list[Any]:
    """Every rank's `value`, of JSON's own types, in the order of ranks, on all of them."""
    text = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
    everyone = replace(within, columns=1)  # columns have words of their own
    lengths = gathered(torch.tensor([len(text)]), everyone, what=what).tolist()
    texts = gathered(text, everyone, what=what).split(lengths)
    return [json.loads(bytes(one.tolist())) for one in texts]


def _group(within: World, among: Among) -> "ProcessGroup | None":
    return {"all": None, "data": within.data_group, "column": within.column_group}[among]
