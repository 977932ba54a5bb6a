"""What the machine can do at all: the limits that other rows are read against."""

from collections.abc import Iterator
from functools import partial
from statistics import median

import torch

from alexnet.training.precision import has_bfloat16_units
from benchmarks.table import Row
from benchmarks.timing import interleaved

SIDE = 4096
ROUNDS = 7


def rows() -> Iterator[Row]:
    """A large matrix product in float32, and in bfloat16 where the machine has units for it."""
    kinds = {"float32": torch.float32}
    if has_bfloat16_units(torch.device("cpu")):
        kinds["bfloat16"] = torch.bfloat16
    for name, kind in kinds.items():
        left, right = torch.randn(SIDE, SIDE).to(kind), torch.randn(SIDE, SIDE).to(kind)
        seconds = median(interleaved({"ours": partial(torch.matmul, left, right)}, ROUNDS)["ours"])
        yield {
            "what": f"matrix product {SIDE}³, {name}",
            "ours": f"{2 * SIDE**3 / seconds / 1e9:.0f}",
            "unit": "GFLOP/s",
            "rounds": ROUNDS,
        }
