"""Nearest pictures by their pixels: for contrast with features, exact in integers."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from alexnet.probing.search import Neighbours, integers_keep_all_bits
from alexnet.probing.sheets import PIXELS

WIDEST = 2**16  # pixels in one product: 128² times as many fit into 32 bits
PLACES = 2**24  # more than a block has pictures; squares of 2³⁹ times as many fit into 64 bits


def nearest_pixels(pictures: Iterable[PIXELS], queries: PIXELS, k: int) -> Neighbours:
    """The nearest of pictures that come in blocks [n, H, W, 3] to queries [B, H, W, 3], ties by number.

    Distances are Euclidean over all pixels, 0..255.

    >>> black, white = np.zeros((1, 1, 1, 3), np.uint8), np.full((1, 1, 1, 3), 255, np.uint8)
    >>> nearest_pixels([white, black], black, 1).numbers
    array([[1]])
    """
    asked = _shifted(queries)
    asked_squares = _squares(asked)
    best = torch.empty(len(queries), 0, dtype=torch.int64)
    numbers = torch.empty(len(queries), 0, dtype=torch.int64)
    product, done = _product(), 0
    for block in pictures:
        rows = _shifted(block)
        squares = asked_squares[:, None] + _squares(rows) - 2 * _products(asked, rows, product)
        here = torch.arange(done, done + len(rows)).expand(len(queries), -1)
        best, numbers = torch.cat([best, squares], 1), torch.cat([numbers, here], 1)
        # numbers ascend, so a place added to each square puts ties in their order
        keys = best * PLACES + torch.arange(best.size(1))
        order = keys.topk(min(k, best.size(1)), dim=1, largest=False).indices
        best, numbers = best.gather(1, order), numbers.gather(1, order)
        done += len(rows)
    return Neighbours(numbers.numpy(), np.sqrt(best.numpy().astype(np.float64)))


def _shifted(pictures: PIXELS) -> Tensor:
    """Pixels − 128 as int8 [N, H · W · 3]: a shift of all changes no distance."""
    return torch.from_numpy((np.ascontiguousarray(pictures) ^ 128).view(np.int8).reshape(len(pictures), -1))


def _squares(rows: Tensor) -> Tensor:
    # a row in float64 holds integers up to 2⁵³
    return torch.stack([row.double().square().sum() for row in rows]).long()


def _products(left: Tensor, right: Tensor, product: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Products of every row [B, F] with every row [N, F]: int64 [B, N]."""
    total = torch.zeros(len(right), len(left), dtype=torch.int64)
    for part, other in zip(left.split(WIDEST, dim=1), right.split(WIDEST, dim=1), strict=True):
        total += product(other.contiguous(), part.T.contiguous()).long()
    return total.T


def _product() -> Callable[[Tensor, Tensor], Tensor]:
    if integers_keep_all_bits():
        return torch._int_mm
    return lambda left, right: left.double() @ right.double()
