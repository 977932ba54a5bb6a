"""What becomes of each layer when a network is split over ranks: read off its table, layer by layer.

"columns" is the paper's split ([P] figure 2): the outputs of every layer are parted, and a layer that sees
all maps gathers them. "owt" is that of 2014, "One weird trick ...", which gave that network its name: `rows`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from alexnet.networks.layers import CeilPad, ColumnLinear, PaperDropout, ResponseNorm, SameMapNorm
from alexnet.problem import UsageProblem

Scheme = Literal["columns", "owt"]
Kind = Literal[
    "as it is",  # the same on every rank, or on every rank's own maps
    "units",  # some of its units, over an input that every rank has
    "column",  # the groups of this column, over its own maps
    "gathered",  # some of its units, over the maps of all columns
    "bordered",  # a norm that sees its neighbours' maps
    "masked",  # dropout by a part of the mask
    "images",  # as it is, then the features of all ranks' images are gathered
]
Drop = (nn.Dropout, PaperDropout)
PLAIN = (  # each map by itself
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity, nn.ZeroPad2d, CeilPad, SameMapNorm,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten,
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One layer and what becomes of it."""

    name: str
    layer: nn.Module
    kind: Kind


def steps(name: str, network: nn.Module, count: int, scheme: Scheme) -> list[Step]:
    """The plan of a network for `count` ranks; a UsageProblem where it does not part so."""
    if scheme not in get_args(Scheme):
        raise UsageProblem(f"there is no scheme {scheme!r}; take {' or '.join(get_args(Scheme))}")
    planned = list(_columns(name, network, count) if scheme == "columns" else _owt(name, network, count))
    for step in planned:
        _require_even(name, step, count, final=step.name == final_layer(planned))
    return planned


def final_layer(planned: list[Step]) -> str:
    """The layer that gives logits: its units need not be even over the ranks."""
    return [step.name for step in planned if isinstance(step.layer, nn.Linear)][-1]


def columns_of(network: nn.Module) -> int:
    """How many columns a network was drawn with: the groups of its convolutions; 1 if it has none."""
    return max((layer.groups for layer in network.modules() if isinstance(layer, nn.Conv2d)), default=1)


def _columns(name: str, network: nn.Module, count: int) -> Iterator[Step]:
    drawn = columns_of(network) if isinstance(network, nn.Sequential) else 1
    if drawn == 1:
        raise UsageProblem(
            f"{name} has no columns to put on {count} ranks: take a network of two columns (alexnet, "
            "alexnet-2012, caffe-alexnet, …), split its batches over the ranks, or take the scheme owt"
        )
    if drawn % count:
        raise UsageProblem(f"{name} has {drawn} columns, which do not part over {count} ranks")
    parted = False
    for child, layer in network.named_children():
        yield Step(child, layer, _parted(name, child, layer, count) if parted else _first(name, child, layer))
        parted = parted or isinstance(layer, nn.Conv2d)


def _first(name: str, child: str, layer: nn.Module) -> Kind:
    if isinstance(layer, nn.Conv2d) and layer.groups == 1:
        return "units"
    return _plain(name, child, layer)


def _parted(name: str, child: str, layer: nn.Module, count: int) -> Kind:
    if isinstance(layer, nn.Conv2d):
        return "gathered" if layer.groups == 1 else "column"
    if isinstance(layer, nn.Linear):
        return "gathered"
    if isinstance(layer, ColumnLinear):
        return "column"
    if isinstance(layer, ResponseNorm):
        return "column" if layer.columns % count == 0 else "bordered"
    return "masked" if isinstance(layer, Drop) else _plain(name, child, layer)


def _owt(name: str, network: nn.Module, count: int) -> Iterator[Step]:
    children = list(network.named_children())
    flat = [number for number, (_, layer) in enumerate(children) if isinstance(layer, nn.Flatten)]
    if not isinstance(network, nn.Sequential) or not flat or flat[-1] == len(children) - 1:
        raise UsageProblem(
            f"{name} is not convolutions with dense layers behind them, as the scheme owt needs "
            "(alexnet-owt, alexnet-2012, vgg16, …); split its batches over the ranks"
        )
    yield from (Step(child, layer, "as it is") for child, layer in children[: flat[-1]])
    yield Step(*children[flat[-1]], "images")
    parted = False
    for child, layer in children[flat[-1] + 1 :]:
        yield Step(child, layer, _dense(name, child, layer, parted))
        parted = parted or isinstance(layer, nn.Linear)


def _dense(name: str, child: str, layer: nn.Module, parted: bool) -> Kind:
    if isinstance(layer, nn.Linear):
        return "gathered" if parted else "units"
    if isinstance(layer, Drop):
        return "masked" if parted else "as it is"
    return _plain(name, child, layer)


def _plain(name: str, child: str, layer: nn.Module) -> Kind:
    if isinstance(layer, PLAIN):
        return "as it is"
    raise UsageProblem(f"{name}.{child}, a {type(layer).__name__}, cannot be split over ranks")


def _require_even(name: str, step: Step, count: int, *, final: bool) -> None:
    weight = getattr(step.layer, "weight", None)
    if step.kind in ("units", "column", "gathered") and weight is not None and not final:
        units = len(weight)
        if units % count:
            raise UsageProblem(f"{name}.{step.name} has {units} units, which do not part over {count} ranks")
