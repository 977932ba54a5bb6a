"""Published weights of other libraries: which network a state dict holds, and what pixels it wants.

[T] torchvision.models, the `transforms` of each `Weights`, and torchvision.transforms._presets; googlenet and
inception_v3 turn their input about inside (`transform_input`), so the network proper reads (pixels − 127.5) /
127.5. [M] timm, the `default_cfg` of each model and timm.data.create_transform.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexnet.networks import (
    alexnet,
    create,
    googlenet,
    inception_resnet_v2,
    inception_v3,
    inception_v4,
    last_layers,
    resnet,
    vgg,
)
from alexnet.networks.state_file import read_state
from alexnet.networks.undrawn import on_paper
from alexnet.problem import Problem

Renamed = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
Shape = tuple[int, ...]
COUNTER = "num_batches_tracked"  # of a batch norm; files of before 2018 have none and nothing here reads it


@dataclass(frozen=True)
class Pixels:
    """What published weights read: shorter side at `size`, centre `crop`, (pixels − mean) / divisor."""

    size: int
    crop: int
    mean: tuple[float, float, float]  # pixels 0..255
    divisor: tuple[float, float, float]


_MEAN, _DEVIATION, _HALF = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), (127.5, 127.5, 127.5)
IMAGENET = Pixels(256, 224, _MEAN, _DEVIATION)  # [T] 255 × (.485, .456, .406) and (.229, .224, .225)


@dataclass(frozen=True, eq=False)
class Foreign:
    """Another library's network that has the layers of one of ours."""

    peer: str  # whose, and its name there: "torchvision resnet50"
    network: str  # the same here
    ours: Renamed  # their names to ours
    theirs: Renamed
    pixels: Pixels = IMAGENET
    sideless: Mapping[str, Any] = field(default_factory=dict)  # options for a state without side heads


@dataclass(frozen=True)
class Weights:
    """A file of foreign weights, opened."""

    path: Path
    sha256: str
    foreign: Foreign
    options: Mapping[str, Any]  # of the network, as the file implies them
    classes: int
    tensors: dict[str, Tensor]  # by our names


def _torchvision(name: str, network: str, family: Any, *rest: Any) -> Foreign:
    return Foreign(f"torchvision {name}", network, family.from_torchvision, family.to_torchvision, *rest)


def _timm(name: str, network: str, family: Any, pixels: Pixels) -> Foreign:
    return Foreign(f"timm {name}", network, family.from_timm, family.to_timm, pixels)


# fmt: off
FOREIGN: tuple[Foreign, ...] = (
    _torchvision("alexnet", "alexnet-owt", alexnet),
    *(_torchvision(f"vgg{depth}", f"vgg{depth}", vgg) for depth in (11, 13, 16, 19)),
    *(_torchvision(f"vgg{depth}_bn", f"vgg{depth}-bn", vgg) for depth in (11, 13, 16, 19)),
    _torchvision("googlenet", "googlenet-torchvision", googlenet, Pixels(256, 224, _HALF, _HALF),
                 {"side_heads": False}),
    _torchvision("inception_v3", "inception-v3", inception_v3, Pixels(342, 299, _HALF, _HALF),
                 {"side_head": False}),
    *(_torchvision(f"resnet{depth}", f"resnet{depth}", resnet) for depth in (18, 34)),
    *(_torchvision(f"resnet{depth}", f"resnet{depth}-v1.5", resnet) for depth in (50, 101, 152)),
    _timm("inception_v4", "inception-v4", inception_v4, Pixels(341, 299, _HALF, _HALF)),  # 299 / .875
    _timm("inception_resnet_v2", "inception-resnet-v2", inception_resnet_v2,
          Pixels(333, 299, _HALF, _HALF)),                                                # 299 / .8975
)
# fmt: on


def read(path: Path) -> Weights:
    """Open a file of weights and find whose they are; a Problem where they are none of `FOREIGN`."""
    state = read_state(path)
    foreign = recognised(state, str(path))
    layout = _layout(foreign)
    tensors = foreign.ours(state)
    sides = any(name.startswith("side") for name in tensors)
    for name, (key, _, _) in layout.items():
        if name.endswith(COUNTER) and key not in state and (sides or not name.startswith("side")):
            tensors[name] = torch.tensor(0)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(path, sha256, foreign, {} if sides else foreign.sideless, _classes(layout, state), tensors)


def recognised(state: Mapping[str, Tensor], where: str) -> Foreign:
    """The network that has these names and shapes, whatever the number of classes.

    A Problem names the nearest and what does not fit.
    """
    found = {foreign: misfits(foreign, state) for foreign in FOREIGN}
    nearest = min(FOREIGN, key=lambda foreign: len(found[foreign]))
    wrong = found[nearest]
    if not wrong:
        return nearest
    if not any(state.keys() & {key for key, _, _ in _layout(one).values()} for one in FOREIGN):
        known = ", ".join(one.peer for one in FOREIGN)
        raise Problem(f"{where} holds none of {known}: it begins with {next(iter(state))}")
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    raise Problem(f"{where} is nearest to {nearest.peer} and does not fit it: {'; '.join(wrong[:5])}{more}")


def misfits(foreign: Foreign, state: Mapping[str, Tensor]) -> list[str]:
    """What of a state is not as in `foreign`, in its own names; a state may lack all side heads."""
    layout = _layout(foreign)
    classes = _classes(layout, state)
    sides = any(key in state for name, (key, _, _) in layout.items() if name.startswith("side"))
    wrong, known = [], set()
    for name, (key, shape, last) in layout.items():
        known.add(key)
        expected = (classes, *shape[1:]) if last else shape
        if key in state:
            if (found := tuple(state[key].shape)) != expected:
                wrong.append(f"{key} is {list(found)} and should be {list(expected)}")
        elif not name.endswith(COUNTER) and (sides or not name.startswith("side")):
            wrong.append(f"lacks {key}")
    return wrong + [f"{key} is unknown" for key in state if key not in known]


Layout = dict[str, tuple[str, Shape, bool]]  # our name: theirs, shape, whether of a layer that gives logits


@cache
def _layout(foreign: Foreign) -> Layout:
    with on_paper():
        network = create(foreign.network, classes=1000)
    state, last = network.state_dict(), last_layers(network)
    return {
        name: (key, tuple(tensor.shape), name.rpartition(".")[0] in last)
        for (name, tensor), key in zip(state.items(), foreign.theirs(state), strict=True)
    }


def _classes(layout: Layout, state: Mapping[str, Tensor]) -> int:
    """As many as the last bias of the state has."""
    key = [key for key, _, last in layout.values() if last][-1]
    return len(state[key]) if key in state and state[key].dim() else 1000
