"""Matrix products of sixteen bits, where the machine has units for them: `precision=bfloat16` of a recipe.

Convolutions and dense layers then read bfloat16 (eight bits of fraction) and add up in float32; weights and
their updates, the statistics of norms and the loss stay float32. That is torch's automatic mixed precision.
Sixteen bits with the exponent of 32 need no scaling of the loss (Kalamkar et al., "A Study of BFLOAT16 for
Deep Learning Training", 2019).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from alexnet.training.strips import SmallMapsOnStrips

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
Precision = Literal["float32", "bfloat16", "auto"]
CPU = torch.device("cpu")


def in_precision(loss: Loss, precision: Precision, device: torch.device = CPU) -> Loss:
    """The same `loss(network, images, labels)`, float32 too, with matrix products in `precision`.

    `auto` is bfloat16 where `device` has units for it.
    """
    if precision == "float32" or (precision == "auto" and not has_bfloat16_units(device)):
        return loss

    def mixed(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16), small_maps(images.device):
            return loss(network, images, labels)

    return mixed


def small_maps(device: torch.device) -> AbstractContextManager[object]:
    """How convolutions of small maps are done on `device`."""
    return SmallMapsOnStrips() if device.type == "cpu" and has_bfloat16_units(device) else nullcontext()


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in units of its own; elsewhere it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # only tiles pay: AVX-512's dot products of bfloat16 are no faster than its float32
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))
