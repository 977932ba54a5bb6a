"""`alexnet networks`: the zoo, and one network layer by layer."""

from typing import Any

import torch

from alexnet.networks import NETWORKS, Entry, create, entry
from alexnet.networks.summary import Layer, summarise


def networks(name: str | None = None, *, classes: int | None = None) -> Any:
    """Return a list of all networks, or with `name` one of them and its `layers`, as JSON's own types.

    Parameters and multiply-adds are those of the published number of classes unless `classes` is given.
    """
    if name is None:
        return [described(one, known, classes)[0] for one, known in NETWORKS.items()]
    whole, layers = described(name, entry(name), classes)
    return whole | {"layers": [row(layer) for layer in layers]}


def described(name: str, known: Entry, classes: int | None) -> tuple[dict[str, Any], list[Layer]]:
    """Totals and rows of one network; nothing is allocated."""
    outputs = classes or known.classes
    with torch.device("meta"):
        network = create(name, classes=outputs, channels=known.input[0])
    layers = summarise(network, known.input)
    return {
        "name": name,
        "year": known.year,
        "parameters": sum(layer.parameters for layer in layers),
        "multiply_adds": sum(layer.multiply_adds for layer in layers),
        "input": list(known.input),
        "classes": outputs,
    }, layers


def row(layer: Layer) -> dict[str, Any]:
    """One layer as JSON's own types."""
    return {
        "name": layer.name,
        "kind": layer.kind,
        "output": list(layer.output),
        "parameters": layer.parameters,
        "multiply_adds": layer.multiply_adds,
    }
