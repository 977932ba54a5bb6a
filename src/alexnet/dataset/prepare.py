"""From a source to a packed data set: decoded, fitted, appended in order, by threads, resumable.

[P] §2: the shorter side to 256, then the centre. The same command goes on where it was stopped and ends with
the same bytes as an undisturbed one; run again when all is done it returns at once. Nothing finished or half
finished is ever deleted for another source or other settings: that is refused.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alexnet.dataset.journal import Journal
from alexnet.dataset.manifest import read_skipped
from alexnet.dataset.packed import DESCRIPTION, PREPARING, open_packed
from alexnet.dataset.packing import Job, pack
from alexnet.dataset.plan import Plan, PrepareSettings, make_plan
from alexnet.dataset.pool import BATCH_BYTES, batches, in_order
from alexnet.dataset.sources import Source, open_source
from alexnet.dataset.statistics import Moments, add_all
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
            measured = _measured(packed / PREPARING, plan, journal, progress)
            _fill(journal, opened, plan, measured, settings=settings, progress=progress)
            finish(packed, plan, journal, measured)
    return _result(packed, settled, time.monotonic() - started)


def _result(packed: Path, settled: int, seconds: float) -> Prepared:
    opened = open_packed(packed)
    skipped = tuple(
        Skipped(source, reason)
        for split in opened.splits
        for source, reason in read_skipped(packed / f"{split}.parquet", opened.counts[split])
    )
    return Prepared(str(packed), opened.counts, len(opened.classes), skipped, seconds, settled / seconds)


def _measured(folder: Path, plan: Plan, journal: Journal, progress: Progress) -> Moments:
    """The sums over the training pictures that an earlier run has written: those of a new one are none."""
    measured = Moments(plan.size)
    if count := len(journal.lengths.get("train", ())):
        read = plan.store.chunks(folder / f"train{plan.store.working}", journal.edges("train"))
        add_all(measured, read, count, progress=progress)
    return measured


def _fill(
    journal: Journal,
    source: Source,
    plan: Plan,
    measured: Moments,
    *,
    settings: PrepareSettings,
    progress: Progress,
) -> None:
    """Append every picture that the journal does not have yet, and add the training ones to the sums."""
    _check_skipped(journal, plan, settings.max_skipped)
    most = min(_BATCH_IMAGES, max(1, BATCH_BYTES // (plan.size**2 * 3)))
    tasks = batches(_jobs(source, plan, journal.done), most=most, size=lambda job: job.entry.size or 0)
    work = partial(pack, size=plan.size, how=plan.fit, store=plan.store)
    with (
        progress("preparing", total=plan.total, done=journal.done) as advance,
        closing(in_order(work, tasks, workers=settings.workers)) as results,
    ):
        for records, images, part in results:
            journal.append(records, images)
            measured.add(part)
            _check_skipped(journal, plan, settings.max_skipped)
            advance(len(records), note=f"{len(journal.skipped)} skipped" if journal.skipped else None)


def _jobs(source: Source, plan: Plan, start: int) -> Iterator[Job]:
    for number, (entry, read) in enumerate(source.contents(start), start):
        if number >= plan.total:
            break
        yield Job(*plan.place(number, entry), entry, read)


def _check_skipped(journal: Journal, plan: Plan, most: float) -> None:
    skipped = len(journal.skipped)
    if skipped > most * plan.total:
        named = "; ".join(f"{source}: {reason}" for source, reason in journal.skipped[:3])
        raise Problem(
            f"{skipped} of {plan.total} pictures cannot be read, more than {most:.2%} ({named}): "
            "repair or remove them, which `alexnet doctor` lists, or allow more with --max-skipped"
        )
