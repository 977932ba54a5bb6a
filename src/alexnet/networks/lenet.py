"""LeNet-5: the modern form, and the original of 1998 with trainable subsampling, sparse C3 and drawn codes.

Sources: [L] LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
§II.B and appendix A; [D] "Dive into Deep Learning", whose LeNet has the same layers as the modern form here.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.problem import UsageProblem

NEURONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
POOLS: dict[str, type[nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def lenet(
    classes: int = 10, channels: int = 1, *, image: int = 28, activation: str = "relu", pool: str = "max"
) -> nn.Sequential:
    """LeNet-5 as it is built today: images [N, C, 28, 28] -> logits [N, classes].

    With ReLU and max pooling, which train sooner than the sigmoid and average pooling of [D]; those are
    `activation="sigmoid", pool="average"`. Weights start as Glorot's uniform, as in [D], biases at 0.
    """
    if activation not in NEURONS or pool not in POOLS:
        raise UsageProblem(
            f"activation {activation!r}, pool {pool!r}: take {', '.join(NEURONS)} and {', '.join(POOLS)}"
        )
    neuron, pooling, side = NEURONS[activation], POOLS[pool], (image // 2 - 4) // 2
    if side < 1:
        raise UsageProblem(f"images of {image} pixels are too small for LeNet: it takes 12 or more")
    network = nn.Sequential(OrderedDict([
        ("conv1", nn.Conv2d(channels, 6, 5, padding=2)),   # [N,   6, 28, 28]
        (f"{activation}1", neuron()),
        ("pool2", pooling(2)),                             # [N,   6, 14, 14]
        ("conv3", nn.Conv2d(6, 16, 5)),                    # [N,  16, 10, 10]
        (f"{activation}3", neuron()),
        ("pool4", pooling(2)),                             # [N,  16,  5,  5]
        ("flatten", nn.Flatten()),                         # [N, 400]
        ("fc5", nn.Linear(16 * side**2, 120)),             # [N, 120]
        (f"{activation}5", neuron()),
        ("fc6", nn.Linear(120, 84)),                       # [N,  84]
        (f"{activation}6", neuron()),
        ("fc7", nn.Linear(84, classes)),                   # [N, classes]
    ]))  # fmt: skip
    for name, parameter in network.named_parameters():
        nn.init.xavier_uniform_(parameter) if name.endswith("weight") else nn.init.zeros_(parameter)
    return network


def lenet_1998(classes: int = 10, channels: int = 1) -> nn.Sequential:
    """LeNet-5 of 1998: images [N, C, 32, 32], background -0.1 and ink 1.175 -> minus distances [N, classes].

    Softmax over minus the distances is the paper's criterion (its equation 9) without the rubbish class.
    Weights start uniform within 2.4 / inputs of the unit ([L] appendix A), biases at 0.
    """
    network = nn.Sequential(OrderedDict(
        c1=nn.Conv2d(channels, 6, 5),       # [N,   6, 28, 28]
        squash1=ScaledTanh(),
        s2=TrainableSubsampling(6),         # [N,   6, 14, 14]
        squash2=ScaledTanh(),
        c3=SparseConv2d(C3),                # [N,  16, 10, 10]
        squash3=ScaledTanh(),
        s4=TrainableSubsampling(16),        # [N,  16,  5,  5]
        squash4=ScaledTanh(),
        c5=nn.Conv2d(16, 120, 5),           # [N, 120,  1,  1]
        squash5=ScaledTanh(),
        flatten=nn.Flatten(),               # [N, 120]
        f6=nn.Linear(120, 84),              # [N,  84]
        squash6=ScaledTanh(),
        output=CodeDistances(classes),      # [N, classes]
    ))  # fmt: skip
    for name, inputs in {"c1": 25 * channels, "c5": 400, "f6": 120}.items():
        nn.init.uniform_(network.get_parameter(f"{name}.weight"), -2.4 / inputs, 2.4 / inputs)
        nn.init.zeros_(network.get_parameter(f"{name}.bias"))
    return network


class ScaledTanh(nn.Module):
    """1.7159 · tanh(2/3 · x): f(±1) = ±1, and its second derivative is largest there ([L] appendix A)."""

    def forward(self, sums: Tensor) -> Tensor:  # noqa: D102
        return 1.7159 * torch.tanh(sums * (2 / 3))


class TrainableSubsampling(nn.Module):
    """S2 and S4 of [L]: the sum of 2 × 2 values times the map's coefficient, plus its bias."""

    kernel_size = stride = 2

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(maps).uniform_(-2.4 / 4, 2.4 / 4))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        sums = 4 * F.avg_pool2d(maps, 2)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]

    def multiply_adds(self, outputs: tuple[int, ...]) -> int:
        """One an output: coefficient times sum plus bias. The three other additions are not counted."""
        maps, height, width = outputs
        return maps * height * width


