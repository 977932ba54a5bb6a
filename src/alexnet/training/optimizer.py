"""The optimizer of a recipe; updates of 2012 and 2015 that torch has otherwise."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from alexnet.ingredients import Rule
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.training.groups import Group, parameter_groups
from alexnet.training.layerwise import LARS, Muon, kept
from alexnet.training.plain_optimizer import PlainOptimizer
from alexnet.training.update import update_compiled


class SGD2012(PlainOptimizer):
    """v ← momentum · v − weight_decay · ε · w − ε · g;  w ← w + v  ([P] §5).

    `torch.optim.SGD` keeps the rate ε outside v, so that after ÷10 its next step is ten times shorter; here v
    keeps its length and fades by `momentum` a step, as in the 2012 code. At a constant rate they are equal.
    """

    def __init__(
        self, params: Sequence[Group], *, lr: float, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient, a whole group at a time."""
        if closure is not None:
            raise UsageProblem("SGD2012 takes no closure: compute the gradients, then step()")
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            factors = group["momentum"], -group["weight_decay"] * group["lr"], -group["lr"]
            plain = [
                weight
                for weight in weights
                if not update_compiled(weight, kept(self, weight, "velocity"), factors)
            ]
            if plain:
                self._update(plain, *factors)

    def _update(self, weights: list[Tensor], momentum: float, shrink: float, rate: float) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        velocities = [kept(self, weight, "velocity") for weight in weights]
        torch._foreach_mul_(velocities, momentum)
        if shrink:
            torch._foreach_add_(velocities, weights, alpha=shrink)
        torch._foreach_add_(velocities, gradients, alpha=rate)
        torch._foreach_add_(weights, velocities)


class TensorFlowRMSProp(PlainOptimizer):
    """s ← ρ·s + (1 − ρ)·g²;  v ← momentum · v + rate · g / √(s + ε);  w ← w − v, with s = 1 at the start.

    As TensorFlow has it, which trained the Inceptions; weight_decay · w is part of g. `torch.optim.RMSprop`
    divides by √s + ε, starts s at 0 and keeps the rate outside v: with the Inceptions' ε = 1 its steps differ
    by a factor of up to √2, and a falling rate shortens them at once.
    """

    def __init__(
        self,
        params: Sequence[Group],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        decay: float = 0.9,
        epsilon: float = 1.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"decay": decay, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient, a whole group at a time."""
        if closure is not None:
            raise UsageProblem("TensorFlowRMSProp takes no closure: compute the gradients, then step()")
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients = [weight.grad for weight in weights]
            if group["weight_decay"]:
                gradients = list(torch._foreach_add(gradients, weights, alpha=group["weight_decay"]))
            squares = [kept(self, weight, "squares", torch.ones_like) for weight in weights]
            velocities = [kept(self, weight, "velocity") for weight in weights]
            torch._foreach_mul_(squares, group["decay"])
            torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["decay"])
            roots = torch._foreach_sqrt(torch._foreach_add(squares, group["epsilon"]))
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_addcdiv_(velocities, gradients, roots, value=group["lr"])
            torch._foreach_sub_(weights, velocities)


def optimizer_of(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """Build the recipe's optimizer over groups of parameters that learn alike."""
    groups = list(parameter_groups(recipe, network))
    if not groups:
        raise UsageProblem(f"recipe {recipe.name}: frozen={list(recipe.frozen)} leaves nothing to train")
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=0.0, weight_decay=recipe.weight_decay, fused=True)
    if recipe.optimizer == "rmsprop":
        return TensorFlowRMSProp(
            groups,
            lr=0.0,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            decay=recipe.rms_decay,
            epsilon=recipe.rms_epsilon,
        )
    decay, momentum = recipe.weight_decay, recipe.momentum
    if recipe.optimizer == "sgd":
        nesterov, fused = recipe.nesterov, not _in_shards(groups)
        return torch.optim.SGD(
            groups, lr=0.0, momentum=momentum, weight_decay=decay, nesterov=nesterov, fused=fused
        )
    kinds: dict[str, type[LARS | Muon | SGD2012]] = {"lars": LARS, "muon": Muon, "sgd-2012": SGD2012}
    return kinds[recipe.optimizer](groups, lr=0.0, momentum=momentum, weight_decay=decay)


def _in_shards(groups: Sequence[Group]) -> bool:
    # torch's fused form of SGD, unlike that of AdamW, does not know weights in shards (DTensor)
    return any(hasattr(weight, "full_tensor") for group in groups for weight in group["params"])


def clip_gradients(optimizer: torch.optim.Optimizer, longest: float) -> None:
    """Shorten all gradients by one factor where together they are longer than `longest`."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(weights, longest, foreach=True)


def set_rates(
    optimizer: torch.optim.Optimizer, recipe: Recipe, epoch: float, errors: Sequence[float]
) -> float:
    """Give every group its rate at `epoch` (with fractions); returns the recipe's own rate."""
    rate = recipe.learning_rate(epoch, recipe.epochs, errors)
    give_rate(optimizer, rate, epoch)
    return rate


def give_rate(optimizer: torch.optim.Optimizer, rate: float, epoch: float) -> None:
    """Give every group `rate` times what its rules have at `epoch`."""
    for group in optimizer.param_groups:
        rules: tuple[Rule, ...] = group["rules"]
        group["lr"] = rate
        for rule in rules:
            group["lr"] *= rule.rate(epoch)
