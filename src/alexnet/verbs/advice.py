"""Where a training's time went, and what would make it shorter: rules from what was measured."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from alexnet.compiled import why_not
from alexnet.recipe import Recipe
from alexnet.training.precision import has_bfloat16_units

WAITING = 0.05  # share of the time from which the pictures hold the network up
OFTEN = 0.25  # share of the time from which validation is worth naming


@dataclass(frozen=True)
class Circumstances:
    """What a training ran on and with."""

    device: str  # cpu, cuda
    processors: int  # that this process may use
    threads: int  # that torch computes with
    workers: int  # threads that cut pictures
    bfloat16_units: bool
    precision: str
    not_compiled: str | None  # why plain forms ran, where they did


def circumstances(recipe: Recipe, device: torch.device, workers: int) -> Circumstances:
    """Those of this process."""
    return Circumstances(
        device=device.type,
        processors=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        workers=workers,
        bfloat16_units=has_bfloat16_units(device),
        precision=recipe.precision,
        not_compiled=why_not(),
    )


def shares(seconds: Mapping[str, float]) -> dict[str, float]:
    """What each part is of the whole, 0 to 1."""
    whole = max(sum(seconds.values()), 1e-9)
    return {part: value / whole for part, value in seconds.items()}


def advice(share: Mapping[str, float], here: Circumstances) -> list[str]:
    """What would help most, most first; nothing where nothing is known to.

    `share` has `pictures`, `network`, `validation` and `saving`, as of `shares`.
    """
    found = []
    if share["pictures"] > WAITING:
        more = max(2, here.workers + 1)
        found.append(f"the network waits for pictures {share['pictures']:.0%} of the time: --workers {more}")
    if here.device == "cpu" and here.threads < here.processors:
        found.append(f"{here.threads} of {here.processors} processors compute: set OMP_NUM_THREADS higher")
    if here.bfloat16_units and here.precision == "float32":
        found.append(
            "this machine has units for bfloat16, which multiply several times as fast: "
            "--set precision=bfloat16"
        )
    if here.device == "cpu" and here.not_compiled:
        found.append(f"norms, updates and pictures had no compiled forms, since {here.not_compiled}")
    if share["validation"] > OFTEN:
        found.append(f"validation takes {share['validation']:.0%}: a smaller validation split is enough")
    return found
