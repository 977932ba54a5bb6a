"""IDX files, MNIST's own format, packed by gzip or not.

Source: the format's description on the MNIST page: two zero bytes, the type (8: unsigned byte), the number of
dimensions, their sizes as big-endian 32-bit integers, then the values.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.sources.arrays import Arrays, Block
from alexnet.dataset.sources.entry import SPLIT_NAMES
from alexnet.dataset.sources.files import Files, whole
from alexnet.problem import Problem

_NAME = re.compile(r"(?:.*[-/])?(?P<which>\w+)-(?P<what>images|labels)[-.]idx[13]-ubyte(?P<packed>\.gz)?$")
_IMAGES = 1000  # in a block


def is_idx(path: str) -> bool:
    """Whether a file's name is that of an IDX file.

    >>> is_idx("raw/t10k-images-idx3-ubyte.gz"), is_idx("train/cat/1.jpg")
    (True, False)
    """
    return bool(_NAME.match(path))


def open_idx(files: Files, paths: list[str]) -> Arrays:
    """A source of the IDX files `paths`; t10k is the test split; the classes are the labels' numbers."""
    pairs = _pairs(paths, files.name)
    labels: dict[str, NDArray[np.int64]] = {}
    sides: set[int] = set()
    for member, read in files.walk():
        split, what = next(((s, w) for (s, w), path in pairs.items() if path == member.path), ("", ""))
        if what == "labels":
            labels[split] = _labels(whole(member.path, read), member.path)
        elif what == "images":
            sides.update(_header(_stream(whole(member.path, read), member.path), member.path, 3)[1:])

    def blocks() -> Iterator[Block]:
        splits = {path: split for (split, what), path in pairs.items() if what == "images"}
        for member, read in files.walk():
            if member.path in splits:
                split = splits[member.path]
                yield from picture_blocks(whole(member.path, read), member.path, split, labels[split])

    names = tuple(
        str(label) for label in range(1 + max(int(part.max(initial=0)) for part in labels.values()))
    )
    return Arrays(files.name, sides.pop() if len(sides) == 1 else None, names, blocks)


def _pairs(paths: list[str], name: str) -> dict[tuple[str, str], str]:
    """(split, images or labels) -> path; an unpacked file is taken before its .gz."""
    pairs: dict[tuple[str, str], str] = {}
    for path in sorted(paths, key=lambda path: path.endswith(".gz")):
        found = _NAME.match(path)
        which = found["which"].lower() if found else ""
        split = "test" if which == "t10k" else SPLIT_NAMES.get(which)
        if split is None or not found:
            raise Problem(f"{name}: {path} names no split; IDX files begin with train, val, test or t10k")
        pairs.setdefault((split, found["what"]), path)
    for split, what in list(pairs):
        other = "labels" if what == "images" else "images"
        if (split, other) not in pairs:
            raise Problem(f"{name} has {pairs[split, what]} but no file of the {other} for it")
    return pairs


def _stream(content: bytes, path: str) -> BinaryIO:
    return gzip.open(BytesIO(content)) if path.endswith(".gz") else BytesIO(content)  # type: ignore[return-value]


def _take(stream: BinaryIO, count: int, path: str) -> bytes:
    try:
        taken = stream.read(count)
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(f"cannot read {path}: {error}; it is damaged or cut short, fetch it again") from error
    if len(taken) < count:
        raise Problem(f"{path} is cut short: fetch it again")
    return taken


def _header(stream: BinaryIO, path: str, dimensions: int) -> tuple[int, ...]:
    """The sizes of an IDX file of unsigned bytes."""
    magic = _take(stream, 4, path)
    if magic != bytes((0, 0, 8, dimensions)):
        raise Problem(f"{path} is no IDX file of unsigned bytes in {dimensions} dimensions")
    return tuple(np.frombuffer(_take(stream, 4 * dimensions, path), ">u4").tolist())


def _labels(content: bytes, path: str) -> NDArray[np.int64]:
    stream = _stream(content, path)
    (count,) = _header(stream, path, 1)
    return np.frombuffer(_take(stream, count, path), np.uint8).astype(np.int64)


def picture_blocks(content: bytes, path: str, split: str, labels: NDArray[np.int64]) -> Iterator[Block]:
    """The pictures of an IDX file with their labels, some at a time; another number of them is a Problem."""
    stream = _stream(content, path)
    count, height, width = _header(stream, path, 3)
    if count != len(labels):
        raise Problem(f"{path} holds {count} images, but there are {len(labels)} labels for them")
    for first in range(0, count, _IMAGES):
        some = labels[first : first + _IMAGES]
        values = np.frombuffer(_take(stream, len(some) * height * width, path), np.uint8)
        yield Block(path, split, first, some, values.reshape(len(some), height, width))
