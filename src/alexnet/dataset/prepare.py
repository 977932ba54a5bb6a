"""From a source to a packed data set: decoded, fitted, appended in order, by threads, resumable.

[P] §2: the shorter side to 256, then the centre. The same command goes on where it was stopped and ends with
the same bytes as an undisturbed one; run again when all is done it returns at once. Nothing finished or half
finished is ever deleted for another source or other settings: that is refused.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.decode import decode
from alexnet.dataset.journal import Journal, Record
from alexnet.dataset.manifest import read_skipped
from alexnet.dataset.packed import DESCRIPTION, PREPARING, open_packed
from alexnet.dataset.plan import Plan, PrepareSettings, make_plan
from alexnet.dataset.pool import BATCH_BYTES, batches, in_order
from alexnet.dataset.resize import Fit, fit
from alexnet.dataset.sources import Entry, Read, Source, open_source
from alexnet.dataset.working import begin, check_same, claimed, discard, finish
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["PrepareSettings", "Prepared", "Skipped", "prepare"]

_BATCH_IMAGES = 128


@dataclass(frozen=True)
class Skipped:
    """A picture that could not be read."""

    source: str
    reason: str


@dataclass(frozen=True)
class Prepared:
    """A finished pack; time and rate are those of this run, not of earlier ones that it went on from."""

    packed: str
    splits: dict[str, int]  # images
    classes: int
    skipped: tuple[Skipped, ...]
    seconds: float
    images_per_second: float


def prepare(
    source: Source | str | Path,
    packed: str | Path,
    *,
    settings: PrepareSettings | None = None,
    progress: Progress = silent,
) -> Prepared:
    """Make the packed data set `packed` of a source, or finish it, or find it finished already.

    A picture that cannot be read is skipped and named; more than `settings.max_skipped` of all is a Problem,
    as is a folder that holds another pack or anything else, and a disk without room.
    """
    started, packed, settings = time.monotonic(), Path(packed), settings or PrepareSettings()
    opened = open_source(source) if isinstance(source, str | Path) else source
    plan = make_plan(opened, settings, progress=progress)
    settled = 0
    with claimed(packed):
        if (packed / DESCRIPTION).exists():
            check_same(open_packed(packed).description, plan.identity, f"{packed} was prepared")
            discard(packed / PREPARING)
        else:
            journal = begin(packed, plan)
            settled = plan.total - journal.done
            _fill(journal, opened, plan, settings=settings, progress=progress)
            finish(packed, plan, journal, progress=progress)
    return _result(packed, settled, time.monotonic() - started)


def _result(packed: Path, settled: int, seconds: float) -> Prepared:
    pack = open_packed(packed)
    skipped = tuple(
        Skipped(source, reason)
        for split in pack.splits
        for source, reason in read_skipped(packed / f"{split}.parquet", pack.counts[split])
    )
    return Prepared(str(packed), pack.counts, len(pack.classes), skipped, seconds, settled / seconds)


@dataclass(frozen=True, slots=True)
class _Job:
    split: str
    label: int
    entry: Entry
    read: Read


def _fill(
    journal: Journal, source: Source, plan: Plan, *, settings: PrepareSettings, progress: Progress
) -> None:
    """Append every picture that the journal does not have yet."""
    _check_skipped(journal, plan, settings.max_skipped)
    most = min(_BATCH_IMAGES, max(1, BATCH_BYTES // (plan.size**2 * 3)))
    tasks = batches(_jobs(source, plan, journal.done), most=most, size=lambda job: job.entry.size or 0)
    work = partial(_pack, size=plan.size, how=plan.fit)
    with (
        progress("preparing", total=plan.total, done=journal.done) as advance,
        closing(in_order(work, tasks, workers=settings.workers)) as results,
    ):
        for records, pixels in results:
            journal.append(records, pixels)
            _check_skipped(journal, plan, settings.max_skipped)
            advance(len(records), note=f"{len(journal.skipped)} skipped" if journal.skipped else None)


def _jobs(source: Source, plan: Plan, start: int) -> Iterator[_Job]:
    for number, (entry, read) in enumerate(source.contents(start), start):
        if number >= plan.total:
            break
        yield _Job(*plan.place(number, entry), entry, read)


def _pack(jobs: list[_Job], size: int, how: Fit) -> tuple[list[Record], NDArray[np.uint8]]:
    """Records of all jobs, and the pixels [N, size, size, 3] of those N that could be read."""
    pixels = np.empty((len(jobs), size, size, 3), np.uint8)
    records: list[Record] = []
    good = 0
    for job in jobs:
        digest = None
        try:
            content = job.read()
            digest = hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).hexdigest()
            picture = decode(content) if isinstance(content, bytes) else content
            pixels[good] = fit(picture, size, how)
        except (Problem, OSError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            records.append(Record(job.split, job.label, job.entry.name, digest, reason=reason))
        else:
            height, width = picture.shape[:2]
            done = "unchanged" if height == width == size else how
            records.append(Record(job.split, job.label, job.entry.name, digest, width, height, done))
            good += 1
    return records, pixels[:good]


def _check_skipped(journal: Journal, plan: Plan, most: float) -> None:
    skipped = len(journal.skipped)
    if skipped > most * plan.total:
        named = "; ".join(f"{source}: {reason}" for source, reason in journal.skipped[:3])
        raise Problem(
            f"{skipped} of {plan.total} pictures cannot be read, more than {most:.2%} ({named}): "
            "repair or remove them, which `alexnet doctor` lists, or allow more with --max-skipped"
        )
