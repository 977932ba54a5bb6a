"""From a source to packs: decoded once, fitted, appended in order, by threads and ranks, resumable.

[P] §2: the shorter side to 256, then the centre. The same command goes on where it was stopped and ends with
the same bytes as an undisturbed one, however many threads or ranks had a part in it; run again when all is
done it returns at once. Nothing finished or half finished is ever deleted for another source or other
settings: that is refused.
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from alexnet.dataset.filling import Filling, Making, taken_up
from alexnet.dataset.manifest import count_skipped, read_skipped
from alexnet.dataset.packed import PREPARING, open_packed
from alexnet.dataset.parts import Share, finished, help_fill, lead_fill, wait_for
from alexnet.dataset.plan import Plan, PrepareSettings, make_plans
from alexnet.dataset.sources import Source, open_source
from alexnet.dataset.working import begin, claimed, discard, finish, room
from alexnet.parallel.world import world
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent

__all__ = ["PrepareSettings", "Prepared", "Skipped", "prepare", "prepare_sizes"]

_NAMED = 1000
"""Skipped pictures that are named in a result; the manifests have all of them."""


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
    skipped: tuple[Skipped, ...]  # the first thousand
    seconds: float
    images_per_second: float
    skips: int = 0  # in all
    bytes: int = field(default=0, compare=False)  # on the disk


def prepare(
    source: Source | str | Path,
    packed: str | Path,
    *,
    settings: PrepareSettings | None = None,
    progress: Progress = silent,
) -> Prepared:
    """Make the packed data set `packed` of a source, or finish it, or find it finished already.

    A picture that cannot be read is skipped and named; more than `settings.max_skipped` of all is a Problem,
    as is a folder that holds another pack or anything else, and a disk without room. Under `torchrun` every
    rank calls this alike, and each returns when the pack is there.
    """
    settings = settings or PrepareSettings()
    (result,) = _prepared(source, [Path(packed)], [settings.size], settings, progress)
    return result


def prepare_sizes(
    source: Source | str | Path,
    packed: str | Path,
    sizes: Sequence[int],
    *,
    settings: PrepareSettings | None = None,
    progress: Progress = silent,
) -> tuple[Prepared, ...]:
    """The same in several sizes at once: `PACKED-64`, `PACKED-256`, each as if it were made alone.

    Every picture is read and decoded once; `settings.size` is not looked at.
    """
    if not sizes or len(set(sizes)) < len(sizes):
        raise UsageProblem(f"sizes {', '.join(map(str, sizes))}: give each once, and one at least")
    for size in sizes:
        PrepareSettings(size=size)
    packed = Path(packed)
    folders = [packed.with_name(f"{packed.name}-{size}") for size in sizes]
    return tuple(_prepared(source, folders, sizes, settings or PrepareSettings(), progress))


def _prepared(
    source: Source | str | Path,
    folders: Sequence[Path],
    sizes: Sequence[int | None],
    settings: PrepareSettings,
    progress: Progress,
) -> list[Prepared]:
    started, here = time.monotonic(), world()
    progress = progress if here.is_first else silent
    opened = open_source(source) if isinstance(source, str | Path) else source
    packs = list(zip(folders, make_plans(opened, settings, sizes, progress=progress), strict=True))
    how = Filling(opened, settings.max_skipped, settings.workers, progress)
    if here.is_first:
        settled = _lead(packs, here.ranks, how)
    else:
        settled = [0] * len(packs)
        help_fill(packs, Share(here.rank, here.ranks), how)
        for packed, plan in packs:
            wait_for(packed, plan)
    seconds = time.monotonic() - started
    return [_result(packed, count, seconds) for packed, count in zip(folders, settled, strict=True)]


def _lead(packs: Sequence[tuple[Path, Plan]], ranks: int, how: Filling) -> list[int]:
    """Make the packs that are not there -> how many pictures this run has settled in each."""
    settled = []
    with ExitStack() as stack:
        makings: list[Making] = []
        for packed, plan in packs:
            stack.enter_context(claimed(packed))
            if finished(packed, plan):
                discard(packed / PREPARING)
                settled.append(0)
                continue
            others = _others(packs, packed) + (room(plan, 0) // ranks if ranks > 1 else 0)
            journal = begin(packed, plan, beside=others)
            settled.append(plan.total - journal.done)
            makings.append(taken_up(packed / PREPARING, plan, journal, progress=how.progress))
        lead_fill(makings, ranks, how._replace(note=_space(makings)))
        for making in makings:
            finish(making.folder.parent, making.plan, making.journal, making.measured)
    return settled


def _others(packs: Sequence[tuple[Path, Plan]], mine: Path) -> int:
    """Bytes that the packs before this one will take on the same disk."""
    before = packs[: [packed for packed, _ in packs].index(mine)]
    return sum(room(plan, 0) for packed, plan in before if not (packed / "dataset.json").exists())


def _space(makings: Sequence[Making]) -> str:
    """What is still to be written and what is free, for the bar."""
    if not makings:
        return ""
    needed = sum(room(making.plan, making.done) for making in makings)
    free = shutil.disk_usage(makings[0].folder).free
    return f"{needed / 1e9:,.2f} GB to write, {free / 1e9:,.2f} GB free"


def _result(packed: Path, settled: int, seconds: float) -> Prepared:
    opened = open_packed(packed)
    manifests = {split: packed / f"{split}.parquet" for split in opened.splits}
    named = (
        Skipped(source, reason)
        for split, manifest in manifests.items()
        for source, reason in read_skipped(manifest, opened.counts[split])
    )
    return Prepared(
        str(packed),
        opened.counts,
        len(opened.classes),
        tuple(islice(named, _NAMED)),
        seconds,
        settled / seconds,
        sum(count_skipped(manifest, opened.counts[split]) for split, manifest in manifests.items()),
        sum(path.stat().st_size for path in packed.iterdir()),
    )
