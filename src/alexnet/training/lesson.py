"""The loss of a recipe: what its network's own loss is wrapped in, from the batch inwards."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from alexnet.recipe import Recipe
from alexnet.training.precision import in_precision
from alexnet.training.targets import Loss, mixed, resized, taught, weighted


def loss_of(
    recipe: Recipe,
    plain: Callable[..., Tensor],
    classes: int,
    *,
    share: Callable[[], float],
    weights: Tensor | None = None,
    teacher: nn.Module | None = None,
    device: torch.device,
) -> Loss:
    """`loss(network, images, labels)` as `recipe` has it, around the network's own `plain` one.

    A batch is mixed, shown to the teacher, brought to its size, weighted by class, and then seen by the
    network. `share()` is how much of the training is done (0..1), `weights` [classes] are of the classes.
    """
    loss: Loss = partial(plain, label_smoothing=recipe.label_smoothing)
    if weights is not None:
        loss = weighted(loss, weights, classes)
    if recipe.sizes is not None:
        sizes = recipe.sizes
        loss = resized(loss, lambda: sizes(share()))
    if recipe.teacher is not None and teacher is not None:
        loss = taught(loss, teacher, recipe.teacher.share, classes)
    if recipe.mix is not None:
        loss = _mixing(loss, recipe, classes, share)
    return in_precision(loss, recipe.precision, device)


def _mixing(loss: Loss, recipe: Recipe, classes: int, share: Callable[[], float]) -> Loss:
    mix = recipe.mix
    assert mix is not None

    def on_mixed(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        if mix.until is not None and share() * recipe.epochs >= mix.until:
            return loss(network, images, labels)
        return loss(network, *mixed(images, labels, mix, classes))

    return on_mixed
