"""Inception-v4: uniform blocks and no residuals, in the layout of the released weights.

[V] Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections
on Learning", arXiv 1602.07261 (2016). [S] inception_v4.py of TF-Slim, GitHub tensorflow/models, 2016; timm
holds weights ported from those released with it.

Where we differ from the print:

| what | printed ([V]) | ours | reason |
| --- | --- | --- | --- |
| average pooling at the edge | nothing said | the padding does not count | [S] |
| initialisation | none given | normal, √(2/inputs), cut at two deviations; fc uniform ("Xavier") | [S] |
| norms' moving averages | none given | a batch counts 0.1 | torch, timm; in [S] 0.0003 |
| side head | not drawn | none | [S] has one for training; timm has none |
"""

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from alexnet.networks.layers import scaled
from alexnet.problem import UsageProblem

Unit = Callable[..., nn.Sequential]  # unit(ins, outs, kernel) -> layers


def inception_v4(
    *,
    classes: int,
    channels: int = 3,
    dropout: float = 0.2,
    width: float = 1.0,
    stride: int = 2,
    blocks: tuple[int, int, int] = (4, 7, 3),
) -> nn.Sequential:
    """Images [N, channels, 299, 299], or any other size from 75, -> logits [N, classes] ([V] figure 9).

    `width`, in eighths, multiplies the maps of every line. `stride` is conv1's: 1 is for small images, from
    39 pixels. `blocks` says how many A, B and C there are.
    """
    _require(stride, blocks)
    valid, same = scaled(valid_unit, width), scaled(same_unit, width)
    a, b, c = (range(1, number + 1) for number in blocks)
    return initialised(nn.Sequential(OrderedDict(
        conv1=valid_unit(channels, int(32 * width), 3, stride=stride),      # [N,   32, 149, 149]
        conv2=valid(32, 32, 3),                                             # [N,   32, 147, 147]
        conv3=same(32, 64, 3),                                              # [N,   64, 147, 147]
        mixed3=stem_3(valid),                                               # [N,  160,  73,  73]
        mixed4=stem_4(valid, same),                                         # [N,  192,  71,  71]
        mixed5=stem_5(valid),                                               # [N,  384,  35,  35]
        **{f"block_a{number}": block_a(same) for number in a},              # [N,  384,  35,  35]
        reduction_a=reduction_a(valid, same),                               # [N, 1024,  17,  17]
        **{f"block_b{number}": block_b(same) for number in b},              # [N, 1024,  17,  17]
        reduction_b=reduction_b(valid, same),                               # [N, 1536,   8,   8]
        **{f"block_c{number}": block_c(same) for number in c},              # [N, 1536,   8,   8]
        pool=nn.AdaptiveAvgPool2d(1),                                       # [N, 1536,   1,   1]
        flat=nn.Flatten(),                                                  # [N, 1536]
        drop=nn.Dropout(dropout),                                           # [N, 1536]  "keep 0.8"
        fc=nn.Linear(int(1536 * width), classes),                           # [N, classes]
    )))  # fmt: skip


# not of the paper; at 64 pixels its blocks work at 13, 6 and 2 where those of 299 have 35, 17 and 8
inception_v4_64 = partial(inception_v4, width=0.25, stride=1, blocks=(1, 2, 1))


def _require(stride: int, blocks: tuple[int, int, int]) -> None:
    if stride not in (1, 2):
        raise UsageProblem(f"stride={stride!r} of the first convolution is neither 1 nor 2")
    if len(blocks) != 3 or min(blocks) < 1:
        raise UsageProblem(f"blocks={blocks!r} are not three numbers from 1: how many A, B and C")


class Branches(nn.Module):
    """Named branches side by side: [N, C, H, W] -> [N, sum of their maps, H', W']."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        return torch.cat([branch(maps) for branch in self.children()], dim=1)


def valid_unit(ins: int, outs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution of whole windows only ("V" in the figures), batch norm, ReLU."""
    return _unit(nn.Conv2d(ins, outs, kernel, stride=stride, bias=False))


def same_unit(ins: int, outs: int, kernel: int | tuple[int, int]) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU; a kernel (1, 7) is one high and seven wide."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    return _unit(nn.Conv2d(ins, outs, (height, width), padding=(height // 2, width // 2), bias=False))


def _unit(conv: nn.Conv2d) -> nn.Sequential:
    norm = nn.BatchNorm2d(conv.out_channels, eps=0.001)  # [S]
    return nn.Sequential(OrderedDict(conv=conv, norm=norm, relu=nn.ReLU()))


def pooled(same: Unit, ins: int, projection: int) -> nn.Sequential:
    """Average of 3×3, of fewer at the edge, then 1×1."""
    average = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(average, same(ins, projection, 1))


def stem_3(valid: Unit) -> Branches:
    """147 × 147 -> 73 × 73 ([V] figure 3, first join)."""
    return Branches(pool=nn.MaxPool2d(3, stride=2), three=valid(64, 96, 3, stride=2))


def stem_4(valid: Unit, same: Unit) -> Branches:
    """73 × 73 -> 71 × 71 ([V] figure 3, second join)."""
    seven = (same(64, 64, (1, 7)), same(64, 64, (7, 1)))
    return Branches(
        three=nn.Sequential(same(160, 64, 1), valid(64, 96, 3)),
        seven_three=nn.Sequential(same(160, 64, 1), *seven, valid(64, 96, 3)),
    )


def stem_5(valid: Unit) -> Branches:
    """71 × 71 -> 35 × 35 ([V] figure 3, third join)."""
    return Branches(three=valid(192, 192, 3, stride=2), pool=nn.MaxPool2d(3, stride=2))


