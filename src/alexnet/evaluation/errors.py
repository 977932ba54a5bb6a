"""Top-1 and top-5 errors as counts: they add over batches and ranks, and are made a rate only to be shown."""

from dataclasses import dataclass

import torch
from torch import Tensor


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
    return scores.size(1) - 1 - (scores < mine).sum(1)


def count_errors(scores: Tensor, labels: Tensor) -> Errors:
    """Count over scores [N, classes], labels [N]; among five classes or fewer only NaN is wrong at top-5."""
    rank = ranks(scores, labels)
    broken = torch.isnan(scores.gather(1, labels[:, None])).squeeze(1)
    wrong5 = (rank >= min(5, scores.size(1))) | broken
    return Errors(len(labels), int((rank >= 1).sum()), int(wrong5.sum()))
