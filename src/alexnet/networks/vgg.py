"""VGG: blocks of 3×3 convolutions, a 2×2 pool at the end of each, and three dense layers.

[V] Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", arXiv 1409.1556
(2014). Batch norm is later (Ioffe, Szegedy 2015); the "-bn" networks put it where torchvision does.

Where we differ from the print:

| what | printed | ours | reason |
| --- | --- | --- | --- |
| parameters, A to E | 133, 133, 134, 138, 144 M ([V] table 2) | 132.86, 133.05, 133.64, 138.36, 143.67 M | \
rounded there |
| first weights | normal, variance 0.01; B to E begin with trained layers of A ([V] §3.1) | uniform, Glorot, \
Bengio 2010 | [V]'s own later finding, for any depth; `start="normal"` is the former: pixels of 0..255 \
give logits of 10⁷ |
| size of the images | 224 | any | the last maps are averaged to 7 × 7, which changes nothing at 224 |
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from torch import Tensor, nn

from alexnet.networks.layers import ResponseNorm, dense
from alexnet.problem import UsageProblem

Layers = OrderedDict[str, nn.Module]
Norm = Literal["none", "response", "batch"]
Start = Literal["glorot", "normal"]


@dataclass(frozen=True)
class Plan:
    """One network of the family."""

    blocks: Sequence[tuple[int, int]]  # of each: n convolutions of m maps
    norm: Norm = "none"  # response: after conv1_1 alone, as in A-LRN; batch: before every ReLU
    pointwise: bool = False  # the third convolution of a block is 1×1, as in C
    grid: int = 7  # size of the maps that the dense layers see
    hidden: int = 4096
    dropout: float = 0.5
    start: Start = "glorot"

    def __post_init__(self) -> None:
        for option, known in {"norm": Norm, "start": Start}.items():
            if getattr(self, option) not in get_args(known):
                raise UsageProblem(
                    f"{option}={getattr(self, option)!r} is none of {', '.join(get_args(known))}"
                )
        if any(len(block) != 2 or min(block) < 1 for block in self.blocks) or not self.blocks:
            raise UsageProblem(
                f"blocks={self.blocks!r}: each block is two whole numbers, convolutions and maps"
            )

    def changed(self, options: Mapping[str, Any]) -> "Plan":
        """Replace fields by name, as a recipe or a command line gives them."""
        names = [field.name for field in fields(self)]
        if unknown := [name for name in options if name not in names]:
            raise UsageProblem(f"VGG has no option {', '.join(unknown)}; it has {', '.join(names)}")
        return replace(self, **options)


A = Plan(((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)))  # [V] table 1
B = Plan(((2, 64), (2, 128), (2, 256), (2, 512), (2, 512)))
D = Plan(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)))
E = Plan(((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)))

PUBLISHED = {
    "vgg11": A,
    "vgg11-lrn": replace(A, norm="response"),
    "vgg13": B,
    "vgg16-1x1": replace(D, pointwise=True),  # C
    "vgg16": D,
    "vgg19": E,
}
BATCH_NORM = {
    f"{name}-bn": replace(plan, norm="batch")
    for name, plan in PUBLISHED.items()
    if name in ("vgg11", "vgg13", "vgg16", "vgg19")
}
SMALL = {  # not of the paper: for 32 and 64 pixels, no wider than two processor cores can train
    "vgg-32": Plan(((1, 32), (1, 64), (2, 128), (2, 256)), norm="batch", grid=1, hidden=512),
    "vgg-64": Plan(((1, 16), (1, 32), (2, 64), (2, 128), (2, 256)), norm="batch", grid=1, hidden=512),
}


def vgg(classes: int = 1000, channels: int = 3, *, plan: Plan = D, **options: Any) -> nn.Sequential:
    """Images [N, channels, H, W] of any size -> logits [N, classes]; shapes: VGG-16, 224 pixels.

    Fields of the plan may be given by keyword: `vgg(10, 1, blocks=((1, 16), (2, 32)), grid=2, hidden=256)`.
    """
    plan = plan.changed(options)
    maps, hidden = plan.blocks[-1][1], plan.hidden
    network = nn.Sequential(OrderedDict(
        **convolutions(channels, plan),                # pool1 [N,  64, 112, 112]
                                                       # pool2 [N, 128,  56,  56]
                                                       # pool3 [N, 256,  28,  28]
                                                       # pool4 [N, 512,  14,  14]
                                                       # pool5 [N, 512,   7,   7]
        grid=nn.AdaptiveAvgPool2d(plan.grid),          #       [N, 512,   7,   7]
        flat=nn.Flatten(),                             #       [N, 25088]
        fc6=dense(maps * plan.grid**2, hidden),        #       [N, 4096]
        relu6=nn.ReLU(),
        drop6=nn.Dropout(plan.dropout),
        fc7=dense(hidden, hidden),                     #       [N, 4096]
        relu7=nn.ReLU(),
        drop7=nn.Dropout(plan.dropout),
        fc8=dense(hidden, classes),                    #       [N, classes]
    ))  # fmt: skip
    return initialised(network, plan.start)


def convolutions(channels: int, plan: Plan) -> Layers:
    """conv1_1, relu1_1, …, pool1, conv2_1, …: the names of [V]'s authors."""
    layers = Layers()
    for block, (count, maps) in enumerate(plan.blocks, 1):
        for number in range(1, count + 1):
            at = f"{block}_{number}"
            kernel = 1 if plan.pointwise and number == 3 else 3
            layers[f"conv{at}"] = nn.Conv2d(channels, maps, kernel, padding=kernel // 2)
            if plan.norm == "batch":
                layers[f"norm{at}"] = nn.BatchNorm2d(maps)
            layers[f"relu{at}"] = nn.ReLU()
            if plan.norm == "response" and at == "1_1":  # [V] §2.1: as in the 2012 paper
                layers[f"norm{at}"] = ResponseNorm.printed(5, alpha=1e-4, beta=0.75, k=2)
            channels = maps
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


def initialised(network: nn.Sequential, start: Start) -> nn.Sequential:
    """Draw the weights ([V] §3.1); biases are 0, batch norms 1 and 0."""
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            if start == "glorot":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.normal_(layer.weight, std=0.1)
    return network


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's keys for vgg11 to vgg19, and with batch norm for vgg11-bn to vgg19-bn."""
    places = sorted({int(key.split(".")[1]) for key, value in state.items() if value.dim() == 4})
    names, block, number = {"classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8"}, 1, 0
    for before, place in zip([0, *places], places, strict=False):
        if place > before + _layers_a_convolution(state):  # a pool lies between
            block, number = block + 1, 0
        number += 1
        names[f"features.{place}"] = f"conv{block}_{number}"
        names[f"features.{place + 1}"] = f"norm{block}_{number}"
    return _renamed(state, names)


def to_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our keys for torchvision; the inverse of `from_torchvision`."""
    names = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}
    place, last = 0, "1"
    for at in dict.fromkeys(key.split(".")[0][4:] for key in state if key.startswith("conv")):
        block = at.split("_")[0]
        place += block != last  # a pool
        names |= {f"conv{at}": f"features.{place}", f"norm{at}": f"features.{place + 1}"}
        place, last = place + _layers_a_convolution(state), block
    return _renamed(state, names)


def _layers_a_convolution(keys: Iterable[str]) -> int:
    """Convolution and ReLU; with batch norm three."""
    return 3 if any(key.endswith("running_mean") for key in keys) else 2


def _renamed(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    split = {key: key.rpartition(".") for key in state}
    return {f"{names.get(layer, layer)}.{part}": state[key] for key, (layer, _, part) in split.items()}
