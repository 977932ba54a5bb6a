"""Features of pictures: what a layer answers to each, as rows of one memory-mapped file.

[P] §6.1 compares pictures by what they cause in the last, 4096-dimensional hidden layer.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray
from torch import Tensor, nn

from alexnet.files import written_whole
from alexnet.networks import last_layers
from alexnet.probing.activations import activations, require_layer
from alexnet.problem import Problem, UsageProblem

FEATURES = NDArray[np.float32]
HIDDEN = "hidden"
"""The last hidden layer, by whatever name: what the layer that gives the logits reads."""


def features(network: nn.Module, images: Tensor, layer: str = HIDDEN) -> FEATURES:
    """What `layer` answers to images [N, C, H, W]: [N, F]; maps lie flat, the hidden layer's count by means.

    A UsageProblem lists the layers there are.
    """
    if layer == HIDDEN:
        answer = hidden_features(network, images)
    else:
        answer = activations(network, images, layer).flatten(1).float()
    return np.asarray(answer.cpu().contiguous().numpy())


def hidden_features(network: nn.Module, images: Tensor) -> Tensor:
    """What the layer that gives the logits reads of images [N, C, H, W]: [N, F], maps by their means."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept[:] = [inputs[0].detach()]

    handle = require_layer(network, last_layers(network)[-1]).register_forward_pre_hook(keep)
    try:
        with torch.inference_mode():
            network(images)
    finally:
        handle.remove()
    if not kept:
        raise UsageProblem("this network's last layer reads nothing in evaluation")
    features = kept[0].float()
    return features.mean((2, 3)) if features.dim() == 4 else features.flatten(1)


def layer_told(network: nn.Module, layer: str) -> str:
    """A layer's name as people read it; a UsageProblem lists the layers there are.

    >>> layer_told(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)), HIDDEN)
    'hidden layer before 2'
    """
    if layer == HIDDEN:
        return f"hidden layer before {last_layers(network)[-1]}"
    require_layer(network, layer)
    return layer


def save_features(path: Path, parts: Iterable[FEATURES], *, count: int) -> None:
    """Write rows [n, F] as they come into a .npy file of float32 [count, F]; whole or not at all."""
    done = 0
    with written_whole(path) as partial, partial.open("wb") as file:
        for part in parts:
            rows = np.ascontiguousarray(part, dtype="<f4")
            _require_finite(rows, done)
            if not done:
                header = {"descr": "<f4", "fortran_order": False, "shape": (count, rows.shape[1])}
                write_array_header_1_0(file, header)
            file.write(rows.data)
            done += len(rows)
        if done != count:
            raise Problem(f"{path} was to hold {count} rows and got {done}")


def open_features(path: Path) -> FEATURES:
    """Rows [N, F], memory-mapped."""
    try:
        # copy on write, never written: torch warns of arrays that are read-only
        rows: FEATURES = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise Problem(f"cannot read {path}: {error}") from None
    if rows.ndim != 2 or rows.dtype != np.float32:
        raise Problem(f"{path} is damaged: remove it, and it is made again")
    return rows


def _require_finite(rows: FEATURES, first: int) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        number = first + int(finite.argmin())
        raise Problem(
            f"what the layer answers to picture {number} is not finite: the training has diverged, and "
            "nothing is near to anything"
        )