def block_a(same: Unit) -> Branches:
    """35 × 35 ([V] figure 4)."""
    return Branches(
        one=same(384, 96, 1),
        three=nn.Sequential(same(384, 64, 1), same(64, 96, 3)),
        three_twice=nn.Sequential(same(384, 64, 1), same(64, 96, 3), same(96, 96, 3)),
        pool=pooled(same, 384, 96),
    )


def reduction_a(valid: Unit, same: Unit) -> Branches:
    """35 × 35 -> 17 × 17 ([V] figure 7; k, l, m, n = 192, 224, 256, 384 of table 1)."""
    return Branches(
        three=valid(384, 384, 3, stride=2),
        three_twice=nn.Sequential(same(384, 192, 1), same(192, 224, 3), valid(224, 256, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def block_b(same: Unit) -> Branches:
    """17 × 17 ([V] figure 5)."""
    twice = (same(192, 192, (7, 1)), same(192, 224, (1, 7)), same(224, 224, (7, 1)), same(224, 256, (1, 7)))
    return Branches(
        one=same(1024, 384, 1),
        seven=nn.Sequential(same(1024, 192, 1), same(192, 224, (1, 7)), same(224, 256, (7, 1))),
        seven_twice=nn.Sequential(same(1024, 192, 1), *twice),
        pool=pooled(same, 1024, 128),
    )


def reduction_b(valid: Unit, same: Unit) -> Branches:
    """17 × 17 -> 8 × 8 ([V] figure 8)."""
    seven = (same(1024, 256, 1), same(256, 256, (1, 7)), same(256, 320, (7, 1)))
    return Branches(
        three=nn.Sequential(same(1024, 192, 1), valid(192, 192, 3, stride=2)),
        seven_three=nn.Sequential(*seven, valid(320, 320, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def block_c(same: Unit) -> Branches:
    """8 × 8 ([V] figure 6): 1×3 and 3×1 are side by side, on the same maps."""
    three_twice = (same(1536, 384, 1), same(384, 448, (3, 1)), same(448, 512, (1, 3)))
    return Branches(
        one=same(1536, 256, 1),
        three=nn.Sequential(same(1536, 384, 1), cross(same, 384)),
        three_twice=nn.Sequential(*three_twice, cross(same, 512)),
        pool=pooled(same, 1536, 256),
    )


def cross(same: Unit, ins: int) -> Branches:
    """1×3 beside 3×1: the wide and the high stroke of a cross, 256 maps each."""
    return Branches(wide=same(ins, 256, (1, 3)), high=same(ins, 256, (3, 1)))


def initialised(network: nn.Sequential) -> nn.Sequential:
    """Draw the weights as [S] does; the norms are 1 and 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            deviation = math.sqrt(1.3 * 2 / layer.weight[0].numel())  # [S]: 1.3 makes good what the cut takes
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
        elif isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return network


_TIMM_FEATURES = (  # timm's features.0 to features.21
    "conv1", "conv2", "conv3", "mixed3", "mixed4", "mixed5",
    *(f"block_a{number}" for number in range(1, 5)), "reduction_a",
    *(f"block_b{number}" for number in range(1, 8)), "reduction_b",
    *(f"block_c{number}" for number in range(1, 4)),
)  # fmt: skip
Renames = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
_FROM_TIMM: Renames = (
    (r"^features\.(1?\d|2[01])(?=\.)", lambda match: _TIMM_FEATURES[int(match[1])]),
    (r"^last_linear", "fc"),
    (r"^(mixed[35])\.conv", r"\1.three"),
    (r"^(mixed4|reduction_[ab])\.branch0", r"\1.three"),
    (r"^(mixed4|reduction_b)\.branch1", r"\1.seven_three"),
    (r"^(reduction_a)\.branch1", r"\1.three_twice"),
    (r"^(block_b\d)\.branch1", r"\1.seven"),
    (r"^(block_b\d)\.branch2", r"\1.seven_twice"),
    (r"\.branch0", ".one"),
    (r"\.branch1", ".three"),
    (r"\.branch2", ".three_twice"),
    (r"\.branch3", ".pool"),
    (r"_(\d)a\.", r".\1.wide."),
    (r"_(\d)b\.", r".\1.high."),
    (r"_(\d)\.", r".\1."),
    (r"\.bn\.", ".norm."),
)
_TO_TIMM: Renames = (
    (r"^(mixed[35])\.three", r"\1.conv"),
    (r"^(mixed4|reduction_[ab])\.three\.", r"\1.branch0."),
    (r"^(mixed4|reduction_b)\.seven_three", r"\1.branch1"),
    (r"^reduction_a\.three_twice", "reduction_a.branch1"),
    (r"^(block_b\d)\.seven\.", r"\1.branch1."),
    (r"^(block_b\d)\.seven_twice", r"\1.branch2"),
    (r"\.one\.", ".branch0."),
    (r"\.three\.", ".branch1."),
    (r"\.three_twice\.", ".branch2."),
    (r"\.pool\.", ".branch3."),
    (r"^(block_c\d\.branch[12])\.(\d)", r"\1_\2"),
    (r"\.wide", "a"),
    (r"\.high", "b"),
    (r"\.norm\.", ".bn."),
    (r"^fc", "last_linear"),
    (rf"^({'|'.join(_TIMM_FEATURES)})(?=\.)", lambda match: f"features.{_TIMM_FEATURES.index(match[1])}"),
)


def from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename timm's keys for inception_v4, whose weights read (pixels − 127.5) / 127.5."""
    return {_renamed(key, _FROM_TIMM): tensor for key, tensor in state.items()}


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our keys for timm; the inverse of `from_timm`."""
    return {_renamed(key, _TO_TIMM): tensor for key, tensor in state.items()}


def _renamed(key: str, renames: Renames) -> str:
    for pattern, name in renames:
        key = re.sub(pattern, name, key)
    return key
