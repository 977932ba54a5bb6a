"""Dropout that masks what one process would mask: the whole layer's mask is drawn, and a part of it taken.

Every rank seeds torch's generator alike before a step. A mask costs little beside the layer behind it.
"""

from torch import Tensor, nn

from alexnet.networks.columns.exchange import Column
from alexnet.networks.layers import PaperDropout


class OwnMask(nn.Module):
    """Dropout of this column's features [N, features / columns] by its part of the mask of all."""

    def __init__(self, drop: nn.Dropout | PaperDropout, *, column: Column) -> None:
        super().__init__()
        self.drop, self.column = drop, column

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        whole: Tensor
        if not self.training:
            whole = self.drop(features)
            return whole
        images, units = features.shape
        whole = self.drop(features.new_ones(images, units * self.column.count))
        return features * whole.narrow(1, units * self.column.number, units)

    def extra_repr(self) -> str:  # noqa: D102
        return f"column {self.column.number} of {self.column.count}"
