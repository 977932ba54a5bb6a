"""Updates whose length is set layer by layer: LARS, for batches of thousands, and Muon.

LARS: You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks" (2017): with it AlexNet trains
in batches of 32 K. Muon: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from alexnet.problem import UsageProblem
from alexnet.training.plain_optimizer import PlainOptimizer

Group = dict[str, Any]
TRUST = 0.001
"""LARS's coefficient η: a layer's step is about this share of its weights' length, times the rate."""

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Muon's polynomial: five turns bring every singular value between about 0.7 and 1.2."""


class LARS(PlainOptimizer):
    """g ← g + weight_decay · w;  v ← momentum · v + rate · λ · g;  w ← w − v, with λ = η · |w| / |g|.

    Each parameter has its λ, biases and norms too; one whose length or gradient is 0 takes η itself. (The
    paper's denominator, |g| + weight_decay · |w|, bounds the length of the decayed gradient.)
    """

    def __init__(
        self,
        params: Sequence[Group],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = TRUST,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        _refuse(closure, "LARS")
        for group in self.param_groups:
            for weight in (weight for weight in group["params"] if weight.grad is not None):
                velocity = kept(self, weight, "velocity")
                rate = group["lr"] * self._ratio(weight, group)
                gradient = weight.grad.add(weight, alpha=group["weight_decay"])
                velocity.mul_(group["momentum"]).add_(gradient * rate)
                weight.sub_(velocity)

    @staticmethod
    def _ratio(weight: Tensor, group: Group) -> Tensor:
        length, slope = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(weight.grad)
        ratio = group["trust"] * length / (slope + group["weight_decay"] * length)
        return torch.where((length > 0) & (slope > 0), ratio, torch.full_like(ratio, group["trust"]))


class Muon(PlainOptimizer):
    """v ← momentum · v + g;  w ← w · (1 − rate · weight_decay) − rate · scale · orthogonal(g + momentum · v).

    For weights of hidden layers, kernels taken as matrices [outputs, inputs · height · width]; `orthogonal`
    puts all singular values near 1. The scale 0.2 · √(longer side) gives steps of AdamW's usual length (Liu
    et al., "Muon is Scalable for LLM Training", 2025), so AdamW's rates fit. Other parameters, and groups
    marked `plain`, go by AdamW.
    """

    def __init__(
        self, params: Sequence[Group], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        _refuse(closure, "Muon")
        for group in self.param_groups:
            for weight in (weight for weight in group["params"] if weight.grad is not None):
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                if weight.dim() > 1 and not group.get("plain"):
                    self._orthogonal_step(weight, group)
                else:
                    self._adam_step(weight, group["lr"])

    def _orthogonal_step(self, weight: Tensor, group: Group) -> None:
        assert weight.grad is not None
        velocity = kept(self, weight, "velocity")
        velocity.mul_(group["momentum"]).add_(weight.grad)
        direction = weight.grad.add(velocity, alpha=group["momentum"]).flatten(1)
        scale = 0.2 * max(direction.shape) ** 0.5
        weight.sub_(orthogonal(direction).view(weight.shape), alpha=group["lr"] * scale)

    def _adam_step(self, weight: Tensor, rate: float, betas: tuple[float, float] = (0.9, 0.95)) -> None:
        assert weight.grad is not None
        mean, square = kept(self, weight, "mean"), kept(self, weight, "square")
        count = self.state[weight].setdefault("count", torch.zeros(()))
        count += 1
        mean.lerp_(weight.grad, 1 - betas[0])
        square.lerp_(weight.grad.square(), 1 - betas[1])
        mean_now, square_now = (
            moment / (1 - beta ** float(count)) for moment, beta in zip((mean, square), betas, strict=True)
        )
        weight.sub_(mean_now / (square_now.sqrt() + 1e-8), alpha=rate)


def orthogonal(matrix: Tensor, turns: int = 5) -> Tensor:
    """Nearly the matrix of the same singular vectors with values of 1, by Newton and Schulz's iteration.

    >>> made = orthogonal(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    >>> bool(((made.diagonal() - 1).abs() < 0.35).all()), float(made[0, 1])
    (True, 0.0)
    """
    a, b, c = QUINTIC
    tall = matrix.size(0) > matrix.size(1)
    x: Tensor = matrix.T if tall else matrix
    x = x / (torch.linalg.matrix_norm(x) + 1e-7)
    for _ in range(turns):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def kept(
    optimizer: torch.optim.Optimizer,
    weight: Tensor,
    name: str,
    start: Callable[[Tensor], Tensor] = torch.zeros_like,
) -> Tensor:
    """What `optimizer` keeps of `weight` under this name from step to step; made by `start` at first."""
    state = optimizer.state[weight]
    if name not in state:
        state[name] = start(weight)
    tensor: Tensor = state[name]
    return tensor


def _refuse(closure: Callable[[], float] | None, name: str) -> None:
    if closure is not None:
        raise UsageProblem(f"{name} takes no closure: compute the gradients, then step()")
