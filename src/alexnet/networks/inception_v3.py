"""Inception v3, with its side head, in the layout of the released weights and of torchvision.

[Z] Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for Computer Vision",
arXiv 1512.00567 (2015). [T] Google's training code of 2016, inception_model.py of GitHub tensorflow/models;
torchvision holds weights ported from Google's.

Where we differ from the print:

| what | printed ([Z]) | ours | reason |
| --- | --- | --- | --- |
| stem after the first pooling | 3×3 80, 3×3/2 192, 3×3 288 (table 1) | 1×1 80, 3×3 192, pooling 3×3/2 | [T] |
| blocks at 35 pixels | 5×5 made of two 3×3 (figure 5) | a 5×5 beside the two 3×3 | [T] |
| blocks at 17 pixels | five (table 1) | the one that halves the size and four | [T] |
| multiply-adds | 4.8 G (table 3) | 5.713 G | convolutions and fc of [T]'s network at 299 × 299; the paper \
does not say how it counts |
| side head | batch norm on its fully connected layer too (table 3) | that layer is the 5×5 | [T] |
| weight of the side head's loss | none given | 0.4 | [T] |
| initialisation | none given | normal, deviation 0.1, cut at two (side head 0.01 and 0.001, fc 0.01) | [T] |
| dropout | none given | 0.5 | torchvision; [T] trains with 0.2 |
| norms' moving averages | none given | a batch counts 0.1 | torchvision; in [T] 0.0003 |
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.networks.layers import scaled
from alexnet.problem import UsageProblem

Unit = Callable[..., nn.Sequential]  # unit(ins, outs, kernel) -> layers
SIDE_WEIGHT = 0.4  # [T] inception_model.py, loss
DEVIATIONS = {"side.conv5.conv": 0.01, "side.fc": 0.001, "fc": 0.01}  # [T]; 0.1 for all others


class InceptionV3(nn.Module):
    """Images [N, channels, 299, 299], or any other size from 75, -> logits [N, classes].

    With the side head, `loss` needs images of at least 299 × 299; `forward` never asks the side head.
    `width`, in eighths, multiplies the maps of every line. `stride` is conv1a's: 1 is for small images, from
    39 pixels (for the side head, 151).
    """

    def __init__(
        self,
        *,
        classes: int,
        channels: int = 3,
        side_head: bool = True,
        dropout: float = 0.5,
        width: float = 1.0,
        stride: int = 2,
    ) -> None:
        super().__init__()
        _require(stride)
        valid, same = scaled(valid_unit, width), scaled(same_unit, width)
        # fmt: off
        self.conv1a = valid_unit(channels, int(32 * width), 3, stride=stride)   # [N,   32, 149, 149]
        self.conv2a = valid(32, 32, 3)                                          # [N,   32, 147, 147]
        self.conv2b = same(32, 64, 3)                                           # [N,   64, 147, 147]
        self.pool2 = nn.MaxPool2d(3, stride=2)                                  # [N,   64,  73,  73]
        self.conv3b = valid(64, 80, 1)                                          # [N,   80,  73,  73]
        self.conv4a = valid(80, 192, 3)                                         # [N,  192,  71,  71]
        self.pool4 = nn.MaxPool2d(3, stride=2)                                  # [N,  192,  35,  35]
        self.mixed5b = block_a(same, 192, 32)                                   # [N,  256,  35,  35]
        self.mixed5c = block_a(same, 256, 64)                                   # [N,  288,  35,  35]
        self.mixed5d = block_a(same, 288, 64)                                   # [N,  288,  35,  35]
        self.mixed6a = reduction_a(valid, same)                                 # [N,  768,  17,  17]
        self.mixed6b = block_b(same, 128)                                       # [N,  768,  17,  17]
        self.mixed6c = block_b(same, 160)                                       # [N,  768,  17,  17]
        self.mixed6d = block_b(same, 160)                                       # [N,  768,  17,  17]
        self.mixed6e = block_b(same, 192)                                       # [N,  768,  17,  17]
        self.side = side_branch(valid, classes, width) if side_head else None   # [N, classes], for `loss`
        self.mixed7a = reduction_b(valid, same)                                 # [N, 1280,   8,   8]
        self.mixed7b = block_c(same, 1280)                                      # [N, 2048,   8,   8]
        self.mixed7c = block_c(same, 2048)                                      # [N, 2048,   8,   8]
        self.pool7 = nn.AdaptiveAvgPool2d(1)                                    # [N, 2048,   1,   1]
        self.flat = nn.Flatten()                                                # [N, 2048]
        self.drop = nn.Dropout(dropout)                                         # [N, 2048]
        self.fc = nn.Linear(int(2048 * width), classes)                         # [N, classes]
        # fmt: on
        self._initialise()

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the main head."""
        maps = images
        for name, layer in self.named_children():
            if name != "side":
                maps = layer(maps)
        return maps

    def all_heads(self, images: Tensor) -> tuple[Tensor, ...]:
        """Logits [N, classes] of the main head, and of the side head where there is one."""
        maps, sides = images, []
        for name, layer in self.named_children():
            if name == "side":
                _require_size(maps)
                sides.append(layer(maps))
            else:
                maps = layer(maps)
        return maps, *sides

    def _initialise(self) -> None:
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                deviation = DEVIATIONS.get(name, 0.1)
                nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            if isinstance(layer, nn.Linear):
                nn.init.zeros_(layer.bias)


