"""Inception-ResNet-v2: Inception branches that add a scaled-down change to their input; the released layout.

[V] Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections
on Learning", arXiv 1602.07261 (2016). [S] inception_resnet_v2.py of TF-Slim, GitHub tensorflow/models, 2016;
timm holds weights ported from those released with it.

[S] is another network than the figures of [V] show; its maintainers say that it is the one the authors
intended (issue 1553 of tensorflow/models), and the weights in use belong to it. So ours is [S]:

| what | printed ([V]) | ours | reason |
| --- | --- | --- | --- |
| stem | that of Inception-v4, 384 maps (figure 3) | that of Inception v3, then a block of 320 maps | [S] |
| blocks A, B, C | 5, 10, 5 (figure 15) | 10, 20, 10 | [S] |
| maps of A, B, C | 384, 1154, 2048 (figures 16, 17, 19) | 320, 1088, 2080 | [S]; the printed 1154 cannot be \
added to the 1152 maps before it, nor 2048 to 2144 |
| after the last block | average pooling (figure 15) | 1×1 convolution to 1536 maps first | [S] |
| the last block C | like the others | scale 1, no ReLU | [S] |
| scale of the residuals | 0.1 to 0.3 (§3.3) | A 0.17, B 0.10, C 0.20 | [S] |
| initialisation | none given | uniform ("Xavier"), biases 0 | [S] |
| norms' moving averages | none given | a batch counts 0.1 | torch, timm; in [S] 0.0003 |
| side head | not drawn | none | [S] has one for training; timm has none |
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from alexnet.networks.layers import scaled
from alexnet.problem import UsageProblem

Unit = Callable[..., nn.Module]  # unit(ins, outs, kernel) -> layers


def inception_resnet_v2(
    *,
    classes: int,
    channels: int = 3,
    dropout: float = 0.2,
    width: float = 1.0,
    stride: int = 2,
    blocks: tuple[int, int, int] = (10, 20, 10),
) -> nn.Sequential:
    """Images [N, channels, 299, 299], or any other size from 75, -> logits [N, classes].

    `width`, in eighths, multiplies the maps of every line. `stride` is conv1a's: 1 is for small images, from
    39 pixels. `blocks` says how many A, B and C there are.
    """
    _require(stride, blocks)
    valid, same, linear = (scaled(unit, width) for unit in (valid_unit, same_unit, nn.Conv2d))
    a, b, c = (range(1, number + 1) for number in blocks)
    return initialised(nn.Sequential(OrderedDict(
        conv1a=valid_unit(channels, int(32 * width), 3, stride=stride),     # [N,   32, 149, 149]
        conv2a=valid(32, 32, 3),                                            # [N,   32, 147, 147]
        conv2b=same(32, 64, 3),                                             # [N,   64, 147, 147]
        pool3a=nn.MaxPool2d(3, stride=2),                                   # [N,   64,  73,  73]
        conv3b=valid(64, 80, 1),                                            # [N,   80,  73,  73]
        conv4a=valid(80, 192, 3),                                           # [N,  192,  71,  71]
        pool5a=nn.MaxPool2d(3, stride=2),                                   # [N,  192,  35,  35]
        mixed5b=mixed_5b(same),                                             # [N,  320,  35,  35]
        **{f"block_a{number}": block_a(same, linear) for number in a},      # [N,  320,  35,  35]
        reduction_a=reduction_a(valid, same),                               # [N, 1088,  17,  17]
        **{f"block_b{number}": block_b(same, linear) for number in b},      # [N, 1088,  17,  17]
        reduction_b=reduction_b(valid, same),                               # [N, 2080,   8,   8]
        **{f"block_c{number}": block_c(same, linear, 0.2, nn.ReLU()) for number in c[:-1]},  # [N, 2080, 8, 8]
        **{f"block_c{c[-1]}": block_c(same, linear, 1.0, nn.Identity())},   # [N, 2080,   8,   8]
        conv7b=valid(2080, 1536, 1),                                        # [N, 1536,   8,   8]
        pool=nn.AdaptiveAvgPool2d(1),                                       # [N, 1536,   1,   1]
        flat=nn.Flatten(),                                                  # [N, 1536]
        drop=nn.Dropout(dropout),                                           # [N, 1536]  "keep 0.8"
        fc=nn.Linear(int(1536 * width), classes),                           # [N, classes]
    )))  # fmt: skip


# not of the paper; at 64 pixels its blocks work at 13, 6 and 2 where those of 299 have 35, 17 and 8
inception_resnet_v2_64 = partial(inception_resnet_v2, width=0.25, stride=1, blocks=(3, 5, 2))


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


class Residual(nn.Module):
    """Maps [N, C, H, W] plus `scale` times a 1×1 of the branches, with its bias and no norm ([V] §3.3)."""

    def __init__(self, branches: Branches, expand: nn.Module, *, scale: float, last: nn.Module) -> None:
        super().__init__()
        self.branches = branches
        self.expand = expand
        self.scale = scale
        self.last = last

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        change: Tensor = self.expand(self.branches(maps))
        summed: Tensor = self.last(maps + self.scale * change)
        return summed

    def extra_repr(self) -> str:  # noqa: D102
        return f"scale={self.scale}"


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


def mixed_5b(same: Unit) -> Branches:
    """The one block without a residual; the padding of its average pooling does not count ([S])."""
    average = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return Branches(
        one=same(192, 96, 1),
        five=nn.Sequential(same(192, 48, 1), same(48, 64, 5)),
        three_twice=nn.Sequential(same(192, 64, 1), same(64, 96, 3), same(96, 96, 3)),
        pool=nn.Sequential(average, same(192, 64, 1)),
    )


def block_a(same: Unit, linear: Unit) -> Residual:
    """35 × 35 ([V] figure 16, with fewer maps outside)."""
    branches = Branches(
        one=same(320, 32, 1),
        three=nn.Sequential(same(320, 32, 1), same(32, 32, 3)),
        three_twice=nn.Sequential(same(320, 32, 1), same(32, 48, 3), same(48, 64, 3)),
    )
    return Residual(branches, linear(128, 320, 1), scale=0.17, last=nn.ReLU())


def reduction_a(valid: Unit, same: Unit) -> Branches:
    """35 × 35 -> 17 × 17 ([V] figure 7; k, l, m, n = 256, 256, 384, 384 of table 1)."""
    return Branches(
        three=valid(320, 384, 3, stride=2),
        three_twice=nn.Sequential(same(320, 256, 1), same(256, 256, 3), valid(256, 384, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def block_b(same: Unit, linear: Unit) -> Residual:
    """17 × 17 ([V] figure 17, with fewer maps outside)."""
    branches = Branches(
        one=same(1088, 192, 1),
        seven=nn.Sequential(same(1088, 128, 1), same(128, 160, (1, 7)), same(160, 192, (7, 1))),
    )
    return Residual(branches, linear(384, 1088, 1), scale=0.10, last=nn.ReLU())


def reduction_b(valid: Unit, same: Unit) -> Branches:
    """17 × 17 -> 8 × 8 ([V] figure 18)."""
    return Branches(
        three=nn.Sequential(same(1088, 256, 1), valid(256, 384, 3, stride=2)),
        three_narrow=nn.Sequential(same(1088, 256, 1), valid(256, 288, 3, stride=2)),
        three_twice=nn.Sequential(same(1088, 256, 1), same(256, 288, 3), valid(288, 320, 3, stride=2)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def block_c(same: Unit, linear: Unit, scale: float, last: nn.Module) -> Residual:
    """8 × 8 ([V] figure 19, with other maps outside): 1×3 and 3×1 one after the other."""
    branches = Branches(
        one=same(2080, 192, 1),
        three=nn.Sequential(same(2080, 192, 1), same(192, 224, (1, 3)), same(224, 256, (3, 1))),
    )
    return Residual(branches, linear(448, 2080, 1), scale=scale, last=last)


def initialised(network: nn.Sequential) -> nn.Sequential:
    """Draw the weights as [S] does; the norms are 1 and 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


