"""Sets that come as arrays in formats of their own, each described by its makers where it is read.

Every reader is given the folder of a set's files.
"""

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.sources.archives import Archive
from alexnet.dataset.sources.arrays import Arrays, Block
from alexnet.dataset.sources.entry import Source
from alexnet.dataset.sources.files import Files, read_file, whole
from alexnet.dataset.sources.idx import is_idx, open_idx, picture_blocks
from alexnet.dataset.sources.known_tables import members
from alexnet.dataset.sources.zips import ZipArchive
from alexnet.problem import Problem

__all__ = ["handwritten", "house_numbers", "letters", "objects", "postcodes", "rescanned"]

_TEN = tuple(digits)
_IMAGES = 1000  # in a block
_MERGED = "cijklmopsuvwxyz"  # letters whose two cases look alike
_DISTINCT = "".join(letter for letter in ascii_lowercase if letter not in _MERGED)

EMNIST_CLASSES = {
    "byclass": tuple(digits + ascii_uppercase + ascii_lowercase),
    "bymerge": tuple(digits + ascii_uppercase + _DISTINCT),
    "balanced": tuple(digits + ascii_uppercase + _DISTINCT),
    "letters": ("none", *ascii_lowercase),  # its labels begin with 1
    "digits": _TEN,
    "mnist": _TEN,
}
"""The names of EMNIST's labels, by kind (Cohen et al. 2017, table II)."""


def letters(kind: str) -> Callable[[Path], Source]:
    """EMNIST: IDX files in a zip, all kinds in one, the pictures turned over their diagonal."""

    def opened(folder: Path) -> Source:
        files: Files = ZipArchive(folder / "gzip.zip")
        paths = [member.path for member, _ in files.walk() if f"emnist-{kind}-" in member.path]
        as_kept = open_idx(files, [path for path in paths if is_idx(path)])

        def blocks() -> Iterator[Block]:
            return (replace(block, images=block.images.transpose(0, 2, 1)) for block in as_kept.blocks())

        return replace(as_kept, class_names=EMNIST_CLASSES[kind], blocks=blocks)

    return opened


def rescanned(folder: Path) -> Source:
    """QMNIST: IDX files, whose labels are rows of eight integers, the first of them the digit."""

    def blocks() -> Iterator[Block]:
        for split in ("train", "test"):
            name = f"qmnist-{split}-images-idx3-ubyte.gz"
            labels = _integers(folder / f"qmnist-{split}-labels-idx2-int.gz")
            yield from picture_blocks(read_file(folder / name), name, split, labels)

    return Arrays("QMNIST", 28, _TEN, blocks)


def _integers(path: Path) -> NDArray[np.int64]:
    """The first of the eight integers of each row."""
    try:
        content = gzip.decompress(path.read_bytes())
        rows = np.frombuffer(content, ">i4", offset=12).reshape(-1, 8)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise Problem(f"cannot read {path}: {error}; fetch it again") from error
    return rows[:, 0].astype(np.int64)


def postcodes(folder: Path) -> Source:
    """USPS: a line a picture, `label 1:value … 256:value`, labels from 1, values from -1 to 1."""

    def blocks() -> Iterator[Block]:
        for split, name in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
            rows = [line.split() for line in _text(folder / name)]
            values = np.array([[pair.partition(":")[2] for pair in row[1:]] for row in rows], np.float32)
            labels = np.array([int(row[0]) - 1 for row in rows], np.int64)
            yield Block(name, split, 0, labels, _square((values + 1) / 2 * 255))

    return Arrays("USPS", 16, _TEN, blocks)


def _text(path: Path) -> list[str]:
    try:
        return bz2.decompress(path.read_bytes()).decode("ascii").splitlines()
    except (OSError, ValueError) as error:
        raise Problem(f"cannot read {path}: {error}; fetch it again") from error


def handwritten(folder: Path) -> Source:
    """Semeion: a line a picture, 256 values of 0 or 1, then ten that mark the digit."""

    def blocks() -> Iterator[Block]:
        values = np.loadtxt(folder / "semeion.data", np.float32, ndmin=2)
        labels = values[:, 256:].argmax(axis=1).astype(np.int64)
        yield Block("semeion.data", None, 0, labels, _square(values[:, :256] * 255))

    return Arrays("SEMEION", 16, _TEN, blocks)


def _square(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return values.astype(np.uint8).reshape(-1, 16, 16)


def house_numbers(folder: Path) -> Source:
    """SVHN's single digits: MATLAB files, X [32, 32, 3, N] and y, where 10 stands for 0."""
    from scipy.io import loadmat

    def blocks() -> Iterator[Block]:
        for split in ("train", "test"):
            name = f"{split}_32x32.mat"
            found = loadmat(folder / name)
            labels = found["y"].ravel().astype(np.int64) % 10
            yield from _blocks(name, split, labels, found["X"].transpose(3, 0, 1, 2))

    return Arrays("SVHN", 32, _TEN, blocks)


def objects(folder: Path) -> Source:
    """STL-10: pixels column by column, a channel after the other; labels from 1; its names in a text."""
    files = Archive(folder / "stl10_binary.tar.gz")
    paths = {split: f"stl10_binary/{split}_y.bin" for split in ("train", "test")}
    read = members(files, "stl10_binary/class_names.txt", *paths.values())
    names = tuple(read["stl10_binary/class_names.txt"].decode().split())
    labels = {
        split: np.frombuffer(read[path], np.uint8).astype(np.int64) - 1 for split, path in paths.items()
    }

    def blocks() -> Iterator[Block]:
        for member, content in files.walk():
            split = member.path.removeprefix("stl10_binary/").removesuffix("_X.bin")
            if split in labels and member.path.endswith("_X.bin"):
                values = np.frombuffer(whole(member.path, content), np.uint8).reshape(-1, 3, 96, 96)
                yield from _blocks(member.path, split, labels[split], values.transpose(0, 3, 2, 1))

    return Arrays("STL10", 96, names, blocks)


def _blocks(name: str, split: str, labels: NDArray[np.int64], images: NDArray[np.uint8]) -> Iterator[Block]:
    """Images [N, H, W, 3] in pieces, each picture in one stretch of memory."""
    if len(images) != len(labels):
        raise Problem(f"{name} holds {len(images)} images, but there are {len(labels)} labels for them")
    for first in range(0, len(labels), _IMAGES):
        some = slice(first, first + _IMAGES)
        yield Block(name, split, first, labels[some], np.ascontiguousarray(images[some]))
