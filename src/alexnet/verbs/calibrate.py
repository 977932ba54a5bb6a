"""`alexnet evaluate --fit-temperature`: a run's temperature, fitted, kept, and measured on other pictures."""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from alexnet.dataset.packed import open_packed
from alexnet.evaluation.calibration import Calibration, calibration
from alexnet.evaluation.predictions import Predictions
from alexnet.evaluation.temperature import Temperature, cross_fitted, fit_temperature, with_temperature
from alexnet.files import write_json
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import open_run, versions
from alexnet.serving.card import TEMPERATURE
from alexnet.verbs.scores import data_of, predictions_of

VIEWS = "center"  # a temperature divides the logits of one view


@dataclass(frozen=True)
class Calibrated:
    """A temperature kept in `file`, and calibration before and after on pictures that did not fit it."""

    file: str
    temperature: Temperature
    fitted_on: str
    reported_on: str
    halves: tuple[float, float] | None  # where both are one split: what each half fitted for the other
    before: Calibration
    after: Calibration

    @property
    def how(self) -> str:
        """How pictures were kept from judging what they had fitted."""
        if self.halves:
            return "each half of the pictures by the temperature of the other half"
        return f"fitted on {self.fitted_on}, reported on {self.reported_on}"

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self) | {"how": self.how}


def calibrate(
    run: str | Path,
    *,
    data: str | Path | None = None,
    fit_on: str = "val",
    report_on: str | None = None,
    device: str = "auto",
    workers: int = 1,
    progress: Progress = silent,
) -> Calibrated:
    """Fit the temperature of `run` on a split and keep it in RUN/calibration.json; `predict` divides by it.

    Reported is what it does to other pictures: those of `report_on`, or where that is the same split (the
    default) each half's by what the other half alone fits. The file holds what all of `fit_on` fit.
    """
    if fit_on == "train":
        raise UsageProblem(
            "a network is too sure of what it learned by heart; fit on another split than train"
        )
    opened = open_run(run)
    packed = open_packed(Path(data or data_of(opened)))

    def scores(split: str) -> Predictions:
        return predictions_of(opened, packed, split, VIEWS, device=device, workers=workers, progress=progress)

    fitted = scores(fit_on)
    found, halves = fit_temperature(fitted), None
    if report_on in (None, fit_on):
        reported, (first, second) = cross_fitted(fitted)
        before, halves = calibration(fitted), (first.value, second.value)
    else:
        others = scores(str(report_on))
        before, reported = calibration(others), with_temperature(others, found.value)
    checkpoint = opened.checkpoint()
    kept = Calibrated(
        file=str(opened.path / TEMPERATURE),
        temperature=found,
        fitted_on=fit_on,
        reported_on=report_on or fit_on,
        halves=halves,
        before=before,
        after=calibration(reported),
    )
    steps = checkpoint.state["steps"] if checkpoint else 0
    write_json(Path(kept.file), _kept(kept, {"dataset": packed.fingerprint, "steps": steps}))
    return kept


def _kept(found: Calibrated, of: dict[str, Any]) -> dict[str, Any]:
    """What the run folder remembers; `of` says of which data and which weights."""
    return {
        "temperature": found.temperature.value,
        "interval": found.temperature.interval,
        "images": found.temperature.images,
        "fitted_on": found.fitted_on,
        "views": VIEWS,
        **of,
        "reported_on": found.reported_on,
        "how": found.how,
        "expected_error_before": found.before.expected_error,
        "expected_error_after": found.after.expected_error,
        "date": date.today().isoformat(),
        "versions": versions(),
    }
