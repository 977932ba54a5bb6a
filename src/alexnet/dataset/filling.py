"""Packs in the making: pictures are decoded once and appended, in order, to every pack that lacks them."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from alexnet.dataset.journal import Journal
from alexnet.dataset.packing import Job, Target, pack
from alexnet.dataset.plan import Plan
from alexnet.dataset.pool import BATCH_BYTES, batches, in_order
from alexnet.dataset.sources import Source
from alexnet.dataset.statistics import Moments, add_all
from alexnet.problem import Problem
from alexnet.progress import Progress

__all__ = ["Filling", "Making", "check_skipped", "fill", "measure_from", "taken_up"]

_BATCH_IMAGES = 128


@dataclass(frozen=True)
class Making:
    """A pack in the making, or one rank's part of it: from picture `first` of the listing on."""

    folder: Path  # where its files grow
    plan: Plan
    journal: Journal
    measured: Moments  # over its training pictures
    first: int = 0

    @property
    def done(self) -> int:
        """The number of the next picture that it lacks."""
        return self.first + self.journal.done


class Filling(NamedTuple):
    """What holds for all that is filled: where pictures come from, how many may fail, how, who listens."""

    source: Source
    max_skipped: float
    workers: int | None
    progress: Progress
    note: str = ""  # beside the bar


def taken_up(folder: Path, plan: Plan, journal: Journal, *, progress: Progress, first: int = 0) -> Making:
    """A pack in the making at its start or where it stopped: what is there is measured again."""
    making = Making(folder, plan, journal, Moments(plan.size), first)
    measure_from(making, 0, progress)
    return making


def measure_from(making: Making, start: int, progress: Progress) -> None:
    """Add the training pictures from number `start` of those written on to the sums."""
    count = len(making.journal.lengths.get("train", ())) - start
    if count > 0:
        store = making.plan.store
        read = store.chunks(making.folder / f"train{store.working}", making.journal.edges("train"))
        add_all(making.measured, lambda a, b: read(start + a, start + b), count, progress=progress)


def fill(makings: Sequence[Making], until: int, how: Filling) -> None:
    """Append every picture before number `until` that a pack lacks, and add the training ones to its sums."""
    for making in makings:
        check_skipped(making, how.max_skipped)
    start = min((making.done for making in makings), default=until)
    if start >= until:
        return
    plan = makings[0].plan  # they differ in size alone
    targets = [Target(one.plan.size, one.plan.fit, one.plan.store, one.done) for one in makings]
    bytes_each = sum(target.size**2 * 3 for target in targets)
    most = min(_BATCH_IMAGES, max(1, BATCH_BYTES // bytes_each))
    tasks = batches(_jobs(how.source, plan, start, until), most=most, size=lambda job: job.entry.size or 0)
    first = min(making.first for making in makings)
    with (
        how.progress("preparing", total=until - first, done=start - first) as advance,
        closing(in_order(partial(pack, targets=targets), tasks, workers=how.workers)) as results,
    ):
        for packings in results:
            for making, packing in zip(makings, packings, strict=True):
                making.journal.append(packing.records, packing.images)
                making.measured.add(packing.part)
                check_skipped(making, how.max_skipped)
            skips = makings[0].journal.skips
            note = f"{skips} skipped; {how.note}" if skips else how.note
            advance(max(len(one.records) for one in packings), note=note)


def _jobs(source: Source, plan: Plan, start: int, until: int) -> Iterator[Job]:
    for number, (entry, read) in enumerate(source.contents(start), start):
        if number >= until:
            break
        yield Job(number, *plan.place(number, entry), entry, read)


def check_skipped(making: Making, most: float) -> None:
    """More unreadable pictures than the share `most` of all are a Problem."""
    skips, total = making.journal.skips, making.plan.total
    if skips > most * total:
        named = "; ".join(f"{source}: {reason}" for source, reason in making.journal.skipped[:3])
        raise Problem(
            f"{skips} of {total} pictures cannot be read, more than {most:.2%} ({named}): "
            "repair or remove them, which `alexnet doctor` lists, or allow more with --max-skipped"
        )
