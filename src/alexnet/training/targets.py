"""What a step learns from a batch: pictures mixed in pairs, labels as shares of classes, a teacher's answers.

Targets are probabilities [N, classes] then, which torch's cross-entropy takes in place of labels.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.ingredients import Mix

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""`loss(network, images [N, C, H, W], labels [N] or targets [N, classes])`, the mean over the batch."""


def mixed(images: Tensor, labels: Tensor, mix: Mix, classes: int) -> tuple[Tensor, Tensor]:
    """Mix every picture with the one as far from the batch's other end -> images, targets [N, classes].

    Draws from torch's generator: seeded by the step, a step is mixed alike whenever it is taken.
    """
    targets = F.one_hot(labels, classes).to(torch.float32)
    draw, choice, row, column = torch.rand(4).tolist()
    if draw >= mix.share:
        return images, targets
    if mix.mixup and (not mix.cutmix or choice < 0.5):
        own = beta(mix.mixup)
        images = torch.lerp(images.flip(0), images, own)
    else:
        images, own = pasted(images, beta(mix.cutmix), (row, column))
    return images, torch.lerp(targets.flip(0), targets, own)


def pasted(images: Tensor, own: float, centre: tuple[float, float]) -> tuple[Tensor, float]:
    """A window of 1 − `own` of the area comes from the other picture -> images, the share that is own.

    The window's centre may be anywhere (0..1); what hangs over an edge is cut off and counted as own.
    """
    sides = images.shape[2:]
    half = [math.sqrt(1 - own) * side / 2 for side in sides]
    (top, bottom), (left, right) = (
        (max(round(at * side - reach), 0), min(round(at * side + reach), side))
        for at, side, reach in zip(centre, sides, half, strict=True)
    )
    out = images.clone(memory_format=torch.preserve_format)
    out[:, :, top:bottom, left:right] = images.flip(0)[:, :, top:bottom, left:right]
    return out, 1 - (bottom - top) * (right - left) / (sides[0] * sides[1])


def beta(alpha: float) -> float:
    """One number from the beta distribution of two parameters `alpha`, from torch's generator."""
    one, other = torch._standard_gamma(torch.tensor([alpha, alpha], dtype=torch.float64)).tolist()
    return one / (one + other) if one + other else 0.5


def taught(loss: Loss, teacher: nn.Module, share: float, classes: int) -> Loss:
    """The same loss on targets of which `share` is the teacher's answer to the very same pictures."""

    def with_teacher(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            answers = teacher(images).float().softmax(1)
        return loss(network, images, torch.lerp(as_targets(labels, classes), answers, share))

    return with_teacher


def weighted(loss: Loss, weights: Tensor, classes: int) -> Loss:
    """The same loss with every picture's share times the weight of its class ([classes], 1 on average).

    The mean stays over the pictures, so that the rate keeps its meaning: targets are scaled by the weights.
    """

    def with_weights(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        return loss(network, images, as_targets(labels, classes) * weights.to(images.device))

    return with_weights


def resized(loss: Loss, side: Callable[[], int]) -> Loss:
    """The same loss on pictures brought to `side()` pixels before the network sees them."""

    def smaller(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        wanted = side()
        if wanted < images.size(2):
            images = F.interpolate(images, (wanted, wanted), mode="bilinear", antialias=True)
            images = images.contiguous(memory_format=torch.channels_last)
        return loss(network, images, labels)

    return smaller


def as_targets(labels: Tensor, classes: int) -> Tensor:
    """Labels [N] as probabilities [N, classes]; targets stay as they are."""
    return labels if labels.dim() == 2 else F.one_hot(labels, classes).to(torch.float32)
