"""How many bytes the ranks of a split network send in a step, layer by layer, from the shapes alone."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn

from alexnet.networks.columns.plan import Scheme, Step, final_layer, steps
from alexnet.networks.columns.split import parts
from alexnet.networks.layers import ResponseNorm
from alexnet.networks.tracing import trace


@dataclass(frozen=True)
class Traffic:
    """What one rank sends to the others for one layer in a step of training, bytes."""

    layer: str
    what: str  # what goes over, in words
    forward: int
    backward: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def traffic(
    name: str,
    network: nn.Module,
    input: tuple[int, ...],
    *,
    count: int,
    batch: int,
    scheme: Scheme = "columns",
    bytes_each: int = 4,
) -> list[Traffic]:
    """The layers that speak, for rank 0 of `count` with `batch` images in all.

    With the scheme owt each rank has batch / count of the images, and the gradients of the convolutions are
    summed over the ranks as in any training parted by images: the last row, in float32 always.
    """
    planned = steps(name, network, count, scheme)
    inputs = {one.name: one.input for one in trace(network, input)}
    own = batch if scheme == "columns" else batch // count
    rows = [row for step in planned if (row := _of(step, inputs[step.name], count, batch, own))]
    rows.append(_logits(planned, count, batch, own, scheme))
    sized = [
        replace(row, forward=row.forward * bytes_each, backward=row.backward * bytes_each) for row in rows
    ]
    return sized if scheme == "columns" else [*sized, _gradients(planned, count)]


def summed_bytes(numbers: int, count: int, *, bytes_each: int = 4) -> int:
    """What a rank sends to sum `numbers` gradients over `count` ranks in a ring.

    >>> summed_bytes(60_965_224, 2)
    243860896
    """
    return 2 * (count - 1) * numbers * bytes_each // count


def _of(step: Step, input: tuple[int, ...], count: int, batch: int, own: int) -> Traffic | None:
    maps, area = input[0], _area(input)
    if step.kind == "gathered":
        numbers = (count - 1) * batch * maps // count * area
        return Traffic(step.name, "maps" if len(input) > 1 else "features", numbers, numbers)
    if step.kind == "bordered" and isinstance(step.layer, ResponseNorm):
        numbers = batch * (step.layer.size // 2) * area
        return Traffic(step.name, "maps at the border", numbers, numbers)
    if step.kind == "images":
        numbers = (count - 1) * own * maps * area
        return Traffic("all_images", "features of all images", numbers, numbers)
    return None


def _logits(planned: list[Step], count: int, batch: int, own: int, scheme: Scheme) -> Traffic:
    final = next(step.layer for step in planned if step.name == final_layer(planned))
    classes = parts(len(final.weight), count)  # type: ignore[arg-type]
    if scheme == "columns":
        return Traffic("logits", "logits", (count - 1) * batch * classes[0], 0)
    # back go this rank's images with the classes of all others
    return Traffic("own_images", "logits", (count - 1) * own * classes[0], own * (sum(classes) - classes[0]))


def _gradients(planned: list[Step], count: int) -> Traffic:
    numbers = sum(
        parameter.numel()
        for step in planned
        if step.kind == "as it is"
        for parameter in step.layer.parameters()
    )
    return Traffic("convolutions", "gradients", 0, summed_bytes(numbers, count))


def _area(input: tuple[int, ...]) -> int:
    area = 1
    for side in input[1:]:
        area *= side
    return area
