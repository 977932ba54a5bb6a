"""What a network or a part of one costs, as rows of JSON's own types, and several side by side."""

from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from alexnet.networks import NETWORKS
from alexnet.networks.parts import Part, split
from alexnet.networks.published import published
from alexnet.networks.summary import Layer, activation_bytes, kept_bytes, summarise, total

Row = dict[str, Any]
LAYERS = 24  # of which more are too many to be read side by side: then blocks are shown
FIGURES = ("depth", "parameters", "weights", "multiply_adds", "activation_bytes", "kept_bytes")


def row(part: Part) -> Row:
    """Its totals; `year`, `classes` and `published` are those of whole networks.

    `depth` counts layers with multiply-adds on the longest way through, `weights` the parameters without
    biases and norms, `activation_bytes` the outputs of all layers for one image, and `kept_bytes` what
    training keeps of one image for the backward pass; float32.
    """
    layers = summarise(part.module, part.input)
    whole, known = total(layers), NETWORKS.get(part.name)
    return {
        "name": part.name,
        "year": known.year if known else None,
        "depth": whole.depth,
        "parameters": whole.parameters,
        "weights": sum(tensor.numel() for tensor in part.module.parameters() if tensor.dim() > 1),
        "multiply_adds": whole.multiply_adds,
        "activation_bytes": activation_bytes(layers),
        "kept_bytes": kept_bytes(part.module, part.input),
        "input": list(part.input),
        "output": list(part.output),
        "classes": part.output[0] if known else None,
        "published": [asdict(one) for one in published(part.name)],
    }


def layer_rows(part: Part) -> list[Row]:
    """A row for each layer, with its share of the parameters and of the multiply-adds, 0..1."""
    layers = summarise(part.module, part.input)
    whole = total(layers)
    return [
        _layer_row(part, layer)
        | {
            "depth": layer.depth,
            "share": {
                "parameters": layer.parameters / max(1, whole.parameters),
                "multiply_adds": layer.multiply_adds / max(1, whole.multiply_adds),
            },
        }
        for layer in layers
    ]


def ratios(one: Row, other: Row) -> dict[str, float | None]:
    """How many times as large each figure of `one` is as that of `other`.

    >>> ratios(dict.fromkeys(FIGURES, 6), dict.fromkeys(FIGURES, 4))["depth"]
    1.5
    """
    return {figure: one[figure] / other[figure] if other[figure] else None for figure in FIGURES}


def aligned(parts: list[Part]) -> list[list[Row | None]]:
    """Layers side by side, a column for each part: convolutions from the first on, dense ones up to the last.

    Layers without multiply-adds are left out; where there are too many, blocks stand for them.
    """
    columns = [_weighted(part) for part in parts]
    maps = zip_longest(*([row for row in column if len(row["output"]) > 1] for column in columns))
    dense = zip_longest(*([row for row in column if len(row["output"]) < 2][::-1] for column in columns))
    return [list(rows) for rows in [*maps, *reversed(list(dense))]]


def _weighted(part: Part) -> list[Row]:
    layers = [layer for layer in summarise(part.module, part.input) if layer.multiply_adds]
    if len(layers) > LAYERS:
        layers = [layer for layer in summarise(part.module, part.input, depth=1) if layer.multiply_adds]
    return [_layer_row(part, layer) for layer in layers]


def _layer_row(part: Part, layer: Layer) -> Row:
    return {
        "name": layer.name or split(part.name)[1] or part.name,  # a part that is one layer has no name inside
        "kind": layer.kind,
        "output": list(layer.output),
        "parameters": layer.parameters,
        "multiply_adds": layer.multiply_adds,
    }
