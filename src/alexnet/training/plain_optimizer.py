"""Groups of parameters and what is kept for each: all that an optimizer of ours needs of torch's."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from alexnet.training.groups import Group


class PlainOptimizer(torch.optim.Optimizer):
    """`param_groups`, `state` and `zero_grad` of `torch.optim.Optimizer`, for steps that are never compiled.

    Torch's own prepares itself for `torch.compile` when it is made, and imports the compiler for that:
    seconds before the first step.
    """

    def __init__(self, params: Sequence[Group], defaults: Mapping[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.state = defaultdict(dict)
        self.param_groups = [{**defaults, **group, "params": list(group["params"])} for group in params]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients, or fill them with zeros."""
        for group in self.param_groups:
            for weight in group["params"]:
                if set_to_none:
                    weight.grad = None
                elif weight.grad is not None:
                    weight.grad.detach_().zero_()
