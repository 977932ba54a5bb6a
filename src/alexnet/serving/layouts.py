"""A run's weights under the names of another library, where it has the same network: torchvision, timm."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from alexnet.networks.foreign import FOREIGN, Foreign, misfits
from alexnet.problem import Problem, UsageProblem
from alexnet.run import Run

LAYOUTS = ("torchvision", "timm")


def foreign_of(run: Run, layout: str) -> Foreign:
    """The network of `layout` that has the layers of this run's; a UsageProblem says which networks do."""
    if layout not in LAYOUTS:
        raise UsageProblem(f"no layout {layout!r}; there are {', '.join(LAYOUTS)}")
    there = {foreign.network: foreign for foreign in FOREIGN if foreign.peer.startswith(f"{layout} ")}
    if run.recipe.network not in there:
        raise UsageProblem(
            f"{layout} has no network like {run.recipe.network}; it has those of {', '.join(there)}"
        )
    return there[run.recipe.network]


def foreign_state(run: Run, foreign: Foreign) -> dict[str, Tensor]:
    """The newest weights by the other library's names; a Problem where an option made other shapes."""
    state = foreign.theirs(run.weights())
    wrong = misfits(foreign, state)
    if wrong:
        raise Problem(f"{run.path} does not fit {foreign.peer}: {'; '.join(wrong[:3])}")
    return {name: tensor.contiguous() for name, tensor in state.items()}


def save_foreign(
    path: Path, state: dict[str, Tensor], foreign: Foreign, classes: tuple[str, ...], card: Mapping[str, Any]
) -> None:
    """Write a safetensors file; classes and card stand in its metadata as JSON."""
    metadata = {
        "format": "pt",
        "layout": foreign.peer,
        "classes": json.dumps(list(classes), ensure_ascii=False),
        "card": json.dumps(dict(card), ensure_ascii=False),
    }
    save_file(state, path, metadata)
