"""`alexnet similar`: the nearest training pictures, by what the last hidden layer answers ([P] §6.1)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.pool import ahead
from alexnet.probing.features import HIDDEN
from alexnet.probing.neighbour_sheet import Found, neighbour_figure
from alexnet.probing.pixels import nearest_pixels
from alexnet.probing.search import Neighbours
from alexnet.probing.sheets import PIXELS, save_figure
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.verbs.index import Index, open_index
from alexnet.verbs.predict import pictures
from alexnet.verbs.probe.asked import Asked, asked_of
from alexnet.verbs.probe.chosen import Picture, from_file, from_split, spread

SHEET = 5  # pictures, as in the paper's figure 4
BLOCK = 1024  # pictures compared by pixels at a time, at most
BLOCK_PIXELS = 2**24  # values of theirs, at most: where products are in float64 that is 128 MB


@dataclass(frozen=True)
class Neighbour:
    """A picture of the pack: its name in the source, its class, and how far it is."""

    source: str
    name: str  # of the class
    distance: float  # Euclidean between features; bits that differ between codes


@dataclass(frozen=True)
class Similar:
    """The neighbours of one picture, nearest first; or why it could not be read."""

    image: str
    neighbours: list[Neighbour] | None
    error: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types; a class is `class` there."""
        document = asdict(self)
        if self.neighbours is not None:
            document["neighbours"] = [
                {"source": one.source, "class": one.name, "distance": one.distance} for one in self.neighbours
            ]
        return document


def similar(
    run: str | Path | Run,
    images: Sequence[str | Path] = (),
    *,
    k: int = 6,
    codes: int | None = None,
    layer: str = HIDDEN,
    split: str = "train",
    from_: str | None = None,
    sheet: str | Path | None = None,
    words: str | Path | None = None,
    data: str | Path | None = None,
    device: str = "auto",
    workers: int = 2,
    progress: Progress = silent,
) -> list[Similar]:
    """The `k` nearest pictures of `split` for each of `images`: files, folders, patterns as in `predict`.

    Exact by default, ties in the order of the pack; by learned codes of so many bits with `codes`. Without
    images five of the split `from_` are taken, evenly over it. The index is made at the first call and kept
    beside the run. `sheet` (PNG or SVG) shows the first five with their neighbours, and beside them those by
    pixels; `words` names classes there.
    """
    asked = asked_of(run, data=data, words=words, device=device, progress=progress)
    if bool(images) == bool(from_):
        raise UsageProblem("name pictures, or take five from a split of the pack: --from val; not both")
    if sheet is not None and Path(sheet).suffix not in (".png", ".svg"):
        raise UsageProblem(f"a sheet is a .png or an .svg, not {sheet}")
    given = _files(asked, images, workers) if from_ is None else _five(asked, from_)
    readable = [one for one in given if isinstance(one, Picture)]
    found: list[Similar] = []
    if readable:
        index = open_index(asked, layer=layer, split=split)
        queries = index.queries(np.stack([one.pixels for one in readable]))
        nearest = index.nearest(queries, k) if codes is None else index.nearest_by_codes(queries, k, codes)
        found = described(index, [one.name for one in readable], nearest)
        if sheet is not None:
            draw(index, readable[:SHEET], nearest, Path(sheet))
    answers = iter(found)
    return [next(answers) if isinstance(one, Picture) else one for one in given]


def described(index: Index, names: Sequence[str], nearest: Neighbours) -> list[Similar]:
    """Neighbours by number as people know them."""
    split, classes = index.asked.packed.split(index.split), index.asked.packed.classes
    sources = dict(
        zip(nearest.numbers.ravel().tolist(), split.sources(nearest.numbers.ravel().tolist()), strict=True)
    )
    return [
        Similar(
            name,
            [
                Neighbour(sources[number], classes[split.labels[number]], distance)
                for number, distance in zip(numbers.tolist(), distances.tolist(), strict=True)
            ],
        )
        for name, numbers, distances in zip(names, *nearest, strict=True)
    ]


def pixel_neighbours(index: Index, queries: PIXELS, k: int) -> Neighbours:
    """The nearest by pixels, of the views that the network reads, among all pictures of the index."""
    return views_nearest(index.asked, index.split, queries, k)


def views_nearest(
    asked: Asked, split: str, queries: PIXELS, k: int, *, among: NDArray[np.int64] | None = None
) -> Neighbours:
    """The nearest by pixels among pictures of a split: all, or those of the ascending numbers `among`.

    Queries are prepared pictures [B, size, size, 3]; what the network's view leaves out counts nowhere.
    """
    part = asked.packed.split(split)
    numbers = np.arange(len(part)) if among is None else among
    block = max(1, min(BLOCK, BLOCK_PIXELS // (3 * asked.packed.size**2)))
    shares = (numbers[start : start + block] for start in range(0, len(numbers), block))
    found = nearest_pixels((asked.views(part.pixels(share)) for share in shares), asked.views(queries), k)
    return Neighbours(numbers[found.numbers], found.distances)


def draw(index: Index, readable: Sequence[Picture], nearest: Neighbours, path: Path) -> None:
    """Write the sheet: pictures, their neighbours, and those by pixels."""
    pixels = np.stack([one.pixels for one in readable])
    by_pixels = pixel_neighbours(index, pixels, nearest.numbers.shape[1])
    rows = [
        Found(
            index.asked.views(pixels)[row],
            None if one.truth is None else index.asked.class_named(one.truth),
            _shown(index, nearest.numbers[row]),
            _shown(index, by_pixels.numbers[row]),
        )
        for row, one in enumerate(readable)
    ]
    save_figure(
        neighbour_figure(f"{index.asked.run.path.name}: nearest pictures of {index.split}", rows), path
    )


def _shown(index: Index, numbers: NDArray[np.int64]) -> list[tuple[PIXELS, str]]:
    asked, split = index.asked, index.asked.packed.split(index.split)
    names = [asked.packed.classes[label] for label in split.labels[numbers]]
    views = asked.views(split.pixels(numbers))
    return [(view, asked.words.get(name, name)) for view, name in zip(views, names, strict=True)]


def _files(asked: Asked, images: Sequence[str | Path], workers: int) -> list[Picture | Similar]:
    """Pictures as they were prepared; a `Similar` with its error for one that cannot be read."""
    paths = [path for image in images for path in pictures(str(image))]
    given: list[Picture | Similar] = []
    with asked.progress("reading", len(paths)) as advance:
        found = ahead(lambda path: from_file(asked, path), paths, workers)
        for path, one in zip(paths, found, strict=True):
            given.append(Similar(str(path), None, one) if isinstance(one, str) else one)
            advance()
    return given


def _five(asked: Asked, name: str) -> list[Picture | Similar]:
    """Pictures evenly over a split, whose pictures stand in the order of their classes."""
    split = asked.packed.split(name)
    if not len(split):
        raise Problem(f"{asked.packed.path} has no pictures in {name}")
    return [*from_split(asked, name, spread(len(split), SHEET))]
