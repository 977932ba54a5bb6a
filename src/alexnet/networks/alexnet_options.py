"""What the tables of `alexnet.py` leave open: sizes, the switches of an ablation, and the initial weights.

Sources: [P] the 2012 paper; [C] its code, net numbers as in `layers/layers-145.cfg`.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from alexnet.networks.chain import Chain
from alexnet.networks.layers import (
    ColumnLinear,
    PaperDropout,
    ResponseNorm,
    SameMapNorm,
    ceil_windows,
    dense,
)
from alexnet.problem import UsageProblem

Layers = OrderedDict[str, nn.Module]
NEURONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
MIDDLE = ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
ONES = ("conv2", "conv4", "conv5", "conv6", "fc6", "fc7")  # [P] §5: their biases start at 1
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
INPUTS = (363, 1200, 2304, 1728, 1728, 9216, 4096, 4096)  # of one unit of each, in the paper's network


@dataclass(frozen=True, kw_only=True)
class Options:
    """The defaults are the paper's network; an ablation changes one at a time."""

    image: int = 224  # pixels a side
    window: int = 11  # of conv1
    stride: int = 4  # of conv1
    maps: Sequence[int] = (96, 256, 384, 384, 256)  # of conv1 to conv5
    dense: Sequence[int] = (4096, 4096)  # units of fc6 and fc7
    columns: int = 2  # the GPUs of 2012: conv2, conv4 and conv5 see the maps of their own only
    links: bool = True  # conv3, fc6 and fc7 see both columns
    conv6: bool = False  # [P] §6: a sixth convolution over the last pool
    norm: bool = True
    overlapping: bool = True  # pools 3/2; else 2/2 with conv2 and conv5 padded one less, as [C] net 147
    dropout: float = 0.5
    mask: bool = True  # dropout's mask; without it training sees the mean, as testing does
    activation: str = "relu"
    without: Sequence[str] = ()  # layers left out with their ReLU, norm and dropout; their pools stay
    deviations: Sequence[float] = (0.01,) * 8  # of the initial weights, conv1 to fc8
    keep_spread: bool = False  # widen a deviation where a unit has fewer inputs than the paper's
    bias: float = 1.0  # at the start, in the layers of `ONES`

    def __post_init__(self) -> None:
        """Refuse what no network can be built from."""
        if self.activation not in NEURONS:
            raise UsageProblem(f"activation {self.activation!r} is not one of {', '.join(NEURONS)}")
        if unknown := [name for name in self.without if name not in MIDDLE]:
            raise UsageProblem(f"cannot leave out {', '.join(unknown)}; `without` takes {', '.join(MIDDLE)}")
        for name, length in {"maps": 5, "dense": 2, "deviations": 8}.items():
            if len(getattr(self, name)) != length:
                raise UsageProblem(f"{name} takes {length} numbers, one a layer, not {getattr(self, name)}")
        if self.columns < 1 or any(width % self.columns for width in (*self.maps, *self.dense)):
            raise UsageProblem(
                f"maps {self.maps}, dense {self.dense} do not part into {self.columns} columns"
            )
        if self.side < 1:
            raise UsageProblem(f"images of {self.image} pixels are too small: nothing is left after pool5")

    @property
    def side(self) -> int:
        """Pixels a side behind pool5: 6 in the paper's network."""
        window = 3 if self.overlapping else 2
        side = ceil_windows(self.image, self.window, self.stride)
        side = ceil_windows(side, window, 2)
        for shrinking in ("conv2", "conv5"):
            side -= 0 if self.overlapping or shrinking in self.without else 2
            side = ceil_windows(side, window, 2)
        return side

    @property
    def linked(self) -> int:
        """Columns of the layers that see all of them unless `links` is off."""
        return 1 if self.links else self.columns

    @property
    def less(self) -> int:
        """What conv2 and conv5 lack in padding so that 2/2 pools end at the same size."""
        return 0 if self.overlapping else 1

    def inputs(self, channels: int) -> dict[str, int]:
        """What each layer of the table takes: maps, or features for the dense layers."""
        taken, width = {}, channels
        for name, maps in zip(LAYERS[:5], self.maps, strict=True):
            taken[name] = width
            width = width if name in self.without else maps
        taken["conv6"], width = width, width * self.side**2
        for name, units in zip(LAYERS[5:7], self.dense, strict=True):
            taken[name] = width
            width = width if name in self.without else units
        return taken | {"fc8": width}

    def neuron(self) -> nn.Module:
        """What `activation` names; the tables call it relu, as the paper has it."""
        return NEURONS[self.activation]()

    def pool(self) -> nn.Module:
        """Max pooling that counts its windows with ceil, as cuda-convnet does."""
        return nn.MaxPool2d(3 if self.overlapping else 2, stride=2, ceil_mode=True)

    def drop(self) -> nn.Module:
        """Dropout in the paper's convention."""
        return PaperDropout(self.dropout, mask=self.mask)

    def linear(self, inputs: int, outputs: int) -> nn.Module:
        """Dense layer over all features, or over its own column's where there are no links."""
        if self.linked == 1:
            return dense(inputs, outputs)
        return ColumnLinear(inputs, outputs, columns=self.linked)


def choose(given: Mapping[str, Any]) -> Options:
    """Options by name, as a recipe or a command line gives them; `without` may be one string with commas."""
    names = [field.name for field in fields(Options)]
    if unknown := [name for name in given if name not in names]:
        raise UsageProblem(f"AlexNet has no option {', '.join(unknown)}; it has {', '.join(names)}")
    without = given.get("without", ())
    return Options(**{**given, "without": without.split(",") if isinstance(without, str) else without})


def build(layers: Layers, options: Options) -> nn.Sequential:
    """The table without what the options leave out, its weights drawn."""
    removed = {"conv6", "relu_conv6"} if not options.conv6 else set()
    for name in options.without:
        removed |= {name, *(f"{kind}{name[-1]}" for kind in ("relu", "norm", "cnorm", "drop"))}
    if not options.norm:
        removed |= {name for name, layer in layers.items() if isinstance(layer, ResponseNorm | SameMapNorm)}
    kept = Layers((name, layer) for name, layer in layers.items() if name not in removed)
    network = Chain(Layers((name.replace("relu", options.activation), layer) for name, layer in kept.items()))
    _initialise(network, options)
    return network


def _initialise(network: nn.Sequential, options: Options) -> None:
    """Normal weights, constant biases ([P] §5); conv6 starts as conv5."""
    start = dict(zip(LAYERS, zip(options.deviations, INPUTS, strict=True), strict=True))
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d | nn.Linear | ColumnLinear):
            deviation, inputs = start.get(name, start["conv5"])
            if options.keep_spread:
                deviation *= math.sqrt(inputs / layer.weight[0].numel())
            nn.init.normal_(layer.weight, std=deviation)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, options.bias if name in ONES else 0.0)
