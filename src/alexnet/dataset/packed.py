"""The packed data set: a folder that NumPy and any reader of Parquet and JSON understand without us.

SPLIT.npy        uint8 [N, size, size, 3], memory-mapped (encoding "raw")
SPLIT.arrow      or each picture as a JPEG file, Arrow IPC, memory-mapped (encoding "jpeg"; encoded.py)
SPLIT.parquet    the manifest, row i is image i (manifest.py)
statistics.npz   of the training split (statistics.py)
sheet.png        some pictures of each class, for the eye (sheet.py)
dataset.json     format version, classes in order, counts, how it was made, fingerprint; written last
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.encoded import EncodedImages
from alexnet.dataset.manifest import read_labels, read_sources
from alexnet.dataset.raw import NPY_HEADER
from alexnet.dataset.remote import address_of, fetch_split, mirrored, origin_of
from alexnet.dataset.remote_images import RemoteImages
from alexnet.dataset.resize import FITS, Fit
from alexnet.dataset.statistics import Statistics
from alexnet.problem import Problem, UsageProblem

Encoding = Literal["raw", "jpeg"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

FORMAT_VERSION = 1
DESCRIPTION = "dataset.json"
SHEET = "sheet.png"
NO_LABEL = -1
"""Of a test picture whose class is not known."""

PREPARING = "preparing"
"""The folder inside a pack that holds what is half finished."""

DECISIVE = ("format_version", "classes", "size", "fit", "encoding", "jpeg", "resize", "digests")
"""What of the description the fingerprint is of, as far as it is there."""


@dataclass(frozen=True)
class Split:
    """One split: what is asked for is read then, and nothing of it is a Python object an image."""

    folder: Path
    name: str
    count: int
    size: int
    encoding: Encoding = "raw"
    origin: str | None = None  # the address of a pack that lies elsewhere

    def __len__(self) -> int:
        """Number of images."""
        return self.count

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Memory-mapped, uint8 [N, size, size, 3], read-only; only where the encoding is "raw"."""
        if self.encoding != "raw":
            raise UsageProblem(
                f"{self.folder} keeps its pictures as JPEG: prepare it with `--encoding raw` for this"
            )
        path, each = self.folder / f"{self.name}.npy", self.size**2 * 3
        if self.origin:
            fetch_split(self.folder, path.name, header=NPY_HEADER, pictures=self.count, each=each)
        try:
            images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(path) from error
        if images.shape != (self.count, self.size, self.size, 3) or images.dtype != np.uint8:
            raise _damaged(path)
        return images

    @cached_property
    def encoded(self) -> EncodedImages | RemoteImages:
        """The JPEG files, `encoded.bytes_at(number)`, memory-mapped; only where the encoding is "jpeg"."""
        if self.encoding != "jpeg":
            raise UsageProblem(f"{self.folder} keeps its pictures raw: it has no JPEG files")
        path = self.folder / f"{self.name}.arrow"
        encoded = RemoteImages(self.folder, self.name, self.origin) if self.origin else EncodedImages(path)
        if len(encoded) != self.count:
            raise _damaged(path)
        return encoded

    def expect(self, batches: Iterable[NDArray[np.int64]]) -> None:
        """Say which pictures will be asked for, in order: those of a pack elsewhere are fetched ahead."""
        if self.origin and self.encoding == "jpeg" and isinstance(self.encoded, RemoteImages):
            self.encoded.expect(batches)

    def pixels(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images by number, uint8 [B, size, size, 3], whichever way they are kept."""
        if self.encoding == "raw":
            return np.asarray(self.images[np.asarray(indices, np.int64)])
        return self.encoded.pixels(indices)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Labels [N], numbers in the pack's classes."""
        return self._labels.astype(np.int64)

    def labels_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The labels of some images: of millions, without eight bytes for each that there is."""
        return self._labels[numbers].astype(np.int64)

    @cached_property
    def _labels(self) -> NDArray[np.integer]:
        return read_labels(self.folder / f"{self.name}.parquet", self.count)

    def sources(self, numbers: Sequence[int]) -> list[str]:
        """Names of images in the source, by their numbers."""
        return read_sources(self.folder / f"{self.name}.parquet", numbers)

    def __getstate__(self) -> dict[str, Any]:
        """Another process opens the files anew: a memory map would be sent there whole."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Packed:
    """A finished pack; `counts` has the images of each split, `description` all of dataset.json."""

    path: Path
    classes: tuple[str, ...]
    size: int
    fit: Fit
    fingerprint: str
    grey: bool  # every training picture has three equal channels
    counts: dict[str, int]
    description: dict[str, Any]
    encoding: Encoding = "raw"
    origin: str | None = None  # the address of a pack that lies elsewhere; `path` keeps what is fetched of it

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, of train, val and test in this order."""
        return tuple(self.counts)

    def split(self, name: str) -> Split:
        """One split by name; one that is not there is a Problem that lists those that are."""
        if name not in self.counts:
            raise UsageProblem(f"{self.path} has no split {name!r}, only {', '.join(self.counts)}")
        return Split(self.path, name, self.counts[name], self.size, self.encoding, self.origin)

    @property
    def where(self) -> str:
        """Where the pack is found again: its address, or its folder's path."""
        return self.origin or str(self.path.resolve())

    @property
    def titles(self) -> dict[str, str]:
        """What classes are called, where the source knew it: n02123045 -> tabby, tabby cat."""
        return dict(self.description.get("titles", {}))

    @cached_property
    def statistics(self) -> Statistics:
        """Mean image, channels and colour axes of the training split."""
        return Statistics.load(self.path / "statistics.npz")


def open_packed(path: str | Path) -> Packed:
    """Open a finished pack; what is none, half of one, or damaged is a Problem that says what to do.

    `path` may be an address, `https://host/pack`: its manifests are fetched now, its pictures when they are
    asked for (remote.py).
    """
    address = address_of(path)
    path = mirrored(address) if address else Path(path)
    description = _read(path)
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise Problem(
            f"{path} has format version {version}, this alexnet reads {FORMAT_VERSION}: "
            "prepare the data set again"
        )
    try:
        packed = Packed(
            path,
            tuple(description["classes"]),
            int(description["size"]),
            FITS[FITS.index(description["fit"])],
            str(description["fingerprint"]),
            bool(description["grey"]),
            {str(split): int(count) for split, count in description["splits"].items()},
            description,
            ENCODINGS[ENCODINGS.index(description["encoding"])],
            origin_of(path),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path / DESCRIPTION) from error
    _check_files(packed)
    return packed


def fingerprint_of(description: Mapping[str, object]) -> str:
    """The fingerprint that a description should have: of all that decides what is in the pack."""
    decisive = {key: description[key] for key in DECISIVE if key in description}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        description = json.loads((path / DESCRIPTION).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if (path / PREPARING).exists():
            raise Problem(
                f"{path} is half prepared: run the same `alexnet prepare` again to finish it"
            ) from None
        raise Problem(
            f"no packed data set at {path}: make one with `alexnet prepare SOURCE {path}`"
        ) from None
    except OSError as error:
        raise Problem(f"cannot read {path / DESCRIPTION}: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(path / DESCRIPTION) from error
    if not isinstance(description, dict):
        raise _damaged(path / DESCRIPTION)
    return description


def _check_files(packed: Packed) -> None:
    """Every file is there and the pixels are as long as the counts say: opening reads no more."""
    for split, count in packed.counts.items():
        if packed.origin:
            continue
        if packed.encoding == "raw":
            path = packed.path / f"{split}.npy"
            if not path.is_file() or path.stat().st_size != NPY_HEADER + count * packed.size**2 * 3:
                raise _damaged(path)
        else:
            _ = packed.split(split).encoded  # its index is read and counted
    for name in (*(f"{split}.parquet" for split in packed.counts), "statistics.npz"):
        if not (packed.path / name).is_file():
            raise _damaged(packed.path / name)


def _damaged(path: Path) -> Problem:
    return Problem(f"{path} is damaged or missing: prepare the data set again")
