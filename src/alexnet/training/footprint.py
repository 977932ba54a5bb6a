"""Memory that a training takes, counted before it begins."""

from dataclasses import astuple, dataclass

from torch import nn

from alexnet.networks import create
from alexnet.networks.summary import kept_bytes, summarise
from alexnet.networks.undrawn import on_paper
from alexnet.recipe import Recipe
from alexnet.training.groups import parameter_groups

FLOAT = 4  # bytes
MOMENTA = {"sgd-2012": 1, "sgd": 1, "lars": 1, "adamw": 2, "rmsprop": 2}  # values kept of each weight


@dataclass(frozen=True)
class Footprint:
    """Bytes of a training step; waiting pictures and what libraries compute in come on top."""

    weights: int  # and what norms count
    gradients: int
    momenta: int  # what the optimizer keeps from step to step
    average: int  # the running average of the weights, where the recipe has one
    batch: int  # what is kept of the batch for the way back, and the largest two gradients of maps there

    @property
    def total(self) -> int:
        """All of them."""
        return sum(astuple(self))


def footprint(recipe: Recipe, classes: int, shape: tuple[int, int, int], batch: int) -> Footprint:
    """Count what `batch` views of `shape` [C, H, W] take at a time, in float32; a teacher is left out.

    >>> from alexnet.recipes import airbench_s
    >>> found = footprint(airbench_s.RECIPE, 10, (3, 32, 32), 500)
    >>> found.momenta == found.gradients, found.average == found.weights
    (True, True)
    """
    with on_paper():
        network = create(recipe.network, classes=classes, channels=recipe.channels, **recipe.options)
    groups = list(parameter_groups(recipe, network))  # freezes what the recipe freezes
    learned = sum(weight.numel() for group in groups for weight in group["params"])
    held = FLOAT * sum(tensor.numel() for tensor in network.state_dict().values())
    widest = max(layer.activations for layer in summarise(network, shape))
    return Footprint(
        weights=held,
        gradients=FLOAT * learned,
        momenta=FLOAT * momenta(recipe, network),
        average=held if recipe.average else 0,
        batch=batch * (kept_bytes(network, shape) + 2 * FLOAT * widest),
    )


def momenta(recipe: Recipe, network: nn.Module) -> int:
    """Values that the recipe's optimizer keeps of the weights of `network` that learn."""
    groups = list(parameter_groups(recipe, network))
    if recipe.optimizer == "muon":  # one of a hidden layer's kernels; two, as AdamW, of the others
        return sum(
            weight.numel() * (1 if weight.dim() > 1 and not group["plain"] else 2)
            for group in groups
            for weight in group["params"]
        )
    if recipe.optimizer == "sgd" and not recipe.momentum:
        return 0
    learned: int = sum(weight.numel() for group in groups for weight in group["params"])
    return MOMENTA[recipe.optimizer] * learned
