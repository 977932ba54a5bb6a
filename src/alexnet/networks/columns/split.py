"""A rank's part of a network: its layers, its rows of the weights, and the whole weights from all parts."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from alexnet.networks.columns.borders import NormAcrossColumns
from alexnet.networks.columns.exchange import Column, Line
from alexnet.networks.columns.masks import OwnMask
from alexnet.networks.columns.outputs import Logits
from alexnet.networks.columns.plan import Scheme, Step, final_layer, steps
from alexnet.networks.columns.products import Convolution, Dense, Gathered
from alexnet.networks.columns.rows import AllImages, OwnImages
from alexnet.networks.layers import ColumnLinear, PaperDropout, ResponseNorm
from alexnet.networks.undrawn import on_paper

Sizes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Split:
    """One rank's part; its layers and parameters have the names of the whole network's."""

    network: nn.Sequential
    column: Column
    sizes: Sizes  # rows of each parted parameter on each rank; the others are whole everywhere
    scheme: Scheme

    @property
    def not_summed(self) -> frozenset[str]:
        """Parameters whose gradients are of the whole batch already, though each rank has its own images."""
        return frozenset(self.sizes) if self.scheme == "owt" else frozenset()

    def own(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """This rank's rows of whole tensors by `parameter` or `parameter/kind`."""
        return {
            key: tensor.split(sizes)[self.column.number].clone() if sizes else tensor
            for key, tensor in tensors.items()
            for sizes in [self._sizes(key, tensor)]
        }

    def whole(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gather the whole tensors on the first column's processor; the other columns get none.

        All ranks of the group call it, with the same names.
        """
        line, gathered = Line(self.column), {}
        for key, tensor in tensors.items():
            sizes = self._sizes(key, tensor)
            if sizes:
                tensor = _gathered(tensor, sizes, line)
            if self.column.number == 0:
                gathered[key] = tensor.detach().cpu()
        return gathered

    def gradient_length(self) -> Tensor:
        """Length of the whole network's gradient, the same on every rank of the group."""
        parted: list[Tensor] = []
        common: list[Tensor] = []
        for name, parameter in self.network.named_parameters():
            if parameter.grad is not None:
                (parted if name in self.sizes else common).append(parameter.grad)
        squares = _squares(parted, like=next(self.network.parameters()))
        dist.all_reduce(squares, group=self.column.group)
        return (squares + _squares(common, like=squares)).sqrt()

    def sent(self) -> dict[str, tuple[int, int]]:
        """Bytes that this rank has sent so far for each layer that speaks to others: forward, backward."""
        lines = {name: getattr(layer, "line", None) for name, layer in self.network.named_children()}
        return {name: (line.forward, line.backward) for name, line in lines.items() if line is not None}

    def _sizes(self, key: str, tensor: Tensor) -> tuple[int, ...] | None:
        """Rows of a tensor on each rank; None where it is not parted, or a plain number such as a count."""
        return self.sizes.get(key.partition("/")[0]) if tensor.dim() else None


def split(name: str, network: nn.Module, column: Column, *, scheme: Scheme = "columns") -> Split:
    """This rank's part of a whole network; a UsageProblem where the network does not part so.

    A network that is split by "columns" is given the same images on all ranks of the group, in training and
    in evaluation, and answers with all logits on each. One split by "owt" is so in evaluation only: `rows`.
    """
    planned = steps(name, network, column.count, scheme)
    final, sizes = final_layer(planned), Sizes()
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for step in planned:
        layer = _local(step, column)
        for kind, parameter in step.layer.named_parameters():
            if layer is not step.layer:
                sizes[f"{step.name}.{kind}"] = parts(len(parameter), column.count)
        layers[step.name] = layer
        if step.kind == "images":
            layers["all_images"] = AllImages(column=column)
    outputs = Logits if scheme == "columns" else OwnImages
    layers["own_images" if scheme == "owt" else "logits"] = outputs(sizes[f"{final}.weight"], column=column)
    return Split(nn.Sequential(layers).train(network.training), column, sizes, scheme)


def parted(name: str, network: nn.Module, count: int, *, scheme: Scheme = "columns") -> list[int]:
    """How many parameters each of `count` ranks holds."""
    every = (split(name, network, Column(number, count), scheme=scheme).network for number in range(count))
    return [sum(parameter.numel() for parameter in part.parameters()) for part in every]


def parts(units: int, count: int) -> tuple[int, ...]:
    """As even as can be, the longer ones first.

    >>> parts(4096, 2), parts(5, 2)
    ((2048, 2048), (3, 2))
    """
    return tuple(units // count + (number < units % count) for number in range(count))


def _local(step: Step, column: Column) -> nn.Module:
    layer, count = step.layer, column.count
    if step.kind in ("units", "column", "gathered") and not isinstance(layer, ResponseNorm):
        rows = {name: _rows(tensor, column) for name, tensor in layer.named_parameters()}
        return _weighted(step, rows["weight"], rows.get("bias"), column)
    if step.kind == "column":
        norm = cast(ResponseNorm, layer)
        own = norm.columns // count
        return ResponseNorm(norm.size, norm.alpha, beta=norm.beta, k=norm.k, columns=own)
    if step.kind == "bordered":
        return NormAcrossColumns(cast(ResponseNorm, layer), column=column)
    if step.kind == "masked":
        return OwnMask(cast(PaperDropout, layer), column=column)
    return layer


def _rows(tensor: Tensor, column: Column) -> Tensor:
    every: tuple[Tensor, ...] = tensor.detach().split(parts(len(tensor), column.count))
    return every[column.number].clone()


def _weighted(step: Step, weight: Tensor, bias: Tensor | None, column: Column) -> nn.Module:
    layer = step.layer
    if step.kind == "gathered":
        return Gathered(_product(layer), weight, bias, column=column)
    groups = 1 if step.kind == "units" else column.count
    with on_paper():
        local = _like(layer, len(weight), groups)
    local.register_parameter("weight", nn.Parameter(weight))
    local.register_parameter("bias", None if bias is None else nn.Parameter(bias))
    return local


def _product(layer: nn.Module) -> Convolution | Dense:
    if isinstance(layer, nn.Conv2d):
        return Convolution(layer.stride, cast(tuple[int, ...], layer.padding), layer.dilation)
    return Dense()


def _like(layer: nn.Module, outputs: int, fewer: int) -> nn.Module:
    """The layer with so many units, over one of `fewer` parts of its inputs."""
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, outputs)
    if isinstance(layer, ColumnLinear):
        inputs = layer.weight.size(1) * layer.columns // fewer
        return ColumnLinear(inputs, outputs, columns=layer.columns // fewer)
    conv = cast(nn.Conv2d, layer)
    return nn.Conv2d(
        conv.in_channels // fewer,
        outputs,
        cast(tuple[int, int], conv.kernel_size),
        cast(tuple[int, int], conv.stride),
        cast(tuple[int, int], conv.padding),
        cast(tuple[int, int], conv.dilation),
        conv.groups // fewer,
    )


def _gathered(tensor: Tensor, rows: tuple[int, ...], line: Line) -> Tensor:
    column, rest = line.column, tensor.shape[1:]
    mine = tensor.detach().contiguous()
    others = column.others
    if column.number > 0:
        line.forth({0: mine}, {}, mine)()
        return mine
    sizes = {number: rows[number] * rest.numel() for number in others}
    pieces = line.forth({}, sizes, mine)()
    return torch.cat([mine, *(pieces[number].view(-1, *rest) for number in others)])


def _squares(tensors: list[Tensor], *, like: Tensor) -> Tensor:
    total = torch.zeros((), dtype=like.dtype, device=like.device)
    return total + sum(tensor.square().sum() for tensor in tensors)
