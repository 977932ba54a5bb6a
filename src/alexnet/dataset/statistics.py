"""What a training split looks like on average: mean image, channels, and the main axes of its colours.

[P] §2 subtracts the mean image; §4.1 adds multiples of the principal components of the RGB pixel values.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.pool import in_order
from alexnet.dataset.sums import add_image
from alexnet.dataset.writing import explained
from alexnet.files import written_whole
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

_IMAGES = 256  # so many pixels of 255 add up in sixteen bits: 256 * 255 < 65536
_BYTES = 16 << 20  # of images read at a time


@dataclass(frozen=True)
class Statistics:
    """Of the training split; everything in pixels 0..255 (the eigenvalues in their square).

    The columns of `colour_vectors` are the unit eigenvectors of the covariance of RGB pixels, the one of the
    largest eigenvalue first; the largest component of each is positive.
    """

    mean_image: NDArray[np.float32]  # [H, W, 3]
    channel_means: NDArray[np.float64]  # [3]
    channel_deviations: NDArray[np.float64]  # [3]
    colour_eigenvalues: NDArray[np.float64]  # [3], descending
    colour_vectors: NDArray[np.float64]  # [3, 3], columns

    def save(self, path: Path) -> None:
        """Write an .npz that NumPy reads without pickle, the same bytes for the same figures."""
        with explained(path), written_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Statistics":
        """Read what `save` wrote; a damaged file is a Problem."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except Exception as error:  # a damaged zip raises whatever its broken part leads to
            raise Problem(f"{path} is damaged or missing: prepare the data set again") from error


class Part(NamedTuple):
    """Sums over some images: a few of them in sixteen bits, to be passed between threads."""

    images: int
    sums: NDArray[np.integer]  # [H, W, 3]; uint16 of at most 256 images
    products: NDArray[np.int64]  # [3, 3]


class Moments:
    """Exact sums over uint8 images [N, size, size, 3], from which every figure follows.

    `sums` [size, size, 3] are over the images, `products` [3, 3] over all pixels: red times red, red times
    green, and so on.
    """

    def __init__(self, size: int) -> None:
        self.images = 0
        self.sums = np.zeros((size, size, 3), np.int64)
        self.products = np.zeros((3, 3), np.int64)

    def add(self, part: Part) -> None:
        """Add the sums over more images; the order of parts does not show."""
        self.images += part.images
        self.sums += part.sums
        self.products += part.products

    @property
    def grey(self) -> bool:
        """Whether every pixel has three equal channels: then the squared differences add up to nothing."""
        (rr, rg, _), (_, gg, gb), (_, _, bb) = self.products.tolist()
        return rr - 2 * rg + gg == 0 and gg - 2 * gb + bb == 0

    def save(self, path: Path) -> None:
        """Write the sums, for another process to add to its own."""
        with explained(path), written_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, images=self.images, sums=self.sums, products=self.products)

    @staticmethod
    def load(path: Path) -> Part:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return Part(int(arrays["images"]), arrays["sums"], arrays["products"])

    def statistics(self) -> Statistics:
        """Means, deviations and principal axes; the covariance is exact before its one division."""
        pixels = self.images * self.sums.shape[0] * self.sums.shape[1]
        totals, products = self.sums.sum(axis=(0, 1)).tolist(), self.products.tolist()
        covariance = np.array(
            [
                [(pixels * products[i][j] - totals[i] * totals[j]) / pixels**2 for j in range(3)]
                for i in range(3)
            ]
        )
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
        largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(3)]
        return Statistics(
            mean_image=(self.sums / self.images).astype(np.float32),
            channel_means=np.array([total / pixels for total in totals], np.float64),
            channel_deviations=np.sqrt(covariance.diagonal()),
            colour_eigenvalues=values,
            colour_vectors=vectors * np.sign(largest),
        )


def measure(images: NDArray[np.uint8]) -> Statistics:
    """Statistics of uint8 images [N, H, W, 3], N at least 1: read once, in order, a few at a time.

    >>> measure(np.full((2, 4, 4, 3), 7, np.uint8)).channel_means.tolist()
    [7.0, 7.0, 7.0]
    """
    return moments(images).statistics()


def moments(images: NDArray[np.uint8]) -> Moments:
    """The sums of `measure`."""
    found = Moments(images.shape[1])
    add_all(found, lambda first, last: images[first:last], len(images))
    return found


def add_all(
    found: Moments,
    read: Callable[[int, int], NDArray[np.uint8]],
    count: int,
    *,
    progress: Progress = silent,
) -> None:
    """Add `count` images to the sums, a few of them, `read(first, last)`, at a time and by threads."""
    step = max(1, min(_IMAGES, _BYTES // found.sums.size))
    chunks = ((first, min(first + step, count)) for first in range(0, count, step))
    with progress("measuring", total=count) as advance:
        for part in in_order(lambda chunk: part_of(read(*chunk), len(found.sums)), chunks):
            found.add(part)
            advance(part.images)


def part_of(images: Iterable[NDArray[np.uint8]], size: int) -> Part:
    """The sums over at most 256 images [size, size, 3] in this thread, each while it is in the cache."""
    sums = PartSums(size)
    for image in images:
        sums.add(image)
    return sums.part()


class PartSums:
    """Adds up at most 256 images uint8 [size, size, 3], one after the other."""

    def __init__(self, size: int) -> None:
        self._count = 0
        self._sums = np.zeros((size, size, 3), np.uint16)
        self._products = np.zeros((3, 3), np.int64)

    def add(self, image: NDArray[np.uint8]) -> None:
        """Add one."""
        add_image(image, self._sums, self._products)
        self._count += 1

    def part(self) -> Part:
        """The sums over all of them."""
        return Part(self._count, self._sums, self._products)