# not of the paper; at 64 pixels its blocks work at 13, 6 and 2 where those of 299 have 35, 17 and 8
inception_v3_64 = partial(InceptionV3, side_head=False, width=0.25, stride=1)


def loss(network: nn.Module, images: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross entropy in nats of the main head, and 0.4 of the side head's where there is one.

    Labels [N], or probabilities [N, classes]. The published training smooths labels by 0.1 ([Z] §7).
    """
    cost = partial(F.cross_entropy, target=labels, label_smoothing=label_smoothing)
    main, *sides = cast(InceptionV3, network).all_heads(images)
    return sum((SIDE_WEIGHT * cost(side) for side in sides), cost(main))


def _require(stride: int) -> None:
    if stride not in (1, 2):
        raise UsageProblem(f"stride={stride!r} of the first convolution is neither 1 nor 2")


def _require_size(maps: Tensor) -> None:
    height, width = maps.shape[-2:]
    if min(height, width) < 17:
        raise UsageProblem(
            f"inception-v3: the side head needs maps of 17 × 17, images of 299 × 299 (stride 1: 151); these "
            f"give {height} × {width}: train on larger views, or without it (--set options.side_head=false)"
        )


class Branches(nn.Module):
    """Named branches side by side: [N, C, H, W] -> [N, sum of their maps, H', W']."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        return torch.cat([branch(maps) for branch in self.children()], dim=1)


def valid_unit(ins: int, outs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution of whole windows only, batch norm, ReLU."""
    return _unit(nn.Conv2d(ins, outs, kernel, stride=stride, bias=False))


def same_unit(ins: int, outs: int, kernel: int | tuple[int, int]) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU; a kernel (1, 7) is one high and seven wide."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    return _unit(nn.Conv2d(ins, outs, (height, width), padding=(height // 2, width // 2), bias=False))


def _unit(conv: nn.Conv2d) -> nn.Sequential:
    norm = nn.BatchNorm2d(conv.out_channels, eps=0.001)  # [T]
    return nn.Sequential(OrderedDict(conv=conv, norm=norm, relu=nn.ReLU()))


def block_a(same: Unit, ins: int, projection: int) -> Branches:
    """35 × 35 ([Z] figure 4, as in GoogLeNet, with the middle branch of figure 5)."""
    return Branches(
        one=same(ins, 64, 1),
        five=nn.Sequential(same(ins, 48, 1), same(48, 64, 5)),
        three_twice=nn.Sequential(same(ins, 64, 1), same(64, 96, 3), same(96, 96, 3)),
        pool=nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), same(ins, projection, 1)),
    )


def reduction_a(valid: Unit, same: Unit) -> Branches:
    """35 × 35 -> 17 × 17 ([Z] figure 10): two strided branches and the pooled maps themselves."""
    return Branches(
        three=valid(288, 384, 3, stride=2),
        three_twice=nn.Sequential(same(288, 64, 1), same(64, 96, 3), valid(96, 96, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def block_b(same: Unit, maps: int) -> Branches:
    """17 × 17 ([Z] figure 6, n = 7); `maps` is the width inside the branches of 7s."""
    once = (same(768, maps, 1), same(maps, maps, (1, 7)), same(maps, 192, (7, 1)))
    twice = (same(maps, maps, (7, 1)), same(maps, maps, (1, 7)), same(maps, maps, (7, 1)))
    return Branches(
        one=same(768, 192, 1),
        seven=nn.Sequential(*once),
        seven_twice=nn.Sequential(same(768, maps, 1), *twice, same(maps, 192, (1, 7))),
        pool=nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), same(768, 192, 1)),
    )


def reduction_b(valid: Unit, same: Unit) -> Branches:
    """17 × 17 -> 8 × 8."""
    seven = (same(768, 192, 1), same(192, 192, (1, 7)), same(192, 192, (7, 1)))
    return Branches(
        three=nn.Sequential(same(768, 192, 1), valid(192, 320, 3, stride=2)),
        seven_three=nn.Sequential(*seven, valid(192, 192, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def block_c(same: Unit, ins: int) -> Branches:
    """8 × 8 ([Z] figure 7): 1×3 and 3×1 are side by side, on the same maps, not one after the other."""
    return Branches(
        one=same(ins, 320, 1),
        three=nn.Sequential(same(ins, 384, 1), cross(same, 384)),
        three_twice=nn.Sequential(same(ins, 448, 1), same(448, 384, 3), cross(same, 384)),
        pool=nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), same(ins, 192, 1)),
    )


def cross(same: Unit, ins: int) -> Branches:
    """1×3 beside 3×1: the wide and the high stroke of a cross, 384 maps each."""
    return Branches(wide=same(ins, 384, (1, 3)), high=same(ins, 384, (3, 1)))


def side_branch(valid: Unit, classes: int, width: float) -> nn.Sequential:
    """Maps [N, 768, 17, 17] -> logits [N, classes]."""
    return nn.Sequential(OrderedDict(
        pool=nn.AvgPool2d(5, stride=3),           # [N, 768, 5, 5]
        conv1=valid(768, 128, 1),                 # [N, 128, 5, 5]
        conv5=valid(128, 768, 5),                 # [N, 768, 1, 1]
        mean=nn.AdaptiveAvgPool2d(1),             # [N, 768, 1, 1] for larger images too
        flat=nn.Flatten(),                        # [N, 768]
        fc=nn.Linear(int(768 * width), classes),  # [N, classes]
    ))  # fmt: skip


Renames = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
_FROM_TORCHVISION: Renames = (
    (r"^Conv2d_(\d[ab])_\dx\d", r"conv\1"),
    (r"^Mixed_", "mixed"),
    (r"^AuxLogits\.conv0", "side.conv1"),
    (r"^AuxLogits\.conv1", "side.conv5"),
    (r"^AuxLogits", "side"),
    (r"branch_pool", "pool.1"),
    (r"branch1x1", "one"),
    (r"branch5x5", "five"),
    (r"branch(3x3|7x7)dbl", r"branch\1_twice"),
    (r"branch7x7x3", "seven_three"),
    (r"branch3x3", "three"),
    (r"branch7x7", "seven"),
    (r"_(\d)a\.", r"_\1.wide."),
    (r"_(\d)b\.", r"_\1.high."),
    (r"_(\d)\.", lambda match: f".{int(match[1]) - 1}."),
    (r"\.bn\.", ".norm."),
)  # fmt: skip
_TO_TORCHVISION: Renames = (
    (r"^conv3b", "Conv2d_3b_1x1"),
    (r"^conv(\d[ab])", r"Conv2d_\1_3x3"),
    (r"^mixed", "Mixed_"),
    (r"^side\.conv1", "AuxLogits.conv0"),
    (r"^side\.conv5", "AuxLogits.conv1"),
    (r"^side", "AuxLogits"),
    (r"\.pool\.1", ".branch_pool"),
    (r"\.one", ".branch1x1"),
    (r"\.five", ".branch5x5"),
    (r"\.seven_three", ".branch7x7x3"),
    (r"\.(three|seven)_twice", r".\1dbl"),
    (r"\.three", ".branch3x3"),
    (r"\.seven", ".branch7x7"),
    (r"\.(\d)(?=\.)", lambda match: f"_{int(match[1]) + 1}"),
    (r"\.wide", "a"),
    (r"\.high", "b"),
    (r"\.norm\.", ".bn."),
)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's keys for inception_v3; a state without AuxLogits wants `side_head=False`.

    The published weights read (pixels − 127.5) / 127.5. torchvision feeds them pixels normalised with
    ImageNet's means and deviations and turns those into the former inside the network (`transform_input`);
    here the preprocessing does it. A state trained with `transform_input=False` keeps the preprocessing it
    was trained with.
    """
    return {_renamed(key, _FROM_TORCHVISION): tensor for key, tensor in state.items()}


def to_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our keys for torchvision; the inverse of `from_torchvision`."""
    return {_renamed(key, _TO_TORCHVISION): tensor for key, tensor in state.items()}


def _renamed(key: str, renames: Renames) -> str:
    for pattern, name in renames:
        key = re.sub(pattern, name, key)
    return key
