"""BN-Inception, "Inception v2": GoogLeNet with batch norm, and two 3×3 where it had 5×5.

[I] Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
Shift", arXiv 1502.03167 (2015); the table is its appendix. [S] inception_v2.py of TF-Slim, GitHub
tensorflow/models, 2016.

Where we differ from the print:

| what | printed | ours | reason |
| --- | --- | --- | --- |
| maps after 4c, 4d, 4e | 576, 576, 1024 | 608, 608, 1056 | the table's own projections, 128, give ours; \
its sums need 96, as in [S]: `projection=96` |
| conv1 | separable, depth multiplier 8 (text) | plain 7×7 (table) | `separable=True` builds the text's: \
1,176 + 1,536 weights for 9,408 |
| padding of the stride-2 poolings | none given | one zero on each side | their windows lie on those of the \
convolutions beside them, for any image size |
| initialisation | none given | normal, √(2/inputs), cut at two deviations | that of most layers in [S] |
| side heads | not mentioned | none | |
| multiply-adds | 2.0 G ("Rethinking the Inception Architecture", table 3) | 2.033 G | with projection 96, \
2.019 G |
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn

MEAN, MAX = nn.AvgPool2d, nn.MaxPool2d


def bn_inception(
    *, classes: int, channels: int = 3, projection: int = 128, bias: bool = False, separable: bool = False
) -> nn.Sequential:
    """Images [N, channels, 224, 224], or of any other size, -> logits [N, classes].

    `projection` is that of 4c and 4d (see above). `bias` gives every convolution one, as the common port of
    the Caffe model has, though batch norm takes it out again. `separable` splits conv1 as the text says.
    """
    wide = 480 + projection  # maps after 4c and 4d: 608, or 576 as printed; after 4e 1056 or 1024
    conv1 = separable_unit(channels, 64) if separable else unit(channels, 64, 7, stride=2)
    network = nn.Sequential(OrderedDict(
        conv1=conv1,                                                           # [N,   64, 112, 112]
        pool1=nn.MaxPool2d(3, stride=2, padding=1),                            # [N,   64, 56, 56]
        conv2_reduce=unit(64, 64, 1),                                          # [N,   64, 56, 56]
        conv2=unit(64, 192, 3),                                                # [N,  192, 56, 56]
        pool2=nn.MaxPool2d(3, stride=2, padding=1),                            # [N,  192, 28, 28]
        #                  in   1×1  3×3         twice 3×3   pool  projection
        inception3a=block(192,   64, (64, 64),   (64, 96),   MEAN, 32),        # [N,  256, 28, 28]
        inception3b=block(256,   64, (64, 96),   (64, 96),   MEAN, 64),        # [N,  320, 28, 28]
        inception3c=reduction(320,   (128, 160), (64, 96)),                    # [N,  576, 14, 14]
        inception4a=block(576,  224, (64, 96),   (96, 128),  MEAN, 128),       # [N,  576, 14, 14]
        inception4b=block(576,  192, (96, 128),  (96, 128),  MEAN, 128),       # [N,  576, 14, 14]
        inception4c=block(576,  160, (128, 160), (128, 160), MEAN, projection),  # [N, 608, 14, 14]
        inception4d=block(wide,  96, (128, 192), (160, 192), MEAN, projection),  # [N, 608, 14, 14]
        inception4e=reduction(wide,  (128, 192), (192, 256)),                  # [N, 1056,  7,  7]
        inception5a=block(wide + 448, 352, (192, 320), (160, 224), MEAN, 128),  # [N, 1024, 7,  7]
        inception5b=block(1024, 352, (192, 320), (192, 224), MAX,  128),       # [N, 1024,  7,  7]
        pool5=nn.AdaptiveAvgPool2d(1),                                         # [N, 1024,  1,  1]
        flat=nn.Flatten(),                                                     # [N, 1024]
        fc=nn.Linear(1024, classes),                                           # [N, classes]
    ))  # fmt: skip
    if bias:
        add_biases(network)
    return initialised(network)


def bn_inception_64(*, classes: int, channels: int = 3) -> nn.Sequential:
    """Images [N, channels, 64, 64], or of any other size, -> logits [N, classes]; the same table, small.

    A quarter of the maps, and a stem that quarters the size where the original's makes an eighth of it (conv1
    is 3×3, pool2 is gone): the three stages work at 16, 8 and 4 pixels, or at 8, 4 and 2 for images of 32.
    """
    return initialised(nn.Sequential(OrderedDict(
        conv1=unit(channels, 32, 3, stride=2),                                  # [N,  32, 32, 32]
        pool1=nn.MaxPool2d(3, stride=2, padding=1),                             # [N,  32, 16, 16]
        conv2_reduce=unit(32, 16, 1),                                           # [N,  16, 16, 16]
        conv2=unit(16, 48, 3),                                                  # [N,  48, 16, 16]
        #                 in  1×1 3×3       twice 3×3 pool  projection
        inception3a=block(48,  16, (16, 16), (16, 24), MEAN, 8),                # [N,  64, 16, 16]
        inception3b=block(64,  16, (16, 24), (16, 24), MEAN, 16),               # [N,  80, 16, 16]
        inception3c=reduction(80,  (32, 40), (16, 24)),                         # [N, 144,  8,  8]
        inception4a=block(144, 56, (16, 24), (24, 32), MEAN, 32),               # [N, 144,  8,  8]
        inception4b=block(144, 48, (24, 32), (24, 32), MEAN, 32),               # [N, 144,  8,  8]
        inception4c=block(144, 40, (32, 40), (32, 40), MEAN, 32),               # [N, 152,  8,  8]
        inception4d=block(152, 24, (32, 48), (40, 48), MEAN, 32),               # [N, 152,  8,  8]
        inception4e=reduction(152, (32, 48), (48, 64)),                         # [N, 264,  4,  4]
        inception5a=block(264, 88, (48, 80), (40, 56), MEAN, 32),               # [N, 256,  4,  4]
        inception5b=block(256, 88, (48, 80), (48, 56), MAX,  32),               # [N, 256,  4,  4]
        pool5=nn.AdaptiveAvgPool2d(1),                                          # [N, 256,  1,  1]
        flat=nn.Flatten(),                                                      # [N, 256]
        fc=nn.Linear(256, classes),                                             # [N, classes]
    )))  # fmt: skip


class Branches(nn.Module):
    """Named branches side by side: [N, C, H, W] -> [N, sum of their maps, H', W']."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        return torch.cat([branch(maps) for branch in self.children()], dim=1)


