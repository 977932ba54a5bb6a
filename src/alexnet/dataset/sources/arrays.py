"""Sources whose pictures are arrays of one size: they come in blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.sources.entry import Entry, PassedOver, Read


@dataclass(frozen=True)
class Block:
    """Images uint8 [N, H, W, 3] or grey [N, H, W] of one file, their labels, the first one's number."""

    file: str
    split: str | None
    first: int
    labels: NDArray[np.int64]
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Arrays:
    """A source of pixels; `blocks` reads them anew at each call, in a fixed order."""

    name: str
    native_size: int | None
    class_names: tuple[str, ...]
    blocks: Callable[[], Iterator[Block]]

    def entries(self) -> Iterator[Entry]:
        """All entries, named by file and number."""
        for block in self.blocks():
            yield from self._entries(block)

    def _entries(self, block: Block) -> Iterator[Entry]:
        for number, label in enumerate(block.labels.tolist(), start=block.first):
            yield Entry(f"{block.file}#{number}", block.split, self.class_names[label])

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        """Entries from number `start` on, each with its pixels uint8 [H, W, 3]."""
        number = 0
        for block in self.blocks():
            for entry, image in zip(self._entries(block), block.images, strict=True):
                if number >= start:
                    yield entry, _pixels(image)
                number += 1

    def titles(self) -> dict[str, str]:
        """None: the classes have their names already."""
        return {}

    def passed_over(self) -> PassedOver:
        """Nothing: an array file holds nothing else."""
        return PassedOver()


def _pixels(image: NDArray[np.uint8]) -> Read:
    return lambda: image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
