"""A set of pictures in figures, beside MNIST, CIFAR-10 and ImageNet."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.examination.findings import WHOLE
from alexnet.dataset.plan import PICTURE_SIZE
from alexnet.dataset.sources import UNLABELLED

__all__ = ["KNOWN", "Figures", "measure"]


@dataclass(frozen=True)
class Figures:
    """How large a set is; sizes in pixels are means, None where they are not known or of no meaning."""

    name: str
    pictures: dict[str, int]  # by split
    classes: int
    smallest_class: int  # of training pictures
    largest_class: int
    width: float | None
    height: float | None
    bytes: int | None  # of all files, as they are
    packed_size: int  # the side in pixels to which `prepare` would bring them
    packed_bytes: int  # at that size, as raw pixels

    @property
    def total(self) -> int:
        """Pictures in all."""
        return sum(self.pictures.values())


def measure(
    name: str,
    counts: Mapping[str, Mapping[str, int]],
    *,
    sizes: tuple[NDArray[np.uint32], NDArray[np.uint32]],
    native_size: int | None,
    content_bytes: int | None = None,
) -> Figures:
    """The figures of pictures counted by split and class, of so many pixels across and down [N], 0 unread."""
    trained = counts.get("train", counts.get(WHOLE, {}))
    classes = [count for class_name, count in trained.items() if class_name != UNLABELLED]
    pictures = {split: sum(classes.values()) for split, classes in counts.items()}
    width, height = (_mean(side) for side in sizes)
    side = native_size or PICTURE_SIZE
    return Figures(
        name,
        pictures,
        len(classes),
        min(classes, default=0),
        max(classes, default=0),
        width,
        height,
        content_bytes,
        side,
        sum(pictures.values()) * side * side * 3,
    )


def _mean(side: NDArray[np.uint32]) -> float | None:
    known = int(np.count_nonzero(side))
    return int(side.sum(dtype=np.uint64)) / known if known else None


def _known(name: str, pictures: dict[str, int], classes: tuple[int, int, int], side: int | None) -> Figures:
    total = sum(pictures.values())
    packed = side or PICTURE_SIZE
    values = total * side * side if side else None
    channels = 1 if name == "MNIST" else 3
    return Figures(
        name,
        pictures,
        *classes,
        *(float(side) if side else None,) * 2,
        values * channels if values else None,
        packed,
        total * packed * packed * 3,
    )


KNOWN = (
    _known("MNIST", {"train": 60_000, "test": 10_000}, (10, 5_421, 6_742), 28),
    _known("CIFAR-10", {"train": 50_000, "test": 10_000}, (10, 5_000, 5_000), 32),
    # Russakovsky et al., IJCV 2015, table 2: 732 to 1300 training pictures a class
    _known("ILSVRC-2012", {"train": 1_281_167, "val": 50_000, "test": 100_000}, (1_000, 732, 1_300), None),
)
"""Counts as their makers give them."""
