"""A few pictures from their sources' bytes to what a pack keeps of them: the work of one thread.

[P] §2: the shorter side to 256, then the centre.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alexnet.dataset.decode import Pixels, decode
from alexnet.dataset.journal import Record
from alexnet.dataset.resize import Fit, fit
from alexnet.dataset.sources import Content, Entry, Read
from alexnet.dataset.statistics import Part, part_of
from alexnet.dataset.store import Kept, Store
from alexnet.problem import Problem


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to be packed."""

    split: str
    label: int
    entry: Entry
    read: Read


def pack(
    jobs: Sequence[Job], size: int, how: Fit, *, store: Store
) -> tuple[list[Record], list[bytes | memoryview], Part]:
    """Records of all jobs, what is kept of those that could be read, and the sums over the training ones."""
    records: list[Record] = []
    images: list[bytes | memoryview] = []

    def training() -> Iterator[Pixels]:
        for job in jobs:
            record, kept = _packed(job, size, how, store)
            records.append(record)
            if kept is not None:
                images.append(kept.content)
                if job.split == "train":
                    yield kept.seen

    part = part_of(training(), size)  # each is measured while it is still in the processor's cache
    return records, images, part


def _packed(job: Job, size: int, how: Fit, store: Store) -> tuple[Record, Kept | None]:
    """What became of one picture, and what is kept of it."""
    split, label, name, digest = job.split, job.label, job.entry.name, None
    try:
        content = job.read()
        digest = _digest(content)
        picture = decode(content) if isinstance(content, bytes) else content
        fitted = fit(picture, size, how)
        unchanged = fitted is picture
        kept = store.keep(fitted, content if isinstance(content, bytes) and unchanged else None)
    except (Problem, OSError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return Record(split, label, name, digest, reason=reason), None
    height, width = picture.shape[:2]
    done = "unchanged" if unchanged else how
    return Record(split, label, name, digest, width, height, done, length=len(kept.content)), kept


def _digest(content: Content) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.tobytes()).hexdigest()
