"""`alexnet evaluate --precision`: when to answer so that enough answers are right, and at what price."""

from dataclasses import dataclass
from typing import Any

from alexnet.evaluation.calibration import confidences
from alexnet.evaluation.thresholds import (
    RiskCoverage,
    Threshold,
    class_thresholds,
    promised_class_thresholds,
    promised_threshold,
    risk_coverage,
    threshold_for,
)
from alexnet.problem import UsageProblem
from alexnet.verbs.evaluate import Evaluation


@dataclass(frozen=True)
class ClassThreshold:
    """Thresholds of one class, over the pictures that are answered with it."""

    name: str
    seen: Threshold
    promised: Threshold


@dataclass(frozen=True)
class Precise:
    """Thresholds that reached the wanted precision on these pictures, and that promise it for others."""

    wanted: float  # per cent
    seen: Threshold
    promised: Threshold
    per_class: list[ClassThreshold]
    curve: RiskCoverage

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types; the curve by its areas alone."""
        return {
            "wanted": self.wanted,
            "seen": told(self.seen),
            "promised": told(self.promised),
            "per_class": [
                {"class": one.name, "seen": told(one.seen), "promised": told(one.promised)}
                for one in self.per_class
            ],
            "risk_coverage_area": self.curve.area,
            "best_risk_coverage_area": self.curve.best_area,
        }


def precise(found: Evaluation, wanted: float) -> Precise:
    """Find thresholds for a precision of `wanted` (0…1), over all answers and class by class."""
    if not 0.0 < wanted < 1.0:
        raise UsageProblem(f"a precision of {wanted:g} cannot be asked for; say a share such as 0.95")
    sure = confidences(found.predictions)
    both = zip(
        found.classes,
        class_thresholds(found.predictions, wanted),
        promised_class_thresholds(found.predictions, wanted),
        strict=True,
    )
    return Precise(
        wanted=100.0 * wanted,
        seen=threshold_for(sure, wanted),
        promised=promised_threshold(sure, wanted),
        per_class=[ClassThreshold(name, seen, promised) for name, seen, promised in both],
        curve=risk_coverage(sure),
    )


def told(one: Threshold) -> dict[str, Any]:
    """A threshold as JSON's own types."""
    return {
        "above": one.above,
        "images": one.images,
        "answered": one.answered,
        "coverage": one.coverage,
        "precision": one.precision,
        "interval": one.interval,
    }
