"""What the layers of a network answer to images."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from alexnet.probing.drawing import BLUE, GREY, bare, figure_of, grid, shown
from alexnet.probing.sheets import PIXELS, map_pictures, tiled
from alexnet.problem import UsageProblem

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@torch.inference_mode()
def activations(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    """Output of the named layer for images [N, C, H, W]; a UsageProblem lists the layers there are."""
    with recorded(network, layer) as outputs:
        network(images)
    if not outputs:
        raise UsageProblem(f"images come by {layer} in training only; name a layer that answers pictures")
    return outputs[-1]


@contextmanager
def recorded(network: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """Collect what `layer` answers while the network runs."""
    module = require_layer(network, layer)
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output.detach().clone())

    handle = module.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()


def require_layer(network: nn.Module, layer: str) -> nn.Module:
    """The layer of that name; a UsageProblem lists those there are."""
    layers = dict(network.named_modules())
    if not layer or layer not in layers:
        raise UsageProblem(f"no layer {layer!r}; there are {', '.join(name for name in layers if name)}")
    return network.get_submodule(layer)


def first_convolution(network: nn.Module) -> str:
    """Name of the first convolution; a UsageProblem where there is none."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    if not names:
        raise UsageProblem("this network has no convolution to show")
    return str(names[0])


def strongest_maps(answer: Tensor, most: int) -> list[int]:
    """Numbers of the maps of one answer [K, h, w] that are shown: all, or the `most` with the largest mean.

    >>> strongest_maps(torch.tensor([1.0, 3.0, 2.0])[:, None, None], 2)
    [1, 2]
    """
    if len(answer) <= most:
        return list(range(len(answer)))
    return sorted(answer.flatten(1).mean(1).argsort(descending=True, stable=True)[:most].tolist())


def map_numbers(answer: Tensor) -> list[dict[str, float]]:
    """Of each map [K, h, w] its mean, largest value, and the share of it that is zero."""
    flat = answer.flatten(1).double()
    columns = zip(
        flat.mean(1).tolist(), flat.amax(1).tolist(), (flat == 0).double().mean(1).tolist(), strict=True
    )
    return [
        {"map": number, "mean": mean, "largest": largest, "zeros": zeros}
        for number, (mean, largest, zeros) in enumerate(columns)
    ]


def activation_figure(title: str, picture: PIXELS, answer: Tensor, shown_maps: Sequence[int]) -> "Figure":
    """Draw the picture [H, W, 3] and the sheet of its maps [K, h, w], each map from its least to its most."""
    count = len(shown_maps)
    across = math.ceil(math.sqrt(count * 1.7))
    down = math.ceil(count / across)
    side = max(answer.shape[1:])
    enlarged = max(1, round(900 / (across * (side + 2))))
    sheet = tiled(
        map_pictures(answer[list(shown_maps)]), across, gap=max(1, 2 * enlarged // 3), enlarged=enlarged
    )
    wide = 8.0
    figure = figure_of(title, wide + 2.5, max(2.9, wide * sheet.shape[0] / sheet.shape[1]) + 0.45)
    axes = grid(figure, 1, 2, width_ratios=[2.2, wide])[0]
    shown(axes[0], picture)
    shown(axes[1], sheet)
    axes[0].set_anchor("N")
    axes[1].set_anchor("N")
    maps = (
        f"maps {shown_maps[0]} … {shown_maps[-1]}, row by row"
        if count == len(answer)
        else f"{count} strongest of {len(answer)} maps"
    )
    axes[1].set_title(maps if down else "", fontsize=9, loc="left", color=GREY)
    return figure


def feature_figure(title: str, picture: PIXELS, features: Tensor) -> "Figure":
    """Draw the picture [H, W, 3] and what each unit of a dense layer answers [K]."""
    figure = figure_of(title, 10.5, 2.9)
    axes = grid(figure, 1, 2, width_ratios=[2.2, 8.0])[0]
    shown(axes[0], picture)
    axes[1].vlines(
        range(len(features)), 0, features.tolist(), color=BLUE, lw=max(0.4, min(6.0, 400 / len(features)))
    )
    axes[1].axhline(0, color=GREY, lw=0.6)
    axes[1].set_xlabel("unit", fontsize=9, color=GREY)
    axes[1].set_ylabel("answer", fontsize=9, color=GREY)
    bare(axes[1])
    return figure
