"""How fast it was, and where the time went, as the training noted it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet.problem import UsageProblem
from alexnet.report.charts import shares
from alexnet.report.svg import Drawing

PARTS = (
    ("network", "compute_seconds"),
    ("waiting for pictures", "data_seconds"),
    ("validation", "validation_seconds"),
    ("saving", "saving_seconds"),
)


@dataclass(frozen=True)
class Speed:
    """Seconds and counts of a training."""

    seconds: float
    steps: int
    images: int
    images_per_second: float
    parts: list[tuple[str, float, float]]  # what, seconds, share 0..1
    drawing: Drawing
    multiply_adds_per_second: float  # forward and backward
    weights: int  # bytes
    threads: int | None


def speed_of(state: Mapping[str, Any], *, multiply_adds: int, weights: int, threads: int | None) -> Speed:
    """From a checkpoint's state; a UsageProblem where nothing was trained."""
    if not state.get("steps"):
        raise UsageProblem("these weights were not trained here: no time is known")
    spent = [(name, float(state.get(key, 0.0))) for name, key in PARTS]
    whole = max(sum(value for _, value in spent), 1e-9)
    parts = [(name, value, value / whole) for name, value in spent]
    busy = max(float(state.get("compute_seconds", 0.0)), 1e-9)
    training = busy + float(state.get("data_seconds", 0.0))
    return Speed(
        seconds=whole,
        steps=int(state["steps"]),
        images=int(state["images"]),
        images_per_second=int(state["images"]) / training,
        parts=parts,
        drawing=shares(_told(parts), [(name, value) for name, _, value in parts]),
        multiply_adds_per_second=3.0 * multiply_adds * int(state["images"]) / busy,
        weights=weights,
        threads=threads,
    )


def _told(parts: Sequence[tuple[str, float, float]]) -> str:
    return "Where the time went: " + ", ".join(f"{name} {share:.1%}" for name, _, share in parts)
