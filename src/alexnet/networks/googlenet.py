"""GoogLeNet: nine Inception blocks, and two side heads that send gradient into their middle in training.

[S] Szegedy et al., "Going Deeper with Convolutions", arXiv 1409.4842 (2014). [B] Caffe's bvlc_googlenet, made
with the first author's help. [T] torchvision's googlenet.py, which holds other weights released by Google.

Where we differ from the print:

| what | printed ([S] table 1) | ours | reason |
| --- | --- | --- | --- |
| conv1 | 2.7 K parameters, 34 M operations | 9,472 and 118 M | the print is a separable 7×7 of 2,712 \
weights; its own row, [B] and [T] say 7×7 |
| parameters, 4c and 5a | 463 K, 1,072 K | 510,104 and 1,043,456 | not what the printed maps give |
| parameters, all | 6.8 M (sum of the column) | 6,998,552; 13,378,280 with side heads | the rows above |
| multiply-adds | 1.5 G | 1.583 G | conv1 |
| response norms | size and strength not given | 5 maps, 0.0001, 0.75, k = 1 | [B] |
| pools | padding not given | windows counted with ceil | [B] and [T]; it gives the printed sizes |
| first weights | none given | uniform to √(3 / inputs of a unit); biases 0.2, of the last layers 0 | [B] |

`googlenet-torchvision` differs by [T]: 3×3 in the branch called 5×5, batch norm, pool4 2×2, dropout 0.2, side
heads that average any size to 4 × 4.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks.layers import ResponseNorm
from alexnet.problem import UsageProblem

SIDE_WEIGHT = 0.3  # [S] §5
Norm = Literal["response", "batch"]
Stem = Literal["7x7", "3x3"]
SidePool = Literal["5x5/3", "4x4"]


@dataclass(frozen=True)
class Plan:
    """What the layouts differ in; the defaults are the paper's."""

    norm: Norm = "response"  # response: twice in the stem; batch: in every unit
    kernel: int = 5  # of the branch called 5×5
    pool4: int = 3  # its window
    dropout: float = 0.4
    stem: Stem = "7x7"  # divides the size by 8; 3x3: by 4, for small images
    width: float = 1.0  # times the maps of the table, in eighths
    side_heads: bool = True
    side_pool: SidePool = "5x5/3"  # of the paper, 14 × 14 -> 4 × 4; 4x4: from any size

    def __post_init__(self) -> None:
        for option, known in {"norm": Norm, "stem": Stem, "side_pool": SidePool}.items():
            if getattr(self, option) not in get_args(known):
                raise UsageProblem(
                    f"{option}={getattr(self, option)!r} is none of {', '.join(get_args(known))}"
                )
        if self.width <= 0 or self.width * 8 % 1:
            raise UsageProblem(f"width={self.width!r} is no whole number of eighths (0.125, 0.25, …)")

    def changed(self, options: Mapping[str, Any]) -> "Plan":
        """Replace fields by name, as a recipe or a command line gives them."""
        names = [field.name for field in fields(self)]
        if unknown := [name for name in options if name not in names]:
            raise UsageProblem(f"GoogLeNet has no option {', '.join(unknown)}; it has {', '.join(names)}")
        return replace(self, **options)

    def maps(self, printed: int) -> int:
        """As many maps as the table prints, times the width."""
        return int(printed * self.width)


PAPER = Plan()
TORCHVISION = Plan(norm="batch", kernel=3, pool4=2, dropout=0.2, side_pool="4x4")
SMALL_64 = Plan(norm="batch", stem="3x3", width=0.25, side_pool="4x4")  # not of the paper


