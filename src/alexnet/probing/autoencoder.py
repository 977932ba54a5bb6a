"""Learned binary codes: an auto-encoder on features whose middle is binary.

[P] §6.1 suggests "training an auto-encoder to compress these vectors to short binary codes"; [K] A.
Krizhevsky, G. Hinton, "Using Very Deep Autoencoders for Content-Based Image Retrieval", ESANN 2011, did so
with pixels. Here encoder and decoder are one layer each, since the network before them is deep already, and
gradients pass the rounding as if it were not there (straight through), where [K] adds noise to make the
middle binary. The loss is the error of what is decoded and, as codes are to be searched with, how far
nearness by code is from nearness by features (a divergence of softmaxes over a batch, as in stochastic
neighbour embedding).
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.probing.codes import Coder, require_bits, sample
from alexnet.probing.features import FEATURES
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

STEPS = 600
BATCH = 500
RATE = 3e-3  # Adam's at the highest
NEAR = 10  # neighbours in a batch that the widths of nearness are set by
FEWEST = 50  # rows


class AutoEncoder(nn.Module):
    """Rows [N, F], scaled to a variance of about one -> bits ±1 [N, bits] -> rows [N, F]."""

    def __init__(self, features: int, bits: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(features, bits)
        self.decoder = nn.Linear(bits, features)
        self.sharpness = nn.Parameter(torch.tensor(math.log(10 / bits)))  # of nearness by code

    def code(self, rows: Tensor) -> Tensor:
        """Bits ±1 [N, bits]; backwards as a clipped identity."""
        heights: Tensor = self.encoder(rows)
        soft = heights.clamp(-1, 1)
        hard = torch.where(heights > 0, 1.0, -1.0)
        return soft + (hard - soft).detach()

    def loss(self, rows: Tensor) -> Tensor:
        """Mean squared error of decoding, and divergence of nearness by code from nearness by features."""
        code = self.code(rows)
        different = (code.size(1) - code @ code.T) / 2  # bits, [N, N]
        told = F.log_softmax(_without_self(-different * self.sharpness.exp()), dim=1)
        decoded: Tensor = self.decoder(code)
        return F.mse_loss(decoded, rows) + F.kl_div(told, nearness(rows), reduction="batchmean")


def nearness(rows: Tensor) -> Tensor:
    """Each row's softmax of −d² over the others, as wide as its `NEAR` nearest are far: [N, N]."""
    squares = rows.square().sum(1)
    away = _without_self(-(squares[:, None] + squares - 2 * rows @ rows.T).clamp_min(0))
    widths = -away.topk(min(NEAR, len(rows) - 1), dim=1).values[:, -1:] / 2
    return F.softmax(away / widths.clamp_min(1e-12), dim=1)


def _without_self(scores: Tensor) -> Tensor:
    # finite: an infinity times zero is no number in the divergence
    return scores - torch.eye(len(scores)) * 1e9


def learned(
    features: FEATURES, bits: int, *, seed: int = 0, steps: int = STEPS, progress: Progress = silent
) -> Coder:
    """Train an auto-encoder on `features` [N, F] and return its encoder."""
    require_bits(bits)
    if len(features) < FEWEST:
        raise Problem(f"{len(features)} pictures are too few to learn codes from; take {FEWEST} or more")
    some = sample(features)
    mean = some.mean(0)
    scale = 1 / (some - mean).square().mean().sqrt().clamp_min(1e-12)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = AutoEncoder(features.shape[1], bits)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    draw = np.random.default_rng(seed)
    with progress(f"learning codes of {bits} bits", steps) as advance, torch.enable_grad():
        for _ in range(steps):
            chosen = np.sort(draw.choice(len(features), min(BATCH, len(features)), replace=False))
            loss = network.loss((torch.from_numpy(features[chosen]) - mean) * scale)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            advance(1, note=f"loss {loss.item():.3f}")
    weights = network.encoder.weight.detach() * scale
    return Coder(weights, weights @ mean - network.encoder.bias.detach())
