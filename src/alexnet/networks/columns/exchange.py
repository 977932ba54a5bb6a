"""What the ranks that hold one network say to each other: one collective, begun early and counted.

All traffic of a split network is an all-to-all of `torch.distributed`, with empty parts where two ranks have
nothing to say: between two columns it moves as few bytes as a gather forward and a scattered sum back. The
collectives of `torch.distributed.nn.functional` have gradients too, but wait at once; here a layer computes
while its numbers are on their way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

Parts = Mapping[int, Tensor]  # by the column that they go to, or come from; these flat
Arrived = Callable[[], Parts]  # waits for what comes


@dataclass(frozen=True)
class Column:
    """This rank's place among the `count` ranks that together hold one network.

    `group` is torch's process group of those ranks in the order of their columns; None is all ranks.
    """

    number: int
    count: int
    group: Any = None

    @property
    def others(self) -> list[int]:
        """Numbers of the other columns."""
        return [number for number in range(self.count) if number != self.number]


class Line:
    """A layer's line to its like on the other ranks; counts the bytes that this rank sends."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self.forward = self.backward = 0  # bytes sent so far

    def forth(self, leaving: Parts, coming: Mapping[int, int], like: Tensor) -> Arrived:
        """Begin to send `leaving[r]` to column r, and to take `coming[r]` numbers from it: activations.

        `like` has the type and device of what comes.
        """
        self.forward += _bytes(leaving)
        return self._begun(leaving, coming, like)

    def back(self, leaving: Parts, coming: Mapping[int, int], like: Tensor) -> Arrived:
        """The same for gradients."""
        self.backward += _bytes(leaving)
        return self._begun(leaving, coming, like)

    def _begun(self, leaving: Parts, coming: Mapping[int, int], like: Tensor) -> Arrived:
        flat = [leaving[number].reshape(-1) for number in sorted(leaving)]
        sent = flat[0] if len(flat) == 1 else torch.cat([like.new_empty(0), *flat])
        every = range(self.column.count)
        sizes = [coming.get(number, 0) for number in every]
        lengths = [leaving[number].numel() if number in leaving else 0 for number in every]
        received = like.new_empty(sum(sizes))
        work: Any = dist.all_to_all_single(
            received, sent, sizes, lengths, group=self.column.group, async_op=True
        )

        def arrived(sent: Tensor = sent) -> dict[int, Tensor]:  # what is under way is kept until it has gone
            work.wait()
            return dict(zip(every, received.split(sizes), strict=True))

        return arrived


def packed(maps: Tensor, like: Tensor) -> Tensor:
    """Maps [N, C, H, W] without gaps in the order in which `like` lies in memory; features as they are."""
    return (maps.permute(0, 2, 3, 1) if last(like) else maps).contiguous()


def unpacked(flat: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    """What `packed` gave, once more of `shape` [N, C, H, W] or [N, features]."""
    if not last(like):
        return flat.view(*shape)
    images, maps, *sides = shape
    return flat.view(images, *sides, maps).permute(0, 3, 1, 2)


def last(maps: Tensor) -> bool:
    """Whether these are maps that lie channels last."""
    return maps.dim() == 4 and maps.is_contiguous(memory_format=torch.channels_last)


def _bytes(parts: Parts) -> int:
    return sum(part.numel() * part.element_size() for part in parts.values())