# [L] table I: the maps of S2 that each map of C3 sees; 60 links
C3 = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class SparseConv2d(nn.Module):
    """5 × 5 convolution of six maps in which every output map sees the maps that its row of `links` names.

    Only linked kernels are parameters, [60, 5, 5] for C3. They are laid into one dense convolution between
    zeros, which is faster than sixteen small ones.
    """

    kernel_size, stride = 5, 1

    def __init__(self, links: tuple[tuple[int, ...], ...], *, inputs: int = 6) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, len(links)
        places = [row * inputs + seen for row, maps in enumerate(links) for seen in maps]
        reach = torch.tensor([2.4 / (25 * len(maps)) for maps in links for _ in maps])[:, None, None]
        self.weight = nn.Parameter((2 * torch.rand(len(places), 5, 5) - 1) * reach)
        self.bias = nn.Parameter(torch.zeros(self.outputs))
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.places: Tensor

    def forward(self, maps: Tensor) -> Tensor:  # noqa: D102
        dense = self.weight.new_zeros(self.outputs * self.inputs, 5, 5)
        dense = dense.index_copy(0, self.places, self.weight)
        return F.conv2d(maps, dense.unflatten(0, (self.outputs, self.inputs)), self.bias)

    def multiply_adds(self, outputs: tuple[int, ...]) -> int:
        """Those of the links; the zeros between them are not counted."""
        _, height, width = outputs
        return self.weight.numel() * height * width


# ten pictures side by side, 7 dots wide and 12 high
DRAWN = """\
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... .#####. .#####. #.....# ####### .#####. ####### .#####. .#####.
.#...#. ..##... #.....# #.....# #.....# #...... #.....# ......# #.....# #.....#
#.....# .#.#... ......# ......# #.....# #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# ......# #.....# #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. ..####. ####### ######. ######. ....#.. .#####. .######
#.....# ...#... ....#.. ......# ......# ......# #.....# ....#.. #.....# ......#
#.....# ...#... ..##... ......# ......# ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# ......# ......# #.....# ...#... #.....# ......#
.#...#. ...#... #...... #.....# ......# #.....# #.....# ..#.... #.....# #.....#
..###.. .#####. ####### .#####. ......# .#####. .#####. ..#.... .#####. .#####.
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""
DIGITS = ["".join(picture) for picture in zip(*(row.split() for row in DRAWN.splitlines()), strict=True)]


class CodeDistances(nn.Module):
    """Radial basis output of [L]: minus the squared distance of F6, [N, 84], to the code of each class.

    A code is a picture of 7 × 12 in -1 and 1: the digit's for the first ten classes, drawn in the manner of
    the paper's figure 3. Classes beyond ten get random codes, always the same. Codes are fixed, not trained.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        digits = torch.tensor([[1.0 if dot == "#" else -1.0 for dot in picture] for picture in DIGITS])
        chance = torch.Generator("cpu").manual_seed(1998)
        others = torch.randint(0, 2, (max(0, classes - 10), 84), generator=chance, device="cpu") * 2.0 - 1
        codes = torch.cat([digits[:classes], others.to(digits.device)])
        self.register_buffer("codes", codes)
        self.codes: Tensor

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        return -(features[:, None] - self.codes).square().sum(2)

    def multiply_adds(self, outputs: tuple[int, ...]) -> int:
        """One square and addition for each of the 84 features of each class."""
        return self.codes.numel()
