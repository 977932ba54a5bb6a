"""What is wrong with a source of pictures, found before anything else: it is read whole and never changed."""

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alexnet.dataset.examination.class_findings import class_findings, passed_over
from alexnet.dataset.examination.figures import Figures, measure
from alexnet.dataset.examination.findings import WHOLE
from alexnet.dataset.examination.report import Report, make_report
from alexnet.dataset.examination.rows import Rows, temporary_rows
from alexnet.dataset.examination.set_aside import write_list
from alexnet.dataset.examination.sight import Looked, look
from alexnet.dataset.examination.spotting import spot, to_findings
from alexnet.dataset.pool import batches, in_order
from alexnet.dataset.sources import SPLITS, Source
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["examine"]

_BATCH = 64
_REASONS = 1000  # different ones that are kept


def examine(
    source: Source,
    *,
    list_to: Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Read every picture of a source and report what is wrong; one that lists no pictures is a Problem.

    With `list_to` the pictures to set aside are written there, a line each: name, tab, reason.
    """
    with temporary_rows() as rows:
        seen = _read_all(source, rows, workers=workers, progress=progress)
        if not rows.count:
            raise Problem(f"{source.name} lists no pictures")
        with progress("comparing", total=1) as advance:
            spotted, aside = spot(rows)
            findings = [
                *to_findings(spotted, source, tuple(seen.reasons), rows.column("reason")),
                *class_findings(seen.counts),
                *passed_over(source.passed_over()),
            ]
            advance()
        if list_to is not None:
            write_list(list_to, aside.named(source.entries()))
        return make_report(
            _figures(source, seen, rows),
            seen.counts,
            findings,
            titles=source.titles(),
            to_set_aside=int((aside.reasons > 0).sum()),
        )


def _figures(source: Source, seen: "_Seen", rows: Rows) -> Figures:
    sizes = (rows.column("width"), rows.column("height"))
    total = int(rows.column("bytes").sum(dtype=np.uint64))
    return measure(source.name, seen.counts, sizes=sizes, native_size=source.native_size, content_bytes=total)


@dataclass
class _Seen:
    """What is kept of a source besides its rows: nothing that grows with the number of pictures."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)  # by first sight
    reasons: dict[str, int] = field(default_factory=dict)  # why pictures cannot be read, numbered

    def complete(self, looked: Looked) -> None:
        """Count a block's pictures by split and class, and fill in what the look left open."""
        for place, entry in enumerate(looked.entries):
            self.counts.setdefault(entry.split or WHOLE, Counter())[entry.class_name] += 1
            looked.rows[place]["label"] = self.labels.setdefault(entry.class_name, len(self.labels))
            looked.rows[place]["split"] = SPLITS.index(entry.split or "train")
            reason = looked.reasons.get(place)
            looked.rows[place]["reason"] = -1 if reason is None else self._number(reason)

    def _number(self, reason: str) -> int:
        if reason not in self.reasons and len(self.reasons) >= _REASONS:
            reason = "one of many other reasons"
        return self.reasons.setdefault(reason, len(self.reasons))


def _read_all(source: Source, rows: Rows, *, workers: int | None, progress: Progress) -> _Seen:
    seen = _Seen()
    with progress("listing", total=None) as advance:
        total = 0
        for _ in source.entries():
            total += 1
            if total % 1000 == 0:
                advance(1000)
        advance(total % 1000)
    tasks = batches(source.contents(), most=_BATCH, size=lambda item: item[0].size or 0)
    with (
        progress("examining", total=total) as advance,
        _quiet(),
        closing(in_order(look, tasks, workers=workers)) as results,
    ):
        for looked in results:
            seen.complete(looked)
            rows.append(looked.rows)
            advance(len(looked.rows))
    return seen


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of odd headers; what matters of it is a finding. To be set before any thread starts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
