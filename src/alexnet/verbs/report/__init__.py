"""`alexnet report`: the whole story of a run, or several compared, in one file of HTML."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alexnet import __version__
from alexnet.files import written_whole
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.report.page import Page, render
from alexnet.report.wording import duration
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.report.compared import page_of_several
from alexnet.verbs.report.material import Material
from alexnet.verbs.report.told import Doctor, doctors, page_of


@dataclass(frozen=True)
class Reported:
    """The file, and which sections it has; `missing` says of the others why they have nothing to show."""

    file: str
    bytes: int
    sections: list[str]
    missing: dict[str, str]
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def report(
    runs: Sequence[str | Path] | str | Path,
    *,
    out: str | Path | None = None,
    data: str | Path | None = None,
    split: str | None = None,
    doctor: str | Path | None = None,
    words: str | Path | None = None,
    device: str = "auto",
    workers: int = 1,
    progress: Progress = silent,
) -> Reported:
    """Write the report of a run into `out` (default RUN/report.html), or of several compared.

    It is measured on `split` (default val, or else test) of the pack `data` (default: the one of training).
    `doctor` is a file with what `alexnet doctor --json` found, `words` one that names classes (a class, a
    tab, its name). A section that cannot be made says why.
    """
    began = time.monotonic()
    named = [runs] if isinstance(runs, str | Path) else list(runs)
    if not named:
        raise UsageProblem("report needs at least one run")
    if doctor is not None and len(named) > 1:
        raise UsageProblem("--doctor is for the report of one run; leave it out of a comparison")
    materials = [
        Material(asked_of(run, data=data, words=words, device=device, progress=progress), split, workers)
        for run in named
    ]
    path = Path(out) if out is not None else materials[0].run.path / "report.html"
    for material in materials:
        material.require_what_was_named()
    page = _page(materials, None if doctor is None else doctors(Path(doctor)))
    seconds = time.monotonic() - began
    made = f"Made on {datetime.now(UTC):%Y-%m-%d} in {duration(seconds)} by alexnet {__version__}."
    text = render(page, made=made)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return Reported(
        str(path),
        path.stat().st_size,
        [section.name for section in page.sections if not section.missing],
        {section.name: section.missing for section in page.sections if section.missing},
        round(seconds, 1),
    )


def _page(materials: Sequence[Material], doctor: Doctor | None) -> Page:
    if len(materials) == 1:
        return page_of(materials[0], doctor)
    return page_of_several(materials)
