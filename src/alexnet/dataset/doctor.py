"""What is wrong with a source of pictures, found before anything else: it is read whole and never changed.

An error would spoil a training or what is measured after it; a warning is worth a look.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from alexnet.dataset.classes import class_order
from alexnet.dataset.decode import decode
from alexnet.dataset.duplicates import Contents, Same, find_duplicates
from alexnet.dataset.findings import (
    EXAMPLES,
    WHOLE,
    Finding,
    class_findings,
    duplicate_findings,
    passed_over,
    unreadable,
)
from alexnet.dataset.pool import batches, in_order
from alexnet.dataset.sources import SPLITS, Entry, Read, Source
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["Finding", "Report", "examine"]

_BATCH = 64


@dataclass(frozen=True)
class Report:
    """Findings, errors first, and pictures by split and class (split "all" where the source has none)."""

    source: str
    pictures: int
    counts: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found that would spoil a training."""
        return all(finding.severity != "error" for finding in self.findings)


def examine(source: Source, *, workers: int | None = None, progress: Progress = silent) -> Report:
    """Read every picture of a source and report what is wrong; one that lists no pictures is a Problem."""
    seen = _read_all(source, workers, progress)
    if not seen.pictures:
        raise Problem(f"{source.name} lists no pictures")
    counts = {
        split: {name: seen.counts[split][name] for name in class_order(seen.counts[split])}
        for split in (WHOLE, *SPLITS)
        if split in seen.counts
    }
    findings = [
        *unreadable(seen.reasons, seen.unreadable, seen.pictures),
        *class_findings(counts),
        *_duplicates(seen.contents, source, seen.pictures),
        *passed_over(source.passed_over()),
    ]
    findings.sort(key=lambda finding: finding.severity != "error")
    return Report(source.name, seen.pictures, counts, tuple(findings))


@dataclass
class _Seen:
    pictures: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)  # by first sight
    contents: Contents = field(default_factory=Contents)
    unreadable: int = 0
    reasons: list[str] = field(default_factory=list)  # the first few

    def add(self, entry: Entry, digest: bytes | None, reason: str) -> None:
        self.counts.setdefault(entry.split or WHOLE, Counter())[entry.class_name] += 1
        label = self.labels.setdefault(entry.class_name, len(self.labels))
        if digest is None:
            self.unreadable += 1
            if len(self.reasons) < EXAMPLES:
                self.reasons.append(f"{entry.name}: {reason}")
        else:
            self.contents.add(digest, SPLITS.index(entry.split or "train"), label, self.pictures)
        self.pictures += 1


def _read_all(source: Source, workers: int | None, progress: Progress) -> _Seen:
    seen = _Seen()
    total = sum(1 for _ in source.entries())
    tasks = batches(source.contents(), most=_BATCH, size=lambda item: item[0].size or 0)
    with (
        progress("examining", total=total) as advance,
        closing(in_order(_look, tasks, workers=workers)) as results,
    ):
        for looked in results:
            for entry, digest, reason in looked:
                seen.add(entry, digest, reason)
            advance(len(looked))
    return seen


def _look(items: Sequence[tuple[Entry, Read]]) -> list[tuple[Entry, bytes | None, str]]:
    """SHA-256 of each content, or the reason why it is no picture."""
    looked: list[tuple[Entry, bytes | None, str]] = []
    for entry, read in items:
        try:
            content = read()
            encoded = content if isinstance(content, bytes) else content.tobytes()
            if isinstance(content, bytes):
                decode(content)
            looked.append((entry, hashlib.sha256(encoded).digest(), ""))
        except (Problem, OSError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            looked.append((entry, None, reason))
    return looked


def _duplicates(contents: Contents, source: Source, pictures: int) -> list[Finding]:
    """The three ways in which contents repeat; another listing gives the names of the few examples."""
    found = find_duplicates(contents, examples=EXAMPLES)
    kinds = {"duplicate": found.within, "leak": found.across, "two labels": found.two_labels}
    wanted = {number for same in kinds.values() for pair in same.pairs for number in pair}
    names = {}
    if wanted:
        names = {number: entry.name for number, entry in enumerate(source.entries()) if number in wanted}
    return [
        finding
        for kind, same in kinds.items()
        for finding in duplicate_findings(kind, same.count, _examples(same, names), pictures=pictures)
    ]


def _examples(same: Same, names: dict[int, str]) -> list[str]:
    return [f"{names[one]} = {names[other]}" for one, other in same.pairs]
