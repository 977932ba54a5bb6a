"""Which pixels one unit of a layer can see, for any network: windows followed from the image to the layer.

Along a side, output i of a layer sees the pixels from start + i · step on, `size` of them; a window of k by s
with p zeros before it turns (start, step, size) into (start − p · step, step · s, size + (k − 1) · step).
Where branches meet, what one of them sees is seen. Flattened, dense and globally pooled outputs see all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from alexnet.networks.tracing import tensors_in, walk
from alexnet.problem import UsageProblem


@dataclass(frozen=True)
class Field:
    """What the outputs of a layer see along one side of the image, in pixels."""

    start: int
    step: int  # 0 where every output sees all
    size: int

    def pixels(self, place: int, image: int) -> tuple[int, int]:
        """First pixel that output `place` sees, and the one past its last: inside the image of that side.

        >>> Field(-2, 4, 11).pixels(0, 56), Field(-2, 4, 11).pixels(3, 56)
        ((0, 9), (10, 21))
        """
        first = self.start + place * self.step
        return max(0, first), min(image, first + self.size)


Fields = tuple[Field, Field]
"""Along rows and along columns."""


def receptive_fields(network: nn.Module, image: tuple[int, int, int]) -> dict[str, Fields]:
    """Fields of every layer that one image [C, H, W] comes by in evaluation, by name; nothing is computed.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 11, stride=4), nn.MaxPool2d(3, stride=2))
    >>> receptive_fields(network, (3, 56, 56))["1"][0]
    Field(start=0, step=8, size=19)
    """
    whole = (Field(0, 0, image[1]), Field(0, 0, image[2]))
    found: dict[str, Fields] = {}
    walk(
        network,
        image,
        _Sight(whole),
        lambda name: _window(name, found, whole),
        lambda pixels: _see(pixels, (Field(0, 1, 1), Field(0, 1, 1))),
    )
    return found


def receptive_field(network: nn.Module, image: tuple[int, int, int], layer: str) -> Fields:
    """Fields of one layer; a UsageProblem lists the layers there are."""
    fields = receptive_fields(network, image)
    if not layer or layer not in fields:
        raise UsageProblem(
            f"no image comes by a layer {layer!r}; there are {', '.join(filter(None, fields))}"
        )
    return fields[layer]


def _window(name: str, found: dict[str, Fields], whole: Fields) -> Callable[..., None]:
    """After a module: what its window makes of what its input saw."""

    def ran(module: nn.Module, inputs: tuple[Any, ...], _keywords: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        before, maps = _seen(inputs), inputs[0]
        if hasattr(module, "kernel_size") and before and maps.dim() == 4 and not any(module.children()):
            sides = zip(before, range(2), strict=True)
            _see(output, tuple(_through(field, module, side, maps, output) for field, side in sides))
        elif not _seen(output):  # out of a function that no mode sees, such as one with its own gradient
            _see(output, _merged(before, maps, output, whole))
        found[name] = output.seen  # type: ignore[attr-defined]

    return ran


def _through(field: Field, module: Any, side: int, maps: Tensor, output: Tensor) -> Field:
    kernel, stride, dilation = (
        _of_side(getattr(module, key, 1), side) for key in ("kernel_size", "stride", "dilation")
    )
    span = (kernel - 1) * dilation
    padding = getattr(module, "padding", None)
    if padding is None or isinstance(padding, str):
        same = output.shape[2 + side] == maps.shape[2 + side]
        padding = span // 2 if same and stride == 1 else 0
    before = _of_side(padding, side)
    return Field(field.start - before * field.step, field.step * stride, field.size + span * field.step)


class _Sight(TorchFunctionMode):
    """Every result sees what the tensors that it comes of see; padding and steps move it."""

    def __init__(self, whole: Fields) -> None:
        super().__init__()
        self.whole = whole

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "__get__":  # a tensor's shape, or the like
            return result
        before = _seen((args, kwargs or {}))
        if isinstance(result, Tensor) and before:
            maps = next(tensor for tensor in tensors_in(args) if hasattr(tensor, "seen"))
            if func is F.pad and maps.dim() == 4:
                before = _padded(before, args[1] if len(args) > 1 else (kwargs or {})["pad"])
                _see(result, before)
            elif func is Tensor.__getitem__ and maps.dim() == 4 and _sliced(args[1]):
                _see(result, _stepped(before, args[1]))
            else:
                _see(result, _merged(before, maps, result, self.whole))
        return result


def _merged(before: Fields | None, maps: Tensor, result: Tensor, whole: Fields) -> Fields:
    """As before where the sides stay the same; anything else is taken to see the whole image."""
    same = result.dim() == maps.dim() == 4 and result.shape[2:] == maps.shape[2:]
    return before if before and same else whole


def _padded(fields: Fields, pad: Any) -> Fields:
    left, top = int(pad[0]), int(pad[2]) if len(pad) > 2 else 0
    rows, columns = fields
    return (
        Field(rows.start - top * rows.step, rows.step, rows.size),
        Field(columns.start - left * columns.step, columns.step, columns.size),
    )


def _sliced(index: Any) -> bool:
    return isinstance(index, tuple) and all(isinstance(part, slice) for part in index)


def _stepped(fields: Fields, index: tuple[slice, ...]) -> Fields:
    rows, columns = (*index, slice(None), slice(None), slice(None), slice(None))[2:4]
    return _cut(fields[0], rows), _cut(fields[1], columns)


def _cut(field: Field, part: slice) -> Field:
    return Field(field.start + (part.start or 0) * field.step, field.step * (part.step or 1), field.size)


def _seen(values: Any) -> Fields | None:
    """What any of the tensors sees: from the first start to the last end."""
    fields = [tensor.seen for tensor in tensors_in(values) if hasattr(tensor, "seen")]
    if not fields:
        return None
    rows, columns = (_union([each[side] for each in fields]) for side in range(2))
    return rows, columns


def _union(fields: list[Field]) -> Field:
    if any(field.step == 0 for field in fields):
        return next(field for field in fields if field.step == 0)
    start = min(field.start for field in fields)
    return Field(start, fields[0].step, max(field.start + field.size for field in fields) - start)


def _see(tensor: Tensor, fields: Any) -> None:
    tensor.seen = fields  # type: ignore[attr-defined]


def _of_side(value: Any, side: int) -> int:
    return int(value if isinstance(value, int) else value[side])
