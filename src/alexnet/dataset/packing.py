"""A few pictures from their sources' bytes to what packs keep of them: the work of one thread.

[P] §2: the shorter side to 256, then the centre. A picture is decoded once, for packs of however many sizes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from alexnet.dataset.decode import Pixels, decode
from alexnet.dataset.journal import Record
from alexnet.dataset.resize import Fit, fit
from alexnet.dataset.sources import Content, Entry, Read
from alexnet.dataset.statistics import Part, PartSums
from alexnet.dataset.store import Store
from alexnet.problem import Problem


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to be packed: its number in the listing, and where it belongs."""

    number: int
    split: str
    label: int
    entry: Entry
    read: Read


class Target(NamedTuple):
    """One pack that pictures go to, from number `start` of the listing on: it has those before."""

    size: int
    how: Fit
    store: Store
    start: int = 0


class Packing(NamedTuple):
    """For one pack: records of all jobs, what is kept of the readable ones, the training ones' sums."""

    records: list[Record]
    images: list[bytes | memoryview]
    part: Part


def pack(jobs: Sequence[Job], targets: Sequence[Target]) -> list[Packing]:
    """What each target keeps of the pictures, each decoded once."""
    growing = [_Growing(target, PartSums(target.size)) for target in targets]
    for job in jobs:
        wanting = [one for one in growing if job.number >= one.target.start]
        if wanting:
            found = _found(job)
            for one in wanting:
                one.take(job, found)
    return [Packing(one.records, one.images, one.sums.part()) for one in growing]


class _Found(NamedTuple):
    """A picture as it was read; without pixels there is a reason."""

    content: Content | None = None
    digest: str | None = None
    pixels: Pixels | None = None
    reason: str | None = None


def _found(job: Job) -> _Found:
    content: Content | None = None
    digest = None
    try:
        content = job.read()
        digest = _digest(content)
        return _Found(content, digest, decode(content) if isinstance(content, bytes) else content)
    except (Problem, OSError) as error:
        return _Found(content, digest, reason=_reason(error))


@dataclass
class _Growing:
    """What one target has been given so far."""

    target: Target
    sums: PartSums
    records: list[Record] = field(default_factory=list)
    images: list[bytes | memoryview] = field(default_factory=list)

    def take(self, job: Job, found: _Found) -> None:
        """Fit a picture and keep it, measured while it is still in the processor's cache; or say why not."""
        size, how, store, _ = self.target
        split, label, name, digest = job.split, job.label, job.entry.name, found.digest
        if found.pixels is None:
            self.records.append(Record(split, label, name, digest, reason=found.reason))
            return
        try:
            fitted = fit(found.pixels, size, how)
            unchanged = fitted is found.pixels
            same = found.content if isinstance(found.content, bytes) and unchanged else None
            kept = store.keep(fitted, same)
        except (Problem, OSError) as error:
            self.records.append(Record(split, label, name, digest, reason=_reason(error)))
            return
        height, width = found.pixels.shape[:2]
        packed = digest if kept.content is same else hashlib.sha256(kept.content).hexdigest()
        done, length = "unchanged" if unchanged else how, len(kept.content)
        self.records.append(
            Record(split, label, name, digest, width, height, done, length=length, packed=packed)
        )
        self.images.append(kept.content)
        if split == "train":
            self.sums.add(kept.seen)


def _reason(error: Problem | OSError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _digest(content: Content) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).hexdigest()