Renames = tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]
_FROM_TIMM: Renames = (
    (r"^conv2d_", "conv"),
    (r"^classif", "fc"),
    (r"^mixed_5b\.branch1", "mixed5b.five"),
    (r"^mixed_5b", "mixed5b"),
    (r"^mixed_6a\.branch0", "reduction_a.three"),
    (r"^mixed_6a\.branch1", "reduction_a.three_twice"),
    (r"^mixed_7a\.branch0", "reduction_b.three"),
    (r"^mixed_7a\.branch1", "reduction_b.three_narrow"),
    (r"^mixed_7a\.branch2", "reduction_b.three_twice"),
    (r"^repeat\.(\d+)", lambda match: f"block_a{int(match[1]) + 1}"),
    (r"^repeat_1\.(\d+)", lambda match: f"block_b{int(match[1]) + 1}"),
    (r"^repeat_2\.(\d+)", lambda match: f"block_c{int(match[1]) + 1}"),
    (r"^block8", "block_c10"),
    (r"^(block_.\d+)\.branch", r"\1.branches.branch"),
    (r"^(block_b\d+\.branches)\.branch1", r"\1.seven"),
    (r"\.branch0", ".one"),
    (r"\.branch1", ".three"),
    (r"\.branch2", ".three_twice"),
    (r"\.branch3", ".pool"),
    (r"\.conv2d\.", ".expand."),
    (r"\.bn\.", ".norm."),
)
_TO_TIMM: Renames = (
    (r"^conv(?=\d)", "conv2d_"),
    (r"^fc", "classif"),
    (r"^mixed5b\.five", "mixed_5b.branch1"),
    (r"^mixed5b", "mixed_5b"),
    (r"^reduction_a\.three\.", "mixed_6a.branch0."),
    (r"^reduction_a\.three_twice", "mixed_6a.branch1"),
    (r"^reduction_b\.three\.", "mixed_7a.branch0."),
    (r"^reduction_b\.three_narrow", "mixed_7a.branch1"),
    (r"^reduction_b\.three_twice", "mixed_7a.branch2"),
    (r"^block_c10", "block8"),
    (r"^block_a(\d+)", lambda match: f"repeat.{int(match[1]) - 1}"),
    (r"^block_b(\d+)", lambda match: f"repeat_1.{int(match[1]) - 1}"),
    (r"^block_c(\d+)", lambda match: f"repeat_2.{int(match[1]) - 1}"),
    (r"\.branches\.", "."),
    (r"\.seven\.", ".branch1."),
    (r"\.one\.", ".branch0."),
    (r"\.three\.", ".branch1."),
    (r"\.three_twice\.", ".branch2."),
    (r"\.pool\.", ".branch3."),
    (r"\.expand\.", ".conv2d."),
    (r"\.norm\.", ".bn."),
)


def from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename timm's keys for inception_resnet_v2, whose weights read (pixels − 127.5) / 127.5."""
    return {_renamed(key, _FROM_TIMM): tensor for key, tensor in state.items()}


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our keys for timm; the inverse of `from_timm`."""
    return {_renamed(key, _TO_TIMM): tensor for key, tensor in state.items()}


def _renamed(key: str, renames: Renames) -> str:
    for pattern, name in renames:
        key = re.sub(pattern, name, key)
    return key
