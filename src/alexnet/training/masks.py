"""Dropout of a part of a batch by the masks of the whole, so that parts together learn what the whole does.

Every rank seeds torch's generator alike before a step, draws the whole batch's mask and takes the rows of its
own images. A mask costs little beside the layer behind it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alexnet.networks.layers import PaperDropout

DROPOUTS = (nn.modules.dropout._DropoutNd, PaperDropout)


@dataclass
class Rows:
    """Which images of a batch are under way; the masks of a network share one of these."""

    batch: int
    mine: Tensor  # places in the batch, int64


class WholeMask(nn.Module):
    """Dropout of features [n, …] by the rows of the mask that `drop` draws for a batch [N, …]."""

    def __init__(self, drop: nn.Module, rows: Rows) -> None:
        super().__init__()
        self.drop, self.rows = drop, rows

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        answer: Tensor
        if not self.training:
            answer = self.drop(features)
            return answer
        ones = features.new_ones(self.rows.batch, *features.shape[1:]).contiguous(
            memory_format=_order(features)
        )
        answer = self.drop(ones)[self.rows.mine]
        return features * answer


def _order(features: Tensor) -> torch.memory_format:
    # the generator fills a mask in the order of memory
    last = torch.channels_last
    plain = features.dim() != 4 or not features.is_contiguous(memory_format=last) or features.is_contiguous()
    return torch.contiguous_format if plain else last


def draw_whole_masks(network: nn.Module, rows: Rows) -> None:
    """Let every dropout in `network` draw for the batch that `rows` tells of."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, DROPOUTS) and not isinstance(parent, WholeMask):
                setattr(parent, name, WholeMask(child, rows))
