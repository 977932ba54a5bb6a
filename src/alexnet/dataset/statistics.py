"""What a training split looks like on average: mean image, channels, and the main axes of its colours.

[P] §2 subtracts the mean image; §4.1 adds multiples of the principal components of the RGB pixel values.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alexnet.dataset.pool import in_order
from alexnet.dataset.writing import explained
from alexnet.files import written_whole
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

_IMAGES = 256  # so many pixels of 255 add up in sixteen bits: 256 * 255 < 65536
_BYTES = 16 << 20  # of images read at a time
_PIXELS = 1 << 16  # of one matrix product: few enough to stay in the cache as float64


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


@dataclass(frozen=True)
class Moments:
    """Exact sums over uint8 images [N, H, W, 3], from which every figure follows."""

    images: int
    sums: NDArray[np.int64]  # [H, W, 3], over the images
    products: tuple[tuple[int, ...], ...]  # 3 x 3: red times red, red times green, ... over all pixels

    @property
    def grey(self) -> bool:
        """Whether every pixel has three equal channels: then the squared differences add up to nothing."""
        (rr, rg, _), (_, gg, gb), (_, _, bb) = self.products
        return rr - 2 * rg + gg == 0 and gg - 2 * gb + bb == 0

    def statistics(self) -> Statistics:
        """Means, deviations and principal axes; the covariance is exact before its one division."""
        pixels = self.images * self.sums.shape[0] * self.sums.shape[1]
        totals = [int(total) for total in self.sums.sum(axis=(0, 1))]
        covariance = np.array(
            [
                [(pixels * self.products[i][j] - totals[i] * totals[j]) / pixels**2 for j in range(3)]
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


def moments(images: NDArray[np.uint8], progress: Progress = silent) -> Moments:
    """The sums of `measure`, by threads: exact, so no order or chunk size shows in them."""
    sums = np.zeros(images.shape[1:], np.int64)
    products = np.zeros((3, 3), np.int64)
    step = max(1, min(_IMAGES, _BYTES // sums.size))
    chunks = (images[start : start + step] for start in range(0, len(images), step))
    with progress("measuring", total=len(images)) as advance:
        for chunk_sums, chunk_products, count in in_order(_sums, chunks):
            sums += chunk_sums
            products += chunk_products
            advance(count)
    return Moments(len(images), sums, tuple(tuple(int(value) for value in row) for row in products))


def _sums(images: NDArray[np.uint8]) -> tuple[NDArray[np.uint16], NDArray[np.int64], int]:
    chunk = np.array(images)  # a copy: torch warns over a read-only map
    return np.add.reduce(chunk, axis=0, dtype=np.uint16), _products(chunk), len(chunk)


def _products(chunk: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Sums of products of channels [3, 3]; float64 holds those of one block of pixels exactly."""
    total = np.zeros((3, 3), np.int64)
    pixels = torch.from_numpy(chunk).reshape(-1, 3)
    for block in pixels.split(_PIXELS):
        wide = block.double()
        total += (wide.T @ wide).numpy().astype(np.int64)
    return total
