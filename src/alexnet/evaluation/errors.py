"""Top-1 and top-5 errors as counts: they add over batches and ranks, and are made a rate only to be shown."""

from dataclasses import dataclass

import torch
from torch import Tensor

ROWS = 4096  # pictures that are compared at a time


@dataclass(frozen=True)
class Errors:
    """How many of `images` were answered wrongly by the best class, and by all of the five best."""

    images: int = 0
    top1: int = 0
    top5: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(self.images + other.images, self.top1 + other.top1, self.top5 + other.top5)

    @property
    def top1_error(self) -> float:
        """In per cent."""
        return 100.0 * self.top1 / self.images

    @property
    def top5_error(self) -> float:
        """In per cent."""
        return 100.0 * self.top5 / self.images


def ranks(scores: Tensor, labels: Tensor) -> Tensor:
    """How many classes come before the right one: [N], 0 where it is best. Ties and NaN count against us.

    Scores [N, classes], labels int64 [N]. The right class must beat another to stand before it.

    >>> ranks(torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.0, float("nan")]]), torch.tensor([1, 0, 0])).tolist()
    [0, 1, 1]
    """
    mine = scores.gather(1, labels[:, None])  # [N, 1]
    pieces = zip(scores.split(ROWS), mine.split(ROWS), strict=True)  # a sum over bool takes eight bytes each
    worse = [(some < best).sum(1) for some, best in pieces]
    return scores.size(1) - 1 - torch.cat(worse)


def answers(scores: Tensor, labels: Tensor) -> Tensor:
    """The class that each picture was answered with: [N]; −1 where a score is not a number.

    Scores [N, classes], labels int64 [N]. The right class answers only where it beats every other, so that
    answers are wrong just where `ranks` is above 0; on a tie it is the first of the others.

    >>> answers(torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.0, float("nan")]]), torch.tensor([1, 0, 0])).tolist()
    [1, 1, -1]
    """
    best = scores.argmax(1)
    tied = (best == labels) & (ranks(scores, labels) >= 1)
    if tied.any():
        others = scores[tied].scatter(1, labels[tied, None], -torch.inf)
        best[tied] = others.argmax(1)
    best[torch.isnan(scores).any(1)] = -1
    return best


def count_errors(scores: Tensor, labels: Tensor) -> Errors:
    """Count over scores [N, classes], labels [N]; among five classes or fewer only NaN is wrong at top-5."""
    rank = ranks(scores, labels)
    broken = torch.isnan(scores.gather(1, labels[:, None])).squeeze(1)
    wrong5 = (rank >= min(5, scores.size(1))) | broken
    return Errors(len(labels), int((rank >= 1).sum()), int(wrong5.sum()))
