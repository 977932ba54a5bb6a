"""ResNet: layers that learn what to add to their input, and the plain networks beside them.

The networks of the papers as values: `resnet_plans.py`.

[R] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385 (2015).
[I] the same, "Identity Mappings in Deep Residual Networks", arXiv 1603.05027 (2016), with the file
resnet-pre-act.lua of GitHub KaimingHe/resnet-1k-layers. [D] the same, "Delving Deep into Rectifiers", arXiv
1502.01852 (2015). [G] Goyal et al., "Accurate, Large Minibatch SGD", arXiv 1706.02677 (2017). [T] GitHub
facebook/fb.resnet.torch. [W] Zagoruyko, Komodakis, "Wide Residual Networks", arXiv 1605.07146 (2016). [S]
Huang et al., "Deep Networks with Stochastic Depth", arXiv 1603.09382 (2016).

Where we differ from the print:

| what | printed | ours | reason |
| --- | --- | --- | --- |
| multiply-adds, 18 and 34 | 1.8, 3.6 G ([R] table 1) | 1.814, 3.664 G | projections (B); with zeros (A) \
1.795, 3.644 G |
| multiply-adds, 50 to 152 | 3.8, 7.6, 11.3 G | 3.858, 7.570, 11.282 G | rounded there; with the stride \
on the 3×3 ("v1.5") 4.089, 7.801, 11.514 G |
| the pool after conv1 | 3×3/2, no padding given | one zero on each side | as [T], for any image size |
| first weights, convolutions | [D] | normal, √(2 / inputs of a unit) | [D] equation 10; [T] counts outputs, \
which [D] finds as good |
| first weights, dense layer | [D] | normal, 0.01 | as [G] §5.1: the first loss is then ln(classes) |
| parameters, ResNet-1001 | 10.2 M ([W]) | 10,327,706 | 10.18 M without the norms |
| v2 at 224 pixels | conv1's activation moves into the first unit ([I] §3) | conv1 keeps norm, ReLU and pool \
as in v1, and the first unit has its own | the form in use |
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks.layers import StochasticDepth
from alexnet.networks.resnet_plans import ORDERS, V1, Plan

Layers = OrderedDict[str, nn.Module]


def resnet(
    classes: int = 1000, channels: int = 3, *, plan: Plan = V1["resnet50"], **options: Any
) -> nn.Sequential:
    """Images [N, channels, H, W] of any size -> logits [N, classes]; shapes: ResNet-50, 224 pixels.

    Fields of the plan may be given by keyword: `resnet(10, plan=V1["resnet18"], stem="3x3", shortcut="C")`.
    """
    plan = plan.changed(options)
    maps = plan.outputs(plan.width * 2 ** (len(plan.blocks) - 1))
    network = nn.Sequential(OrderedDict(
        **stem(channels, plan),         # conv1  [N,   64, 112, 112]
                                        # pool1  [N,   64,  56,  56]
        **stages(plan),                 # conv2  [N,  256,  56,  56]
                                        # conv3  [N,  512,  28,  28]
                                        # conv4  [N, 1024,  14,  14]
                                        # conv5  [N, 2048,   7,   7]
        **last_activation(maps, plan),  #        [N, 2048,   7,   7]
        pool=nn.AdaptiveAvgPool2d(1),   #        [N, 2048,   1,   1]
        flat=nn.Flatten(),              #        [N, 2048]
        fc=nn.Linear(maps, classes),    #        [N, classes]
    ))  # fmt: skip
    if plan.drop:
        leave_out(network, plan.drop)
    return initialised(network, zero_last=plan.zero_last)


def stem(channels: int, plan: Plan) -> Layers:
    """What comes before the first unit."""
    kernel, stride = {"7x7": (7, 2), "3x3": (3, 1), "3x3/2": (3, 2)}[plan.stem]
    layers = Layers(conv1=nn.Conv2d(channels, plan.width, kernel, stride, padding=kernel // 2, bias=False))
    if plan.stem == "7x7" or plan.order != "preactivation":  # else the first unit's activation serves
        layers["norm1"] = nn.BatchNorm2d(plan.width)
        layers["relu1"] = nn.ReLU()
    if plan.stem == "7x7":
        layers["pool1"] = nn.MaxPool2d(3, stride=2, padding=1)
    return layers


def stages(plan: Plan) -> Layers:
    """conv2, conv3, …: each halves the size (but for the first) and doubles the width."""
    layers, inputs = Layers(), plan.width
    for number, units in enumerate(plan.blocks):
        width = plan.width * 2**number
        first = unit(inputs, width, stride=1 if number == 0 else 2, first=True, plan=plan)
        inputs = plan.outputs(width)
        layers[f"conv{number + 2}"] = nn.Sequential(
            first, *(unit(inputs, width, plan=plan) for _ in range(1, units))
        )
    return layers


def last_activation(maps: int, plan: Plan) -> Layers:
    """[I] §3: where units begin with their activation, one more follows the last addition."""
    if plan.order == "preactivation":
        return Layers(norm=nn.BatchNorm2d(maps), relu=nn.ReLU())
    return Layers(relu=nn.ReLU()) if plan.order == "relu-only" else Layers()


def unit(inputs: int, width: int, *, stride: int = 1, first: bool = False, plan: Plan) -> nn.Module:
    """One residual unit, or with shortcut "none" the same layers in a row; `first` of its stage."""
    if plan.bottleneck:
        on_1x1, on_3x3 = (stride, 1) if plan.stride_on == "1x1" else (1, stride)
        shapes = [(inputs, width, 1, on_1x1), (width, width, 3, on_3x3), (width, 4 * width, 1, 1)]
    else:
        shapes = [(inputs, width, 3, stride), (width, width, 3, 1)]
    kinds, after = ORDERS[plan.order]
    layers: list[tuple[str, nn.Module]] = []
    for number, (maps, outputs, kernel, step) in enumerate(shapes, 1):
        made = {
            "conv": nn.Conv2d(maps, outputs, kernel, step, padding=kernel // 2, bias=False),
            "norm": nn.BatchNorm2d(maps if plan.order == "preactivation" else outputs),
            "relu": nn.ReLU(),
        }
        layers += [(f"{kind}{number}", made[kind]) for kind in kinds]
    if plan.shortcut == "none":
        return nn.Sequential(OrderedDict(layers))
    # [I] §3 and file: the first pre-activation, and that of units which change the shape, is for both paths
    before = kinds.index("conv") if first else 0
    return Unit(layers, shortcut(inputs, plan.outputs(width), stride, plan), before=before, after=after)


def leave_out(network: nn.Module, most: float) -> None:
    """Leave branches out at random: the last unit's for `most` of the images, earlier ones' less ([S])."""
    units = [part for part in network.modules() if isinstance(part, Unit)]
    for number, one in enumerate(units, 1):
        one.branch.add_module("drop", StochasticDepth(most * number / len(units)))


class Unit(nn.Module):
    """Layers in three parts: `before` the paths part, the `branch`, and `after` the addition."""

    def __init__(
        self, layers: Sequence[tuple[str, nn.Module]], shortcut: nn.Module | None, *, before: int, after: int
    ) -> None:
        super().__init__()
        end = len(layers) - after
        self.before = nn.Sequential(OrderedDict(layers[:before])) if before else None
        self.branch = nn.Sequential(OrderedDict(layers[before:end]))
        self.shortcut = shortcut  # None: the identity
        self.after = nn.Sequential(OrderedDict(layers[end:])) if after else None

    def forward(self, maps: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        if self.before is not None:
            maps = self.before(maps)
        kept = maps if self.shortcut is None else self.shortcut(maps)
        total: Tensor = kept + self.branch(maps)
        return total if self.after is None else self.after(total)


def shortcut(inputs: int, outputs: int, stride: int, plan: Plan) -> nn.Module | None:
    """The path beside a branch: zeros or projection, or None for the identity ([R] §3.3 and table 3)."""
    changes = stride != 1 or inputs != outputs
    if plan.shortcut == "C" or (plan.shortcut == "B" and changes):
        projection = Layers(conv=nn.Conv2d(inputs, outputs, 1, stride, bias=False))
        if plan.order != "preactivation":
            projection["norm"] = nn.BatchNorm2d(outputs)
        return nn.Sequential(projection)
    return ZeroPadding(outputs - inputs, stride) if changes else None


class ZeroPadding(nn.Module):
    """Shortcut A: every stride-th pixel of the input, and zeros for the maps that are new."""

    def __init__(self, new: int, stride: int) -> None:
        super().__init__()
        self.new, self.stride = new, stride

    def forward(self, maps: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, inputs + new, H / stride, W / stride]."""
        return F.pad(maps[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


def initialised(network: nn.Sequential, *, zero_last: bool) -> nn.Sequential:
    """Draw the weights: convolutions as [D] equation 10, the dense layer as [G] §5.1; norms are 1 and 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if zero_last and isinstance(layer, Unit):
            weighted = [part for part in layer.branch if isinstance(part, nn.Conv2d | nn.BatchNorm2d)]
            nn.init.zeros_(weighted[-1].weight)
    return network


Renames = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
_FROM_TORCHVISION: Renames = (
    (r"^bn1", "norm1"),
    (r"^layer(\d)", lambda match: f"conv{int(match[1]) + 1}"),
    (r"\.conv(\d)", r".branch.conv\1"),
    (r"\.bn(\d)", r".branch.norm\1"),
    (r"\.downsample\.0", ".shortcut.conv"),
    (r"\.downsample\.1", ".shortcut.norm"),
)
_TO_TORCHVISION: Renames = (
    (r"^norm1", "bn1"),
    (r"^conv(\d)\.(?=\d)", lambda match: f"layer{int(match[1]) - 1}."),
    (r"\.branch\.conv", ".conv"),
    (r"\.branch\.norm", ".bn"),
    (r"\.shortcut\.conv", ".downsample.0"),
    (r"\.shortcut\.norm", ".downsample.1"),
)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's keys for resnet18 and 34, and (its bottlenecks are v1.5) resnet50-v1.5 to 152."""
    return {_renamed(key, _FROM_TORCHVISION): value for key, value in state.items()}


def to_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our keys for torchvision; the inverse of `from_torchvision`."""
    return {_renamed(key, _TO_TORCHVISION): value for key, value in state.items()}


def _renamed(key: str, renames: Renames) -> str:
    for pattern, name in renames:
        key = re.sub(pattern, name, key)
    return key
