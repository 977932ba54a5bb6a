"""Batch norms' statistics counted anew, for weights that no training has run with.

Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018), §3.2.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

NORMS = nn.modules.batchnorm._BatchNorm


@torch.no_grad()
def count_anew(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Set the running mean and variance of every batch norm to their means over `batches` [N, C, H, W].

    Returns how many batch norms there are; where there are none no batch is taken. The network is in
    evaluation mode after it.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, NORMS)]
    kept = [norm.momentum for norm in norms]
    if norms:
        network.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over batches
            norm.train()
        for images in batches:
            network(images)
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum
    network.eval()
    return len(norms)
