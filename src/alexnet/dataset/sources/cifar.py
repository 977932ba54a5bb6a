"""CIFAR-10 and CIFAR-100 in their own batch files: the binary version and the Python one.

Source: the data sets' page: a record is one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes, all
red, then all green, then all blue, each row by row. The fine labels are the classes.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.sources.arrays import Arrays, Block
from alexnet.dataset.sources.files import Files, whole
from alexnet.dataset.sources.plain_pickle import read_plain_pickle
from alexnet.problem import Problem

_BATCH = re.compile(r"(data_batch_\d|test_batch)(\.bin)?$")
_BYTES = 3 * 32 * 32


def find_cifar(paths: list[str]) -> dict[str, str]:
    """The batch files among `paths`, with their splits, or none where this is no CIFAR.

    >>> find_cifar(["c/batches.meta", "c/data_batch_1", "c/test_batch"])
    {'c/data_batch_1': 'train', 'c/test_batch': 'test'}
    """
    names = {PurePosixPath(path).name: path for path in paths}
    batches = [name for name in names if _BATCH.match(name)]
    if not batches and {"meta", "train"} <= set(names):
        batches = [name for name in ("train", "test") if name in names]
    if not batches and {"fine_label_names.txt", "train.bin"} <= set(names):
        batches = [name for name in ("train.bin", "test.bin") if name in names]
    return {names[name]: "test" if name.startswith("test") else "train" for name in batches}


_META = ("batches.meta.txt", "fine_label_names.txt", "batches.meta", "meta")


def open_cifar(files: Files, batches: dict[str, str]) -> Arrays:
    """A source of the CIFAR batch files `batches`, path -> split."""
    names = _class_names(files)

    def blocks() -> Iterator[Block]:
        for member, read in files.walk():
            if member.path in batches:
                labels, values = _records(member.path, whole(member.path, read))
                if labels.max(initial=0) >= len(names):
                    raise Problem(f"{member.path} is damaged: it has labels beyond the {len(names)} classes")
                images = values.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
                yield Block(member.path, batches[member.path], 0, labels, np.ascontiguousarray(images))

    return Arrays(files.name, 32, names, blocks)


def _class_names(files: Files) -> tuple[str, ...]:
    for member, read in files.walk():
        name = PurePosixPath(member.path).name
        if member.size is None or name not in _META:
            continue
        content = whole(member.path, read)
        if name.endswith(".txt"):
            return tuple(content.decode("ascii").split())
        meta = _pickled(member.path, content)
        found = meta.get(b"fine_label_names") or meta.get(b"label_names") or ()
        return tuple(label.decode() for label in found)
    raise Problem(f"{files.name} has CIFAR batches but no class names beside them: {', '.join(_META)}")


def _records(path: str, content: bytes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Labels [N] and values [N, 3072] of one batch file."""
    if path.endswith(".bin"):
        labels_each = 2 if PurePosixPath(path).name in ("train.bin", "test.bin") else 1
        if len(content) % (labels_each + _BYTES):
            raise Problem(f"{path} is cut short: fetch it again")
        records = np.frombuffer(content, np.uint8).reshape(-1, labels_each + _BYTES)
        return records[:, labels_each - 1].astype(np.int64), records[:, labels_each:]
    batch = _pickled(path, content)
    labels = np.array(batch.get(b"fine_labels") or batch.get(b"labels") or (), np.int64)
    values = batch.get(b"data")
    if not isinstance(values, np.ndarray) or values.shape != (len(labels), _BYTES):
        raise Problem(f"{path} is no CIFAR batch: it must hold `data` [N, 3072] and N labels")
    return labels, values


def _pickled(path: str, content: bytes) -> dict[Any, Any]:
    try:
        found = read_plain_pickle(content)
    except Problem as problem:
        raise Problem(f"{path}: {problem}") from problem
    if not isinstance(found, dict):
        raise Problem(f"{path} is no CIFAR file: it must hold a dictionary")
    return found
