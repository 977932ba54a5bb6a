"""Health of the data: how many pictures of what, what was left out, and what an examination found."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from alexnet.dataset.examination.findings import Finding
from alexnet.dataset.manifest import read_skipped
from alexnet.dataset.packed import Packed
from alexnet.problem import Problem
from alexnet.report.charts import class_sizes
from alexnet.report.svg import Drawing

SHOWN = 20  # skipped pictures by name


@dataclass(frozen=True)
class ClassSize:
    """Pictures of one class, in the order of the splits."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Health:
    """The pack that the run was trained on."""

    source: str
    facts: list[tuple[str, str]]
    splits: dict[str, int]
    classes: list[ClassSize]
    smallest: ClassSize  # by training pictures
    largest: ClassSize
    balance: float  # largest / smallest; 1 is even
    skipped: int
    skipped_shown: list[tuple[str, str]]
    findings: Sequence[Finding]
    examined: str  # what the findings are of
    other_data: bool  # the pack has changed since the training
    drawing: Drawing | None


def health_of(
    packed: Packed,
    findings: Sequence[Finding],
    examined: str,
    *,
    trained_on: str | None,
    words: Mapping[str, str],
) -> Health:
    """Count the pack; `findings` are those of an examination, `trained_on` the run's fingerprint."""
    counted = {
        split: np.bincount(packed.split(split).labels, minlength=len(packed.classes))
        for split in packed.splits
    }
    classes = [
        ClassSize(words.get(name, name), tuple(int(counts[label]) for counts in counted.values()))
        for label, name in enumerate(packed.classes)
    ]
    first = packed.splits.index("train") if "train" in packed.splits else 0
    ordered = sorted(classes, key=lambda one: one.counts[first])
    skipped = [
        row
        for split, count in packed.counts.items()
        for row in read_skipped(packed.path / f"{split}.parquet", count)
    ]
    return Health(
        source=str(packed.description.get("source", packed.path.name)),
        facts=_facts(packed),
        splits=packed.counts,
        classes=classes,
        smallest=ordered[0],
        largest=ordered[-1],
        balance=ordered[-1].counts[first] / max(1, ordered[0].counts[first]),
        skipped=len(skipped),
        skipped_shown=list(islice(skipped, SHOWN)),
        findings=findings,
        examined=examined,
        other_data=trained_on is not None and trained_on != packed.fingerprint,
        drawing=class_sizes("Training pictures by class", [(one.name, one.counts[first]) for one in classes]),
    )


def saved_findings(path: Path) -> tuple[list[Finding], str]:
    """Findings of `alexnet doctor --json`, as it was saved in a file; and which source it looked at."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = [_finding(one) for one in document["findings"]]
        return found, str(document["source"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Problem(
            f"{path} is not what `alexnet doctor SOURCE --json > {path.name}` writes; make it so"
        ) from None


def _finding(one: Mapping[str, Any]) -> Finding:
    if one["severity"] not in ("error", "warning", "note"):
        raise ValueError(one["severity"])
    return Finding(
        str(one["kind"]), one["severity"], int(one["count"]),
        tuple(map(str, one["examples"])), str(one["why"]), str(one["advice"]),
    )  # fmt: skip


def _facts(packed: Packed) -> list[tuple[str, str]]:
    told = packed.description
    return [
        ("kept as", {"raw": "pixels, to the bit"}.get(packed.encoding, "JPEG files")),
        ("size", f"{packed.size} × {packed.size} pixels, fit {packed.fit}"),
        ("resized by", str(told.get("resize", "–"))),
        ("colours", "grey: three equal channels" if packed.grey else "red, green, blue"),
        ("held out for validation", f"{100 * float(told.get('val_fraction', 0)):g} %"),
    ]
