"""The small networks of CIFAR-10's records of speed: whitened patches, then three blocks of convolutions.

[J] Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), §3 and appendix A, after Page, "How to
Train Your ResNet" (2018-2019). Its `airbench94` and `airbench96`; `airbench-s`, with fewer maps, and
`airbench-64`, with a block more for pictures of 64 pixels, are ours, for processors. Meant for the recipes
of those names, whose first layer is not trained.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

SCALE = 1 / 9
"""Of the logits ([J] §3.1)."""


class Plan(NamedTuple):
    """Maps of the blocks, and how many convolutions a block has: of three, the last two are residual."""

    widths: tuple[int, ...]
    convolutions: int = 2


PLANS = {
    "airbench-s": Plan((48, 96, 192)),
    "airbench94": Plan((64, 256, 256)),
    "airbench96": Plan((128, 384, 512), convolutions=3),
}
SMALL_64 = Plan((32, 64, 128, 256))


def airbench(classes: int = 10, channels: int = 3, *, plan: Plan = PLANS["airbench94"]) -> nn.Sequential:
    """Images [N, C, H, W], 32 pixels or more -> logits [N, classes]; shapes at 32 pixels, three channels.

    Convolutions start as identities from their inputs to as many of their maps, the rest as torch's own
    ([J] §3.3). The recipe's `whiten` gives conv1 its kernels.
    """
    kernels, last = 2 * 4 * channels, len(plan.widths) + 2
    network = nn.Sequential(OrderedDict([
        ("conv1", nn.Conv2d(channels, kernels, 2)),                   # [N,  24, 31, 31]
        ("gelu1", nn.GELU()),
        *(
            (f"block{number}", block(*maps, plan.convolutions))       # [N,  64, 15, 15]
            for number, maps in enumerate(pairwise((kernels, *plan.widths)), 2)
        ),                                                            # [N, 256,  3,  3]
        (f"pool{last}", nn.AdaptiveMaxPool2d(1)),                     # [N, 256,  1,  1]
        ("flatten", nn.Flatten()),                                    # [N, 256]
        (f"fc{last}", nn.Linear(plan.widths[-1], classes, bias=False)),  # [N, classes]
        ("scale", Scale()),
    ]))  # fmt: skip
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            nn.init.dirac_(layer.weight.data[: layer.in_channels])
    return network


def block(inputs: int, outputs: int, convolutions: int) -> nn.Sequential:
    """[N, inputs, H, W] -> [N, outputs, H / 2, W / 2]: pooled before the first norm ([J] listing 1)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        pool1=nn.MaxPool2d(2),
        norm1=norm(outputs),
        gelu1=nn.GELU(),
    )
    if convolutions == 3:
        layers["residual"] = Residual(outputs)
    else:
        layers["conv2"] = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        layers["norm2"] = norm(outputs)
    layers[f"gelu{convolutions}"] = nn.GELU()
    return nn.Sequential(layers)


class Residual(nn.Module):
    """The second and third convolution of a block, added to what they see."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(OrderedDict(
            conv2=nn.Conv2d(maps, maps, 3, padding=1, bias=False),
            norm2=norm(maps),
            gelu2=nn.GELU(),
            conv3=nn.Conv2d(maps, maps, 3, padding=1, bias=False),
            norm3=norm(maps),
        ))  # fmt: skip

    def forward(self, maps: Tensor) -> Tensor:
        """[N, maps, H, W] -> the same."""
        total: Tensor = maps + self.branch(maps)
        return total


def norm(maps: int) -> nn.BatchNorm2d:
    """Batch norm whose averages follow quickly: a training has few hundred steps ([J] appendix A)."""
    return nn.BatchNorm2d(maps, momentum=0.4)


class Scale(nn.Module):
    """Logits, smaller: the softmax starts undecided however large the features are."""

    def forward(self, logits: Tensor) -> Tensor:  # noqa: D102
        return logits * SCALE