def unit(ins: int, outs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps the size or halves it, batch norm, ReLU ([I] §3.2: no bias before the norm)."""
    return nn.Sequential(OrderedDict(
        conv=nn.Conv2d(ins, outs, kernel, stride=stride, padding=kernel // 2, bias=False),
        norm=nn.BatchNorm2d(outs),
        relu=nn.ReLU(),
    ))  # fmt: skip


def separable_unit(channels: int, outs: int) -> nn.Sequential:
    """7×7 with stride 2, eight kernels a channel, then 1×1 over them; one norm and ReLU at the end ([S])."""
    return nn.Sequential(OrderedDict(
        depth=nn.Conv2d(channels, 8 * channels, 7, stride=2, padding=3, groups=channels, bias=False),
        conv=nn.Conv2d(8 * channels, outs, 1, bias=False),
        norm=nn.BatchNorm2d(outs),
        relu=nn.ReLU(),
    ))  # fmt: skip


def block(
    ins: int,
    one: int,
    three: tuple[int, int],
    twice: tuple[int, int],
    pool: type[nn.AvgPool2d] | type[nn.MaxPool2d],
    projection: int,
) -> Branches:
    """One row of the table; of a pair, the first is the 1×1 that reduces."""
    return Branches(
        one=unit(ins, one, 1),
        three=nn.Sequential(unit(ins, three[0], 1), unit(*three, 3)),
        three_twice=nn.Sequential(unit(ins, twice[0], 1), unit(*twice, 3), unit(twice[1], twice[1], 3)),
        pool=nn.Sequential(pool(3, stride=1, padding=1), unit(ins, projection, 1)),
    )


def reduction(ins: int, three: tuple[int, int], twice: tuple[int, int]) -> Branches:
    """A row with stride 2, which halves the size: no 1×1 branch, and the pooled maps pass through."""
    last = unit(twice[1], twice[1], 3, stride=2)
    return Branches(
        three=nn.Sequential(unit(ins, three[0], 1), unit(*three, 3, stride=2)),
        three_twice=nn.Sequential(unit(ins, twice[0], 1), unit(*twice, 3), last),
        pool=nn.MaxPool2d(3, stride=2, padding=1),
    )


def add_biases(network: nn.Module) -> None:
    """Give every convolution a bias."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.bias = nn.Parameter(layer.weight.new_zeros(layer.out_channels))


def initialised(network: nn.Sequential) -> nn.Sequential:
    """Draw the weights as the module's docstring says; biases 0, norms 1 and 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            deviation = math.sqrt(1.3 * 2 / layer.weight[0].numel())  # [S]: 1.3 makes good what the cut takes
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
        elif isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network
