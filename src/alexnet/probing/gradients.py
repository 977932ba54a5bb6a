"""How much gradient reaches each layer: norms by depth, of one forward and backward pass.

[R] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385 (2015), §4.1: plain
networks do not fail because gradients vanish.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alexnet.probing.gradient_history import GradientHistory, draw_histories, in_powers
from alexnet.problem import UsageProblem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#b3261e", "#1f4e79", "#2e7d32", "#b26a00", "#6a3d9a", "#555555")


@dataclass(frozen=True)
class LayerGradient:
    """What one layer gets back; `rms` is the root of the mean square, `norm` of the sum (L2)."""

    name: str
    weight_rms: float
    weight_norm: float
    output_rms: float
    output_norm: float


class _Squares:
    """Squares of gradients that come in pieces, in float64: 1e20 squared is more than float32 holds."""

    def __init__(self) -> None:
        self.total, self.values = 0.0, 0

    def add(self, gradient: Tensor) -> None:
        self.total += float(gradient.detach().double().square().sum())
        self.values += gradient.numel()

    def rms_and_norm(self) -> tuple[float, float]:
        return math.sqrt(self.total / max(1, self.values)), math.sqrt(self.total)


def gradient_norms(
    network: nn.Module,
    images: Tensor,
    *,
    labels: Tensor,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
) -> list[LayerGradient]:
    """Norms of the gradient of `loss(network, images, labels)` at each layer's weights and at its output.

    A layer is a module with a weight of two or more dimensions: a convolution or a dense layer, no norm. They
    come in the order of their run, each once; those that the loss does not run are left out. The pass is one
    of training, with the batch's statistics and with dropout's masks from torch's generator; the network is
    as before it then, `.grad` and running statistics too. A frozen weight counts as zero. A loss that is the
    mean over the batch makes the gradient at an output that much smaller.
    """
    outputs: dict[str, _Squares] = {}
    layers = dict(_layers(network))
    with _as_before(network), torch.enable_grad(), _watched(layers, outputs):
        network.train()
        # so that gradient comes by the outputs of frozen first layers too
        images = images.detach().requires_grad_()
        value = loss(network, images, labels)
        weights = {name: layers[name].get_parameter("weight") for name in outputs}
        trained = {name: weight for name, weight in weights.items() if weight.requires_grad}
        _, *gradients = torch.autograd.grad(value, [images, *trained.values()], allow_unused=True)
    if not outputs:
        raise UsageProblem("this network has no convolution or dense layer whose gradient could be shown")
    found = dict(zip(trained, gradients, strict=True))
    return [_layer_gradient(name, found.get(name), output) for name, output in outputs.items()]


def weight_norms(network: nn.Module) -> dict[str, float]:
    """L2 norms of the gradients that lie at the weights of convolutions and dense layers, by layer.

    In the order of the network's file; layers whose weight has no gradient (frozen ones) are left out.
    """
    lying = {name: layer.get_parameter("weight").grad for name, layer in _layers(network)}
    there = {name: gradient for name, gradient in lying.items() if gradient is not None}
    norms = [torch.linalg.vector_norm(gradient, dtype=torch.float64) for gradient in there.values()]
    return dict(zip(there, torch.stack(norms).tolist() if norms else [], strict=True))


def weight_sizes(network: nn.Module) -> dict[str, int]:
    """How many values the weight of each convolution and dense layer has."""
    return {name: layer.get_parameter("weight").numel() for name, layer in _layers(network)}


def _layer_gradient(name: str, gradient: Tensor | None, output: _Squares) -> LayerGradient:
    weight = _Squares()
    if gradient is not None:
        weight.add(gradient)
    return LayerGradient(name, *weight.rms_and_norm(), *output.rms_and_norm())


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in network.named_modules():
        weight = dict(module.named_parameters(recurse=False)).get("weight")
        if weight is not None and weight.dim() >= 2:
            yield name, module


@contextmanager
def _watched(layers: Mapping[str, nn.Module], outputs: dict[str, _Squares]) -> Iterator[None]:
    """While the network runs, lay down the squares of the gradients that come by the layers' outputs."""

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def ran(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            output.register_hook(outputs.setdefault(name, _Squares()).add)

        return ran

    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _as_before(network: nn.Module) -> Iterator[None]:
    """Put modes and buffers back, among them the running statistics that a pass in training changes."""
    modes = [(module, module.training) for module in network.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for buffer, before in buffers:
            buffer.copy_(before)


def gradient_figure(
    networks: Mapping[str, Sequence[LayerGradient]], histories: Sequence[GradientHistory] = ()
) -> "Figure":
    """Draw root mean squares by depth, a curve a network, at the weights and at the outputs.

    Below, where there are any, trainings over their steps.
    """
    from matplotlib.figure import Figure

    width = max(9.0, 4.8 * len(histories))
    figure = Figure(figsize=(width, 7.4 if histories else 3.6), layout="constrained")
    upper, *lower = figure.subfigures(2 if histories else 1, 1, squeeze=False)[:, 0]
    left, right = upper.subplots(1, 2)
    _draw(left, "of the weights", {key: [one.weight_rms for one in made] for key, made in networks.items()})
    _draw(right, "of the outputs", {key: [one.output_rms for one in made] for key, made in networks.items()})
    left.set_ylabel("root mean square", fontsize=9)
    left.legend(frameon=False, fontsize=9)
    if histories:
        draw_histories(lower[0], histories)
    return figure


def _draw(axis: "Axes", of_what: str, curves: Mapping[str, Sequence[float]]) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, (name, values) in enumerate(curves.items()):
        axis.plot(range(1, len(values) + 1), values, lw=1, color=COLOURS[number % len(COLOURS)], label=name)
    in_powers(axis, [value for values in curves.values() for value in values])
    axis.set_title(f"gradient {of_what}", loc="left", fontsize=10)
    axis.set_xlabel("layer, from the image to the logits", fontsize=9)
    axis.tick_params(labelsize=8, which="both")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
