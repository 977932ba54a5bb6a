"""Training against validation, as the log has it, with the diagnosis in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet.probing.curves import Diagnosis, diagnose
from alexnet.problem import UsageProblem
from alexnet.report.charts import Series, curves
from alexnet.report.svg import Drawing, Point

Line = Mapping[str, Any]
STEPS = 400  # points of the line within epochs, at most


@dataclass(frozen=True)
class Curves:
    """Losses, errors and rates over the epochs, and what they say."""

    epochs: int
    last: Line
    diagnosis: list[Diagnosis]
    losses: Drawing
    errors: Drawing | None
    rates: Drawing | None
    validated: bool
    five_tell: bool  # there are so many classes that five answers may all be wrong
    heads: float


def curves_of(lines: Sequence[Line], classes: int, *, heads: float) -> Curves:
    """Draw them from the lines of a log; a UsageProblem where no epoch was finished."""
    epochs = [line for line in lines if "training_loss" in line]
    if not epochs:
        raise UsageProblem("the log tells of no whole epoch: nothing was trained, or not yet")
    last = float(epochs[-1]["epoch"])
    steps = [line for line in lines if "loss" in line]
    losses = [
        Series("training, as it went", _share(_points(_thinned(steps), "loss"), heads), "s0", faint=True),
        Series("training", _share(_points(epochs, "training_loss"), heads), "s1"),
        Series("validation", _points(epochs, "validation_loss"), "s2"),
    ]
    errors = [Series("top-1", _points(epochs, "top1_error"), "s2")]
    if classes > 5:
        errors.append(Series("top-5", _points(epochs, "top5_error"), "s3"))
    rates = [
        Series(
            "rate", _points(_thinned([line for line in lines if "rate" in line]), "rate"), "s0", faint=True
        )
    ]
    return Curves(
        epochs=len(epochs),
        last=epochs[-1],
        diagnosis=diagnose(epochs, classes, heads=heads),
        losses=curves("Loss over epochs", "loss, nats", _there(losses), epochs=last),
        errors=_drawn("Validation error over epochs", "validation error, %", errors, last),
        rates=_drawn("Learning rate over epochs", "learning rate", rates, last),
        validated=any("validation_loss" in line for line in epochs),
        five_tell=classes > 5,
        heads=heads,
    )


def compared_curves(
    lines: Mapping[str, Sequence[Line]], kinds: Sequence[str], key: str, *, label: str, y_label: str
) -> Drawing | None:
    """One line a run of the epoch lines' value `key`, on the same axes; None where none has it."""
    series = [
        Series(name, _points([line for line in log if "training_loss" in line], key), kind)
        for kind, (name, log) in zip(kinds, lines.items(), strict=True)
    ]
    last = max((x for one in series for x, _ in one.points), default=1.0)
    return _drawn(label, y_label, series, last)


def _drawn(label: str, y_label: str, series: Sequence[Series], epochs: float) -> Drawing | None:
    there = _there(series)
    return curves(label, y_label, there, epochs=epochs) if there else None


def _there(series: Sequence[Series]) -> list[Series]:
    return [one for one in series if one.points]


def _points(lines: Sequence[Line], key: str) -> list[Point]:
    return [(float(line["epoch"]), float(line[key])) for line in lines if line.get(key) is not None]


def _share(points: Sequence[Point], heads: float) -> list[Point]:
    return [(x, y / heads) for x, y in points]


def _thinned(lines: Sequence[Line]) -> Sequence[Line]:
    return lines[:: max(1, -(-len(lines) // STEPS))]
