"""What a preparation will do, settled from the listing alone, before any picture is read."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.classes import class_order, held_out
from alexnet.dataset.packed import ENCODINGS, NO_LABEL, Encoding
from alexnet.dataset.resize import FITS, Fit
from alexnet.dataset.sources import SPLITS, UNLABELLED, Entry, Source
from alexnet.dataset.store import Store, store
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent

LARGEST_SIZE = 4096
PICTURE_SIZE = 256
"""[P] §2; arrays (MNIST, CIFAR) keep their own size instead."""

VAL_FRACTION = 0.1
"""Held out of a source that has no splits of its own."""


@dataclass(frozen=True)
class PrepareSettings:
    """How to prepare; None takes what suits the source.

    `size` is the side in pixels (256, or the native size of arrays); `val_fraction` the share of each class
    that is held out of training for validation (0.1 where the source has no splits of its own, else 0);
    `max_skipped` the share of all pictures that may be unreadable; `workers` the threads.
    """

    size: int | None = None
    fit: Fit = "crop"
    encoding: Encoding = "raw"
    val_fraction: float | None = None
    max_skipped: float = 0.01
    workers: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a value that no preparation could have."""
        if self.size is not None and not 1 <= self.size <= LARGEST_SIZE:
            raise UsageProblem(f"size {self.size}: it may be 1 to {LARGEST_SIZE} pixels")
        if self.fit not in FITS:
            raise UsageProblem(f"fit {self.fit!r}: there are {', '.join(FITS)}")
        if self.encoding not in ENCODINGS:
            raise UsageProblem(f"encoding {self.encoding!r}: there are {', '.join(ENCODINGS)}")
        if self.val_fraction is not None and not 0 <= self.val_fraction < 1:
            raise UsageProblem(f"val_fraction {self.val_fraction}: it may be 0 to below 1")
        if not 0 <= self.max_skipped <= 1:
            raise UsageProblem(f"max_skipped {self.max_skipped}: it may be 0 to 1")
        if (self.workers is not None and self.workers < 1) or self.seed < 0:
            raise UsageProblem("workers must be at least 1, and the seed not below 0")


@dataclass(frozen=True)
class Plan:
    """Everything that decides the bytes of a pack, but for the pictures themselves."""

    identity: dict[str, Any]  # as JSON: two preparations are the same where this is
    size: int
    fit: Fit
    encoding: Encoding
    classes: tuple[str, ...]
    titles: dict[str, str]  # what classes are called, where the source knows it
    splits: tuple[str, ...]  # those that will have pictures
    total: int  # pictures listed
    _labels: dict[str, int]
    _drawn: NDArray[np.bool_]  # [total], held out for validation

    @property
    def store(self) -> Store:
        """How its pictures are kept."""
        return store(self.encoding, self.size)

    def place(self, number: int, entry: Entry) -> tuple[str, int]:
        """Split and label of the listing's entry `number`."""
        split = "val" if self._drawn[number] else entry.split or "train"
        return split, self._labels[entry.class_name]


def make_plan(source: Source, settings: PrepareSettings, *, progress: Progress = silent) -> Plan:
    """List the source once; one that cannot be trained on is a Problem."""
    (plan,) = make_plans(source, settings, [settings.size], progress=progress)
    return plan


