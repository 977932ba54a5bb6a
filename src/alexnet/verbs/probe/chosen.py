"""Which pictures a probe looks at: files, or some of a split: evenly spread, wrong ones, off-centre ones."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alexnet.batches.views import evaluation_views
from alexnet.dataset.resize import fit
from alexnet.probing.saliency import middle, off_centre, scatter
from alexnet.probing.sheets import PIXELS
from alexnet.probing.texture import silhouettes
from alexnet.problem import Problem, UsageProblem
from alexnet.serving.engines import averaged, torch_engine
from alexnet.verbs.predict import pictures, prepared
from alexnet.verbs.probe.asked import Asked
from alexnet.verbs.scores import labels_for, predictions_of

COMPACT = 0.4  # half sides, root mean square, that one thing lies from its own middle
CANDIDATES = 2048  # pictures of a split among which the off-centre ones are looked for


@dataclass(frozen=True)
class Choice:
    """How to choose pictures from a split: evenly, or of those answered wrongly, or of things off-centre."""

    split: str | None = None  # None: the files named behind the probe
    count: int = 8
    wrong: bool = False
    off_centre: bool = False


FILES = Choice()


@dataclass(frozen=True)
class Picture:
    """A prepared picture and, where it is known, its class."""

    name: str
    pixels: PIXELS  # [size, size, 3]
    truth: int | None
    middle: tuple[float, float] | None = None  # of the thing, where it was looked for; pixels of the view


def chosen(asked: Asked, choice: Choice) -> list[Picture]:
    """The pictures; a UsageProblem where neither files nor a split are named, or both."""
    if bool(asked.things) == bool(choice.split):
        raise UsageProblem("name pictures, or take them from a split of the pack: --from val; not both")
    if choice.split is None:
        if choice.wrong or choice.off_centre:
            raise UsageProblem("--wrong and --off-centre look through a split: say which, as --from val")
        paths = [path for thing in asked.things for path in pictures(thing)]
        return [_readable(from_file(asked, path), path) for path in paths]
    if choice.wrong and choice.off_centre:
        raise UsageProblem(
            "--wrong and --off-centre exclude each other: the middle of a mistake is not known"
        )
    if choice.off_centre:
        return _off_centre(asked, choice)
    split = asked.packed.split(choice.split)
    numbers = _wrong(asked, choice) if choice.wrong else spread(len(split), choice.count)
    return from_split(asked, choice.split, numbers)


def spread(images: int, count: int) -> NDArray[np.int64]:
    """`count` numbers (or all) evenly over 0 … images − 1: splits are in the order of their classes.

    >>> spread(10, 4).tolist(), spread(3, 8).tolist()
    ([1, 3, 6, 8], [0, 1, 2])
    """
    count = min(count, images)
    return ((np.arange(count) + 0.5) * images / count).astype(np.int64)


def from_split(asked: Asked, name: str, numbers: NDArray[np.int64]) -> list[Picture]:
    """Pictures of a split by number, named as in their source."""
    split = asked.packed.split(name)
    labels = labels_for(asked.run, asked.packed, split)
    sources = split.sources(numbers.tolist())
    return [
        Picture(source, pixels, int(labels[number]))
        for number, source, pixels in zip(numbers.tolist(), sources, split.pixels(numbers), strict=True)
    ]


def scores(asked: Asked, pixels: PIXELS) -> torch.Tensor:
    """Probabilities [N, classes] of prepared pictures [N, size, size, 3], centre view, in batches."""
    preprocessing = asked.run.preprocessing
    windows = evaluation_views("center", preprocessing.size, preprocessing.crop)
    answer = torch_engine(asked.network, preprocessing)
    parts = [
        averaged(answer, pixels[start : start + 64], windows, preprocessing.crop)
        for start in range(0, len(pixels), 64)
    ]
    return torch.from_numpy(np.concatenate(parts))


def from_file(asked: Asked, path: Path) -> Picture | str:
    """A picture file as its run's data was prepared, its class where its folder is one; or why not."""
    how = asked.run.preprocessing
    image = prepared(path.read_bytes, partial(fit, size=how.size, how=how.fit))
    if isinstance(image, str):
        return image
    folder = path.resolve().parent.name
    truth = asked.run.classes.index(folder) if folder in asked.run.classes else None
    return Picture(str(path), image, truth)


def _readable(found: Picture | str, path: Path) -> Picture:
    if isinstance(found, str):
        raise Problem(f"{path}: {found}")
    return found


def _wrong(asked: Asked, choice: Choice) -> NDArray[np.int64]:
    """Evenly over all pictures of the split that are answered wrongly."""
    assert choice.split is not None
    found = predictions_of(
        asked.run, asked.packed, choice.split, "center", device=str(asked.device), progress=asked.progress
    )
    wrong = (found.probabilities.argmax(1) != found.labels).nonzero()[:, 0].numpy()
    if not len(wrong):
        raise Problem(f"{asked.run.path} has nothing wrong on {choice.split}; leave --wrong out")
    return np.asarray(wrong[spread(len(wrong), choice.count)], dtype=np.int64)


def _off_centre(asked: Asked, choice: Choice) -> list[Picture]:
    """Of pictures answered rightly those whose thing lies furthest from the middle, by its silhouette."""
    assert choice.split is not None
    split, found = asked.packed.split(choice.split), []
    labels = labels_for(asked.run, asked.packed, split)
    for share in np.array_split(spread(len(split), CANDIDATES), CANDIDATES // 64):
        pixels = split.pixels(share)
        drawn, sensible = silhouettes(asked.views(pixels))
        right = scores(asked, pixels).argmax(1).numpy() == labels[share]
        for number, drawing in zip(share[sensible & right], drawn[sensible & right], strict=True):
            thing = torch.from_numpy(drawing[..., 0] == 0).float()
            if scatter(thing) <= COMPACT:
                found.append((-off_centre(thing), int(number), middle(thing)))
    if not found:
        raise Problem(f"nothing of {choice.split} is answered rightly and stands out from its ground")
    best = sorted(found)[: choice.count]
    taken = from_split(asked, choice.split, np.array([number for _, number, _ in best], dtype=np.int64))
    return [replace(one, middle=where) for one, (_, _, where) in zip(taken, best, strict=True)]