class GoogLeNet(nn.Module):
    """Images [N, channels, H, W] of any size -> logits [N, classes]; shapes: 224 pixels.

    Fields of the plan may be given by keyword. `forward` never asks the side heads, `loss` does.
    """

    def __init__(self, classes: int = 1000, channels: int = 3, *, plan: Plan = PAPER, **options: Any) -> None:
        super().__init__()
        plan = plan.changed(options)
        unit, block = partial(convolution, plan=plan), partial(inception, plan=plan)
        # fmt: off
        self.conv1, self.pool1 = stem(channels, plan)                      # [N,   64, 112, 112]
        self.norm1 = response_norm(plan)                                   # [N,   64,  56,  56]
        self.conv2_reduce = unit(plan.maps(64), 64, 1)                     # [N,   64,  56,  56]
        self.conv2 = unit(plan.maps(64), 192, 3)                           # [N,  192,  56,  56]
        self.norm2 = response_norm(plan)                                   # [N,  192,  56,  56]
        self.pool2 = max_pool(3)                                           # [N,  192,  28,  28]
        #                        in   1×1  3×3         5×5        pool
        self.inception3a = block(192,  64, (96, 128),  (16, 32),   32)     # [N,  256,  28,  28]
        self.inception3b = block(256, 128, (128, 192), (32, 96),   64)     # [N,  480,  28,  28]
        self.pool3 = max_pool(3)                                           # [N,  480,  14,  14]
        self.inception4a = block(480, 192, (96, 208),  (16, 48),   64)     # [N,  512,  14,  14]
        self.side4a = side_head(512, classes, plan=plan)                   # [N, classes]
        self.inception4b = block(512, 160, (112, 224), (24, 64),   64)     # [N,  512,  14,  14]
        self.inception4c = block(512, 128, (128, 256), (24, 64),   64)     # [N,  512,  14,  14]
        self.inception4d = block(512, 112, (144, 288), (32, 64),   64)     # [N,  528,  14,  14]
        self.side4d = side_head(528, classes, plan=plan)                   # [N, classes]
        self.inception4e = block(528, 256, (160, 320), (32, 128), 128)     # [N,  832,  14,  14]
        self.pool4 = max_pool(plan.pool4)                                  # [N,  832,   7,   7]
        self.inception5a = block(832, 256, (160, 320), (32, 128), 128)     # [N,  832,   7,   7]
        self.inception5b = block(832, 384, (192, 384), (48, 128), 128)     # [N, 1024,   7,   7]
        self.pool5 = nn.AdaptiveAvgPool2d(1)                               # [N, 1024,   1,   1]
        self.flat = nn.Flatten()                                           # [N, 1024]
        self.drop = nn.Dropout(plan.dropout)                               # [N, 1024]
        self.fc = nn.Linear(plan.maps(1024), classes)                      # [N, classes]
        # fmt: on
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the main head."""
        maps = images
        for name, layer in self.named_children():
            if not name.startswith("side"):
                maps = layer(maps)
        return maps

    def all_heads(self, images: Tensor) -> tuple[Tensor, ...]:
        """Logits [N, classes] of the main head, and of the side heads where there are any."""
        maps, sides = images, []
        for name, layer in self.named_children():
            if name.startswith("side"):
                _require_size(layer, maps)
                sides.append(layer(maps))
            else:
                maps = layer(maps)
        return maps, *sides


def loss(network: nn.Module, images: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross entropy in nats of the main head, and 0.3 of each side head's ([S] §5).

    Labels [N], or probabilities [N, classes].
    """
    cost = partial(F.cross_entropy, target=labels, label_smoothing=label_smoothing)
    main, *sides = cast(GoogLeNet, network).all_heads(images)
    return sum((SIDE_WEIGHT * cost(side) for side in sides), cost(main))


def _require_size(side: nn.Module, maps: Tensor) -> None:
    if hasattr(side, "pool") and min(maps.shape[-2:]) < 5:
        raise UsageProblem(
            f"googlenet: the side heads' 5×5 pool needs maps of 5 × 5 (images of 79 × 79); these give "
            f"{maps.shape[-2]} × {maps.shape[-1]}: train on larger views, or with --set options.side_pool=4x4"
        )


def stem(channels: int, plan: Plan) -> tuple[nn.Module, nn.Module | None]:
    """conv1 and pool1: 7×7/2 and 3×3/2, or a 3×3/2 alone."""
    if plan.stem == "7x7":
        return convolution(channels, 64, 7, stride=2, plan=plan), max_pool(3)
    return convolution(channels, 64, 3, stride=2, plan=plan), None


def convolution(ins: int, outs: int, kernel: int, *, stride: int = 1, plan: Plan) -> nn.Sequential:
    """Convolution that keeps the size (or halves it), its bias or batch norm, and ReLU; `outs` as printed."""
    outs, batch = plan.maps(outs), plan.norm == "batch"
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(ins, outs, kernel, stride=stride, padding=kernel // 2, bias=not batch)
    )
    if batch:
        layers["norm"] = nn.BatchNorm2d(outs, eps=0.001)  # [T]
    layers["relu"] = nn.ReLU()
    return nn.Sequential(layers)