def make_plans(
    source: Source,
    settings: PrepareSettings,
    sizes: Sequence[int | None],
    *,
    progress: Progress = silent,
) -> list[Plan]:
    """The same for packs of several sizes, from one listing; they differ in nothing but that."""
    listing = _list(source, progress)
    classes = _check_classes(listing.counts, source.name)
    own = {split for split, _ in listing.counts}
    fraction = _fraction(own, settings, source.name)
    labels = {name: label for label, name in enumerate(classes)} | {UNLABELLED: NO_LABEL}
    drawn = _drawn(listing, labels, fraction, settings.seed)
    if settings.val_fraction and not drawn.any():
        raise UsageProblem(
            f"val_fraction {fraction} of {source.name} is no picture of any class: ask for more"
        )
    present = {split or "train" for split in own} | ({"val"} if drawn.any() else set())
    titles = source.titles()
    one = Plan(
        {},
        0,
        settings.fit,
        settings.encoding,
        classes,
        {name: titles[name] for name in classes if name in titles},
        tuple(split for split in SPLITS if split in present),
        len(listing.trainable),
        labels,
        drawn,
    )
    identity = {
        "source": source.name,
        "listing": listing.digest,
        "fit": settings.fit,
        "encoding": settings.encoding,
        "val_fraction": fraction,
        "seed": settings.seed,
    }
    sides = [size or source.native_size or PICTURE_SIZE for size in sizes]
    return [replace(one, size=side, identity=identity | {"size": side}) for side in sides]


@dataclass(frozen=True)
class _Listing:
    counts: Counter[tuple[str | None, str]]  # by split and class
    seen: tuple[str, ...]  # classes by first sight
    trainable: NDArray[np.intc]  # [N]: number in `seen`, or -1 where the source itself holds the picture out
    digest: str


def _drawn(listing: _Listing, labels: dict[str, int], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which pictures of a listing are held out, [N]."""
    by_sight = np.array([*(labels[name] for name in listing.seen), -1], np.int32)
    return held_out(by_sight[listing.trainable], fraction, seed=seed)


def _list(source: Source, progress: Progress) -> _Listing:
    counts: Counter[tuple[str | None, str]] = Counter()
    seen: dict[str, int] = {}
    trainable = array("i")  # four bytes a picture
    digest = hashlib.sha256()
    with progress("listing", total=None) as advance:
        for entry in source.entries():
            counts[entry.split, entry.class_name] += 1
            number = seen.setdefault(entry.class_name, len(seen))
            trainable.append(number if entry.split in (None, "train") else -1)
            digest.update(f"{entry.name}\0{entry.split}\0{entry.class_name}\0{entry.size}\n".encode())
            if len(trainable) % 1000 == 0:
                advance(1000)
        advance(len(trainable) % 1000)
    return _Listing(counts, tuple(seen), np.array(trainable, np.intc), digest.hexdigest())


def _check_classes(counts: Counter[tuple[str | None, str]], name: str) -> tuple[str, ...]:
    """Class names in order: those of the training split, which must have all that the others have."""
    if not counts:
        raise Problem(f"{name} lists no pictures")
    if any(class_name == UNLABELLED and split != "test" for split, class_name in counts):
        raise Problem(
            f"{name} has pictures of no class outside its test split: there is nothing to learn from them; "
            "`alexnet predict` and `alexnet doctor --unlabelled` read them as they are"
        )
    trained = {class_name for split, class_name in counts if split in (None, "train")}
    if not trained:
        raise Problem(
            f"{name} has no training split, only {', '.join(sorted({str(split) for split, _ in counts}))}"
        )
    known = trained | {UNLABELLED}
    strange = sorted(f"{class_name} ({split})" for split, class_name in counts if class_name not in known)
    if strange:
        listed = ", ".join(strange[:10])
        more = f" and {len(strange) - 10} more" if len(strange) > 10 else ""
        raise Problem(
            f"{name} has classes that its training split lacks: {listed}{more}; rename or remove them"
        )
    if len(trained) == 1:
        raise Problem(
            f"{name} has one class alone, {trained.pop()}: give the folder that holds the class folders"
        )
    return class_order(trained)


def _fraction(own: set[str | None], settings: PrepareSettings, name: str) -> float:
    """The share to hold out, where `own` are the splits that the source has itself."""
    if settings.val_fraction is None:
        return VAL_FRACTION if own == {None} else 0.0
    if settings.val_fraction and "val" in own:
        raise UsageProblem(f"{name} has a validation split of its own: leave val_fraction away")
    return settings.val_fraction
