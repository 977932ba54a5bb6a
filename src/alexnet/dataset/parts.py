"""A preparation over several ranks: each fills a part of the listing, the first joins them in order.

Rank r of n has the r-th of n neighbouring parts of the listing; the first rank's grows in `PACKED/preparing/`
itself, the others' in `PACKED/preparing/part-R-of-N/`. A part is finished when its `moments.npz` is there, a
pack when its `dataset.json` is: ranks know of each other by these files alone, so that any of them may be
killed at any moment. The joined journal is the one that a single process would have written.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from alexnet.dataset.filling import Filling, Making, check_skipped, fill, measure_from, taken_up
from alexnet.dataset.journal import Journal, Record
from alexnet.dataset.packed import DESCRIPTION, PREPARING, open_packed
from alexnet.dataset.plan import Plan
from alexnet.dataset.statistics import Moments
from alexnet.dataset.working import check_same, discard, locked, made_by, open_journal, read_plan
from alexnet.dataset.writing import explained
from alexnet.parallel.world import part

__all__ = ["finished", "help_fill", "lead_fill", "wait_for"]

_MOMENTS = "moments.npz"
_NAME = re.compile(r"part-(\d+)-of-(\d+)$")
_TOGETHER = 1 << 25  # bytes that are copied at a time
_LOOK = 0.1  # seconds between two looks for a file


class Share(NamedTuple):
    """Which rank this is, of how many."""

    rank: int
    ranks: int


def finished(packed: Path, plan: Plan) -> bool:
    """Whether the pack is there; one of other pictures or settings is a Problem."""
    if not (packed / DESCRIPTION).exists():
        return False
    check_same(open_packed(packed).description, plan.identity, f"{packed} was prepared")
    return True


def wait_for(packed: Path, plan: Plan) -> None:
    """Wait until another rank has finished the pack."""
    while not finished(packed, plan):
        time.sleep(_LOOK)


def help_fill(packs: Sequence[tuple[Path, Plan]], here: Share, how: Filling) -> None:
    """Fill this rank's part of every pack that needs it, once the first rank has begun them."""
    with ExitStack() as stack:
        makings = []
        for packed, plan in packs:
            if _wanted(packed, plan, here):
                folder = _folder(packed, here)
                with explained(folder):
                    folder.mkdir(exist_ok=True)
                stack.enter_context(locked(folder))
                journal, first = open_journal(folder, plan), part(plan.total, *here).start
                makings.append(taken_up(folder, plan, journal, progress=how.progress, first=first))
        if makings:
            fill(makings, part(makings[0].plan.total, *here).stop, how)
        for making in makings:
            making.journal.flush()
            making.measured.save(making.folder / _MOMENTS)


def _wanted(packed: Path, plan: Plan, here: Share) -> bool:
    """Wait until the pack is begun -> whether this rank's part of it is still to be filled."""
    while read_plan(packed) != made_by(plan):
        if finished(packed, plan):
            return False
        time.sleep(_LOOK)
    journal = packed / PREPARING / "journal.jsonl"
    settled = _lines(journal) if journal.exists() else 0
    return settled < part(plan.total, *here).stop and not (_folder(packed, here) / _MOMENTS).exists()


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _folder(packed: Path, here: Share) -> Path:
    return packed / PREPARING / f"part-{here.rank}-of-{here.ranks}"


def lead_fill(makings: Sequence[Making], ranks: int, how: Filling) -> None:
    """Fill the first part, and join the other ranks' as they are finished; all pictures are settled then.

    Parts that another number of ranks has left are taken over as far as they join on.
    """
    total = makings[0].plan.total if makings else 0
    stop = part(total, 0, ranks).stop
    for making in makings:
        for folder, start in _left_over(making, ranks):
            if making.done <= start < stop:
                fill([making], start, how)
            with locked(folder):
                _join(making, folder, start, how)
            discard(folder)
    fill(makings, stop, how)
    for rank in range(1, ranks):
        mine = part(total, rank, ranks)
        for making in makings:
            _join_finished(making, making.folder / f"part-{rank}-of-{ranks}", mine, how)
        fill(makings, mine.stop, how)  # as a rule nothing is missing


def _left_over(making: Making, ranks: int) -> list[tuple[Path, int]]:
    """Parts of other numbers of ranks in the order of their starts; one that would leave a gap is no use."""
    found = []
    for folder in making.folder.glob("part-*-of-*"):
        if (name := _NAME.match(folder.name)) and int(name[2]) != ranks:
            found.append((folder, part(making.plan.total, int(name[1]), int(name[2])).start))
    return sorted(found, key=lambda one: one[1])


def _join_finished(making: Making, folder: Path, mine: slice, how: Filling) -> None:
    """Wait for a part, unless its pictures are there already, and join it; its end is left to be seen."""
    if making.done >= mine.stop:
        return
    while not (folder / _MOMENTS).exists():
        time.sleep(_LOOK)
    _join(making, folder, mine.start, how)
    making.journal.flush()
    for path in folder.iterdir():
        if path.name != _MOMENTS:
            path.unlink()


def _join(making: Making, folder: Path, start: int, how: Filling) -> None:
    """Append a part's pictures, which begin at number `start`, from the first that is lacking on."""
    journal = open_journal(folder, making.plan)
    skip, before = making.done - start, len(making.journal.lengths.get("train", ()))
    if not 0 <= skip < journal.done:
        return
    with how.progress("joining", total=journal.done, done=skip) as advance:
        for records, images in _copied(journal, making.plan, folder, skip):
            making.journal.append(records, images)
            check_skipped(making, how.max_skipped)
            advance(len(records))
    if not skip and (folder / _MOMENTS).exists():
        making.measured.add(Moments.load(folder / _MOMENTS))
    else:
        measure_from(making, before, how.progress)


def _copied(
    journal: Journal, plan: Plan, folder: Path, skip: int
) -> Iterator[tuple[list[Record], list[bytes]]]:
    """Records and kept bytes of a part beyond the first `skip`, some megabytes at a time."""
    records: list[Record] = []
    images: list[bytes] = []
    held = 0
    with ExitStack() as stack:
        files = {
            split: stack.enter_context((folder / f"{split}{plan.store.working}").open("rb"))
            for split in plan.splits
        }
        for file in files.values():
            file.seek(len(plan.store.start))
        for number, record in enumerate(journal.records()):
            content = files[record.split].read(record.length or 0)
            if number < skip:
                continue
            records.append(record)
            if record.reason is None:
                images.append(content)
            held += len(content) + 1000
            if held >= _TOGETHER:
                yield records, images
                records, images, held = [], [], 0
    if records:
        yield records, images
