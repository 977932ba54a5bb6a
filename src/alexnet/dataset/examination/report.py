"""What an examination says in the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alexnet.dataset.classes import class_order
from alexnet.dataset.examination.figures import Figures
from alexnet.dataset.examination.findings import WHOLE, Finding
from alexnet.dataset.sources import SPLITS

__all__ = ["Report", "make_report"]

_GRAVITY = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Report:
    """Findings, the gravest first, and pictures by split and class (split "all" where there is none)."""

    source: str
    pictures: int
    counts: dict[str, dict[str, int]]
    titles: dict[str, str]  # of classes, where the source knows them: n02123045 -> tabby, tabby cat
    findings: tuple[Finding, ...]
    figures: Figures
    to_set_aside: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found that would spoil a training."""
        return all(finding.severity != "error" for finding in self.findings)


def in_order(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Counts with splits and classes in the order in which everything here has them."""
    return {
        split: {name: counts[split][name] for name in class_order(counts[split])}
        for split in (WHOLE, *SPLITS)
        if split in counts
    }


def make_report(
    figures: Figures,
    counts: Mapping[str, Mapping[str, int]],
    findings: Iterable[Finding],
    *,
    titles: Mapping[str, str] | None = None,
    to_set_aside: int = 0,
) -> Report:
    """A report of the pictures counted; titles of classes that are not there are left out."""
    present = {name for classes in counts.values() for name in classes}
    known = {name: title for name, title in (titles or {}).items() if name in present}
    ordered = sorted(findings, key=lambda finding: _GRAVITY[finding.severity])
    return Report(figures.name, figures.total, in_order(counts), known, tuple(ordered), figures, to_set_aside)
