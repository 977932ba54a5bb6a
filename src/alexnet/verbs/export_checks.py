"""What an exported file is checked with: real pictures, and what the original says of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.decode import decode
from alexnet.dataset.packed import Packed, open_packed
from alexnet.dataset.resize import fit
from alexnet.problem import Problem, UsageProblem
from alexnet.run import Run
from alexnet.serving.agreement import Agreement, agreement, odd_sizes
from alexnet.serving.classifier import Classifier
from alexnet.serving.engines import Engine, Pictures, Scores
from alexnet.verbs.predict import pictures as found
from alexnet.verbs.probe.chosen import spread
from alexnet.verbs.scores import data_of, labels_for

BATCH = 32
HELD_OUT = ("val", "test")


@dataclass(frozen=True)
class Checks:
    """Pictures [1, H, W, 3] as a file reads them, and their classes where all are known."""

    pictures: list[Pictures]
    labels: NDArray[np.int64] | None

    def of(self, file: Engine, original: Classifier) -> Agreement:
        """Compare a whole file with the run that it was made of."""
        fitted = (original.fitted(picture[0]) for picture in self.pictures)
        expected = in_batches(original.scores, [picture[None] for picture in fitted])
        return agreement(expected, in_batches(file, self.pictures), self.labels)


def in_batches(answer: Engine, pictures: Sequence[Pictures]) -> Scores:
    """Probabilities of pictures [1, H, W, 3]; neighbours of one size are asked together."""
    return np.concatenate([answer(np.concatenate(batch)) for batch in _batches(pictures)])


def _batches(pictures: Sequence[Pictures]) -> Iterator[Sequence[Pictures]]:
    for _, alike in groupby(pictures, key=lambda picture: picture.shape):
        some = list(alike)
        yield from (some[start : start + BATCH] for start in range(0, len(some), BATCH))


def checks_of(run: Run, folder: Path | None, packed: Packed | None, count: int, *, resized: bool) -> Checks:
    """At most `count` pictures: of a folder, or of the pack's pictures held out from training.

    Those of a pack have the right size already; with `resized` every fourth is enlarged and cut, so that the
    file has to fit it.
    """
    if folder is not None:
        return _of_folder(run, folder, count)
    if packed is None:
        raise UsageProblem("nothing to check the file with: name pictures with --check FOLDER")
    name = next((name for name in HELD_OUT if name in packed.splits), None)
    if name is None:
        raise UsageProblem(f"{packed.path} holds no pictures out; name some with --check FOLDER")
    split = packed.split(name)
    numbers = spread(len(split), count)
    pixels = _fitted(run, split.pixels(numbers))
    pictures = odd_sizes(pixels) if resized else [picture[None] for picture in pixels]
    return Checks(pictures, labels_for(run, packed, split)[numbers])


def pack_of(run: Run, data: str | Path | None) -> Packed | None:
    """The pack that was named, or that of training; None where that is not there."""
    if data is None:
        path = run.dataset["path"]
        return open_packed(Path(path)) if path and Path(path).is_dir() else None
    return open_packed(Path(data))


def training_pictures(run: Run, packed: Packed | None, count: int) -> tuple[Pictures, NDArray[np.int64]]:
    """Training pictures [N, size, size, 3] evenly over the split, and their classes."""
    if packed is None or "train" not in packed.splits:
        raise UsageProblem(
            f"int8 is calibrated on training pictures, and those of {run.path} are not at "
            f"{data_of(run)}: say where with --data PACKED"
        )
    split = packed.split("train")
    numbers = spread(len(split), count)
    return _fitted(run, split.pixels(numbers)), labels_for(run, packed, split)[numbers]


def _fitted(run: Run, pixels: Pictures) -> Pictures:
    how = run.preprocessing
    return np.stack([fit(np.asarray(picture), how.size, how.fit) for picture in pixels])


def _of_folder(run: Run, folder: Path, count: int) -> Checks:
    paths = list(found(str(folder)))
    pictures, labels = [], []
    for number in spread(len(paths), count).tolist():
        try:
            pictures.append(decode(paths[number].read_bytes())[None])
        except Problem:
            continue  # `alexnet doctor` is for those
        labels.append(paths[number].resolve().parent.name)
    if not pictures:
        raise Problem(f"no picture in {folder} can be read")
    known = [run.classes.index(name) for name in labels if name in run.classes]
    return Checks(pictures, np.array(known, np.int64) if len(known) == len(labels) else None)
