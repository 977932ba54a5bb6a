"""The residual networks of the papers, and the plain ones beside them, as plans that `resnet` builds from.

[R], [I], [T], [G] and [S] are as in `resnet.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from alexnet.problem import UsageProblem

Stem = Literal["7x7", "3x3", "3x3/2"]
Shortcut = Literal["A", "B", "C", "none"]
Order = Literal["original", "norm-after", "relu-before", "relu-only", "preactivation"]
Place = Literal["1x1", "3x3"]

# [I] figure 4: the layers round each convolution, and how many of a unit's last ones follow the addition
ORDERS: dict[Order, tuple[tuple[str, str, str], int]] = {
    "original":      (("conv", "norm", "relu"), 1),  # (a)
    "norm-after":    (("conv", "norm", "relu"), 2),  # (b) norm after addition
    "relu-before":   (("conv", "norm", "relu"), 0),  # (c) ReLU before addition
    "relu-only":     (("relu", "conv", "norm"), 0),  # (d) ReLU-only pre-activation
    "preactivation": (("norm", "relu", "conv"), 0),  # (e) full pre-activation
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One network of [R] or [I], and what those papers vary."""

    blocks: Sequence[int]  # units in each stage
    bottleneck: bool = False  # 1×1, 3×3, 1×1 in place of two 3×3 ([R] figure 5)
    width: int = 64  # maps of the first stage's 3×3; each later stage has twice as many
    stem: Stem = "7x7"  # 7×7/2 and a pool for 224 pixels; 3×3 for 32, 3×3/2 for 64
    shortcut: Shortcut = (
        "B"  # where the shape changes: A zeros, B projection; C projection always; none: plain
    )
    order: Order = "original"
    stride_on: Place = "1x1"  # in a bottleneck: the first 1×1 [R]; the 3×3 [T], called "v1.5"
    zero_last: bool = False  # last weights of each branch start at 0, so that units start as identities [G]
    drop: float = 0.0  # share of images that the last unit's branch is left out for; earlier units' less [S]

    def __post_init__(self) -> None:
        choices = {"stem": Stem, "shortcut": Shortcut, "order": Order, "stride_on": Place}
        for option, known in choices.items():
            if getattr(self, option) not in get_args(known):
                raise UsageProblem(
                    f"{option}={getattr(self, option)!r} is none of {', '.join(get_args(known))}"
                )
        if self.zero_last and self.shortcut == "none":
            raise UsageProblem("zero_last=True needs shortcuts: without them every logit would stay the same")
        if not 0 <= self.drop < 1 or (self.drop and self.shortcut == "none"):
            raise UsageProblem(f"drop={self.drop} is a share of branches beside shortcuts, from 0 to below 1")

    def changed(self, options: Mapping[str, Any]) -> "Plan":
        """Replace fields by name, as a recipe or a command line gives them."""
        names = [field.name for field in fields(self)]
        if unknown := [name for name in options if name not in names]:
            raise UsageProblem(f"ResNet has no option {', '.join(unknown)}; it has {', '.join(names)}")
        return replace(self, **options)

    def outputs(self, width: int) -> int:
        """Maps that a unit gives whose 3×3 has `width`."""
        return 4 * width if self.bottleneck else width


def cifar(depth: int, **options: Any) -> Plan:
    """[R] §4.2: 6n + 2 layers, three stages of 16, 32 and 64 maps, no parameters in the shortcuts.

    >>> cifar(20).blocks
    (3, 3, 3)
    """
    return replace(Plan(((depth - 2) // 6,) * 3, width=16, stem="3x3", shortcut="A"), **options)


def cifar_v2(depth: int) -> Plan:
    """[I] §5: 9n + 2 layers, three stages of 64, 128 and 256 maps, full pre-activation."""
    return Plan(((depth - 2) // 9,) * 3, bottleneck=True, width=16, stem="3x3", order="preactivation")


TABLE_1 = {  # [R] table 1
    "18":  Plan((2, 2, 2, 2)),
    "34":  Plan((3, 4, 6, 3)),
    "50":  Plan((3, 4, 6, 3), bottleneck=True),
    "101": Plan((3, 4, 23, 3), bottleneck=True),
    "152": Plan((3, 8, 36, 3), bottleneck=True),
}  # fmt: skip

# for 224 pixels: as published, without shortcuts, with the stride on the 3×3, pre-activated
V1 = {f"resnet{depth}": plan for depth, plan in TABLE_1.items()}
PLAIN = {f"plain{depth}": replace(TABLE_1[depth], shortcut="none") for depth in ("18", "34")}
V15 = {f"resnet{depth}-v1.5": replace(TABLE_1[depth], stride_on="3x3") for depth in ("50", "101", "152")}
V2 = {f"resnet{depth}-v2": replace(plan, order="preactivation") for depth, plan in TABLE_1.items()}

# for 32 pixels: [R] table 6, [R] figure 6, [I] table 4
CIFAR = {f"resnet{depth}": cifar(depth) for depth in (20, 32, 44, 56, 110, 1202)}
CIFAR_PLAIN = {f"plain{depth}": cifar(depth, shortcut="none") for depth in (20, 32, 44, 56, 110)}
CIFAR_V2 = {"resnet110-v2": cifar(110, order="preactivation")} | {
    f"resnet{depth}-v2": cifar_v2(depth) for depth in (164, 1001)
}
