"""Writes `tests/golden/NAME.txt`, the sizes of every layer: `python tests/write_golden.py [NAME ...]`.

Without names, of all networks. A line is `name (C, H, W) parameters multiply_adds`, the last the total; what
changed is reviewed as a difference before it is committed.
"""

import os
import sys
from pathlib import Path

from alexnet.networks import NETWORKS, create
from alexnet.networks.summary import summarise, total
from alexnet.networks.undrawn import on_paper

GOLDEN = Path(__file__).parent / "golden"


def golden_text(name: str) -> str:
    known = NETWORKS[name]
    with on_paper():
        network = create(name, classes=known.classes, channels=known.input[0])
    layers = summarise(network, known.input)
    lines = [f"{layer.name} {layer.output} {layer.parameters} {layer.multiply_adds}" for layer in layers]
    whole = total(layers)
    return "\n".join([*lines, f"total {whole.parameters} {whole.multiply_adds}"]) + "\n"


def golden_totals(name: str) -> tuple[int, int]:
    """Parameters and multiply-adds that the file says."""
    _, parameters, multiply_adds = (GOLDEN / f"{name}.txt").read_text().splitlines()[-1].split()
    return int(parameters), int(multiply_adds)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or NETWORKS:
        target = GOLDEN / f"{chosen}.txt"
        partial = target.with_suffix(".partial")
        partial.write_text(golden_text(chosen))
        os.replace(partial, target)
