"""Binary codes of features: bit i says on which side of hyperplane i a row lies.

Here are the ways that need no training of a network, to compare with `autoencoder`: random hyperplanes
(M. S. Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002), principal axes, the
same turned so that rounding costs least (Y. Gong, S. Lazebnik, "Iterative Quantization", CVPR 2011), and the
signs of the features themselves.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexnet.probing.coarse import blocks
from alexnet.probing.features import FEATURES
from alexnet.problem import UsageProblem

CODES = NDArray[np.uint8]
SAMPLE = 10_000  # rows that axes and means are taken from
TURNS = 50  # of the rotation; the paper's number


@dataclass(frozen=True)
class Coder:
    """Hyperplanes: bit i of row x is weights[i] · x > thresholds[i]."""

    weights: Tensor  # float32 [bits, F]
    thresholds: Tensor  # float32 [bits]

    @property
    def bits(self) -> int:
        """Length of a code."""
        return len(self.thresholds)

    def __call__(self, features: FEATURES) -> CODES:
        """Codes of rows [N, F]: uint8 [N, bits / 8], the first bit the highest of the first byte."""
        columns = self.weights.T.contiguous()
        parts = [torch.from_numpy(features[block]) @ columns > self.thresholds for block in blocks(features)]
        return np.concatenate([packed(part.numpy()) for part in parts])


def packed(bits: NDArray[np.bool_]) -> CODES:
    """Bits [N, bits] as bytes [N, ⌈bits / 8⌉]; what is missing of a byte is zero.

    >>> packed(np.array([[True, False, True]])).tolist()
    [[160]]
    """
    return np.packbits(bits, axis=1)


def require_bits(bits: int) -> None:
    """Refuse a length of code that does not fill bytes."""
    if bits < 8 or bits % 8:
        raise UsageProblem(f"codes of {bits} bits do not fill bytes; take 16, 32, 64, 128 or 256")


def sample(features: FEATURES) -> Tensor:
    """At most `SAMPLE` rows, evenly chosen: float32 [n, F]."""
    return torch.from_numpy(np.ascontiguousarray(features[:: -(-len(features) // SAMPLE)]))


def raw_signs(features: FEATURES) -> CODES:
    """Which features are above zero: behind a ReLU, which units answer; uint8 [N, ⌈F / 8⌉]."""
    return np.concatenate([packed(features[block] > 0) for block in blocks(features)])


def random_projections(features: FEATURES, bits: int, *, seed: int = 0) -> Coder:
    """Random hyperplanes through the mean of `features` [N, F]."""
    draw = torch.Generator().manual_seed(seed)
    return _through(sample(features).mean(0), torch.randn(bits, features.shape[1], generator=draw))


def principal_axes(features: FEATURES, bits: int, *, seed: int = 0) -> Coder:
    """Hyperplanes across the axes of most variance; a UsageProblem where there are fewer than `bits`."""
    rows = sample(features)
    return _through(rows.mean(0), _axes(rows, bits, seed))


def turned_axes(features: FEATURES, bits: int, *, seed: int = 0) -> Coder:
    """The same axes, turned in turn towards the signs of what lies on them: iterative quantisation."""
    rows = sample(features)
    axes = _axes(rows, bits, seed)
    along = (rows - rows.mean(0)) @ axes.T  # [n, bits]
    draw = torch.Generator().manual_seed(seed)
    turn, _ = torch.linalg.qr(torch.randn(bits, bits, generator=draw))
    for _ in range(TURNS):
        left, _, right = torch.linalg.svd((along @ turn).sign().T @ along)
        turn = (left @ right).T
    return _through(rows.mean(0), turn.T @ axes)


def _axes(rows: Tensor, bits: int, seed: int) -> Tensor:
    """The `bits` principal axes of rows [n, F], by a randomised decomposition: [bits, F]."""
    most = min(rows.shape)
    if bits > most:
        raise UsageProblem(f"{rows.shape[1]} features of {len(rows)} rows have no {bits} axes, only {most}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _, _, axes = torch.pca_lowrank(rows, q=min(most, bits + 16), niter=4)
    return axes.T[:bits].contiguous()


def _through(point: Tensor, weights: Tensor) -> Coder:
    return Coder(weights.contiguous(), weights @ point)