def max_pool(window: int) -> nn.MaxPool2d:
    """Max pooling that halves the size, rounded up."""
    return nn.MaxPool2d(window, stride=2, ceil_mode=True)


def response_norm(plan: Plan) -> nn.Module | None:
    """[B]: after pool1 and conv2."""
    return ResponseNorm(5, alpha=1e-4, beta=0.75, k=1) if plan.norm == "response" else None


class Branches(nn.Module):
    """Named branches side by side: [N, C, H, W] -> [N, sum of their maps, H, W]."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        return torch.cat([branch(maps) for branch in self.children()], dim=1)


def inception(
    ins: int, one: int, three: tuple[int, int], five: tuple[int, int], projection: int, *, plan: Plan
) -> Branches:
    """One row of the table ([S] figure 2b); of a pair, the first is the 1×1 that reduces."""
    ins, unit = plan.maps(ins), partial(convolution, plan=plan)
    return Branches(
        one=unit(ins, one, 1),
        three=nn.Sequential(unit(ins, three[0], 1), unit(plan.maps(three[0]), three[1], 3)),
        five=nn.Sequential(unit(ins, five[0], 1), unit(plan.maps(five[0]), five[1], plan.kernel)),
        pool=nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), unit(ins, projection, 1)),
    )


def side_head(ins: int, classes: int, *, plan: Plan) -> nn.Sequential | None:
    """Maps [N, ins, 14, 14] -> logits [N, classes] ([S] §5)."""
    if not plan.side_heads:
        return None
    paper: dict[str, nn.Module] = {"pool": nn.AvgPool2d(5, stride=3)} if plan.side_pool == "5x5/3" else {}
    return nn.Sequential(OrderedDict(
        **paper,                                                 # [N,  512, 4, 4]
        grid=nn.AdaptiveAvgPool2d(4),                            # [N,  512, 4, 4]
        conv=convolution(plan.maps(ins), 128, 1, plan=plan),     # [N,  128, 4, 4]
        flat=nn.Flatten(),                                       # [N, 2048]
        fc1=nn.Linear(plan.maps(128) * 16, plan.maps(1024)),     # [N, 1024]
        relu=nn.ReLU(),
        drop=nn.Dropout(0.7),
        fc2=nn.Linear(plan.maps(1024), classes),                 # [N, classes]
    ))  # fmt: skip


def initialise(network: nn.Module) -> None:
    """Draw the weights as [B]; batch norms are 1 and 0."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            reach = (3 / layer.weight[0].numel()) ** 0.5
            nn.init.uniform_(layer.weight, -reach, reach)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.0 if name.endswith(("fc", "fc2")) else 0.2)


_FROM_TORCHVISION = (
    (r"^conv2", "conv2_reduce"),
    (r"^conv3", "conv2"),
    (r"^aux1", "side4a"),
    (r"^aux2", "side4d"),
    (r"branch1", "one"),
    (r"branch2", "three"),
    (r"branch3", "five"),
    (r"branch4", "pool"),
    (r"\.bn\.", ".norm."),
)
_TO_TORCHVISION = (
    (r"^conv2\.", "conv3."),
    (r"^conv2_reduce", "conv2"),
    (r"^side4a", "aux1"),
    (r"^side4d", "aux2"),
    (r"\.one\.", ".branch1."),
    (r"\.three\.", ".branch2."),
    (r"\.five\.", ".branch3."),
    (r"\.pool\.", ".branch4."),
    (r"\.norm\.", ".bn."),
)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's keys for googlenet-torchvision; a state without aux1 wants `side_heads=False`.

    The published weights read (pixels − 127.5) / 127.5: torchvision turns its usual normalisation into that
    inside the network (`transform_input`), here the preprocessing does it.
    """
    return {_renamed(key, _FROM_TORCHVISION): value for key, value in state.items()}


def to_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our keys for torchvision; the inverse of `from_torchvision`."""
    return {_renamed(key, _TO_TORCHVISION): value for key, value in state.items()}


def _renamed(key: str, renames: tuple[tuple[str, str], ...]) -> str:
    for pattern, name in renames:
        key = re.sub(pattern, name, key)
    return key
