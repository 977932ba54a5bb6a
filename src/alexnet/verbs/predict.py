"""`alexnet predict`: names and probabilities for pictures from anywhere."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from alexnet.dataset.decode import decode
from alexnet.dataset.pool import ahead
from alexnet.parallel import World, from_all, gathered, joined, world
from alexnet.problem import Problem
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.serving.classifier import Classifier, best, open_classifier
from alexnet.serving.engines import Pictures, Scores
from alexnet.serving.ensemble import ensemble
from alexnet.verbs.devices import device_of

PICTURES = frozenset([".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])
STDIN = "-"


@dataclass(frozen=True)
class Answer:
    """The most probable classes of one picture, best first; or why it could not be read."""

    image: str
    top: list[tuple[str, float]] | None
    error: str | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        top = [{"class": name, "probability": round(share, 6)} for name, share in self.top or ()]
        return {"image": self.image, "top": top or None, "error": self.error}


class Named(NamedTuple):
    """A picture that is not read yet."""

    name: str
    content: Callable[[], bytes]


class Scored(NamedTuple):
    """Probabilities of one picture, [classes]; or why it could not be read."""

    name: str
    scores: Scores | None
    error: str | None = None


def predict(
    run: str | Path | Run,
    images: Sequence[str | Path],
    *,
    others: Sequence[str | Path | Run] = (),
    top: int = 5,
    views: str = "center",
    engine: str | None = None,
    batch: int = 64,
    device: str = "auto",
    workers: int = 2,
    progress: Progress = silent,
) -> list[Answer]:
    """Answer for each of `images`: files, folders (searched through) and patterns such as `shots/*.jpg`.

    `run` is a run folder or a file that `alexnet export` wrote; `engine` is torch, onnx, openvino or auto
    (default: torch for a run, auto for a file). With `others` the probabilities of all are averaged.
    "-" reads standard input: a picture, or paths, one a line. A picture that cannot be read gets an answer
    with its error; the others are answered all the same.
    """
    classifier = opened(run, others, engine=engine, views=views, device=device)
    scored = scores(classifier, named(images), batch=batch, workers=workers, progress=progress)
    return [answer_of(one, classifier, top) for one in scored]


def opened(
    run: str | Path | Run,
    others: Sequence[str | Path | Run] = (),
    *,
    engine: str | None,
    views: str,
    device: str,
) -> Classifier:
    """A classifier of run folders or exported files; of several, their average."""
    by_processor = device == "auto" and engine in ("onnx", "openvino")
    where = device_of("cpu" if by_processor else device)
    paths = [each.path if isinstance(each, Run) else Path(each) for each in (run, *others)]
    return ensemble([open_classifier(path, engine=engine, device=where, views=views) for path in paths])


def answer_of(one: Scored, classifier: Classifier, top: int) -> Answer:
    """The best classes of one picture."""
    known = None if one.scores is None else best(one.scores, classifier.classes, top)
    return Answer(one.name, known, one.error)


def scores(
    classifier: Classifier,
    pictures: Sequence[Named],
    *,
    batch: int = 64,
    workers: int = 2,
    progress: Progress = silent,
) -> Iterator[Scored]:
    """Probabilities of pictures in their order; threads decode the next batches meanwhile.

    Ranks that torchrun started part the pictures; each of them gets all answers.
    """
    own = partial(_own_scores, classifier, batch=batch, workers=workers, progress=progress)
    if world().ranks == 1:
        yield from own(pictures)
        return
    with joined() as here:
        yield from together(list(own(pictures[here.part(len(pictures))])), pictures, classifier, here)


def together(
    mine: Sequence[Scored], pictures: Sequence[Named], classifier: Classifier, here: World
) -> Iterator[Scored]:
    """The answers of all ranks to `pictures`, from those of each to its share."""
    errors = chain.from_iterable(from_all([one.error for one in mine], here, what="gathering errors"))
    none = np.zeros((0, len(classifier.classes)), np.float32)
    known = np.concatenate([none, *(one.scores[None] for one in mine if one.scores is not None)])
    rows = iter(gathered(torch.from_numpy(known), here, what="gathering the scores").numpy())
    for picture, error in zip(pictures, errors, strict=True):
        yield Scored(picture.name, None if error is not None else next(rows), error)


def _own_scores(
    classifier: Classifier, pictures: Sequence[Named], *, batch: int, workers: int, progress: Progress
) -> Iterator[Scored]:

    def read(share: Sequence[Named]) -> list[Pictures | str]:
        return [prepared(one.content, classifier.fitted) for one in share]

    shares = [pictures[start : start + batch] for start in range(0, len(pictures), batch)]
    with progress("predicting", len(pictures)) as advance:
        for share, images in zip(shares, ahead(read, shares, workers), strict=True):
            readable = [image for image in images if not isinstance(image, str)]
            rows = iter(classifier.scores(np.stack(readable)) if readable else ())
            for one, image in zip(share, images, strict=True):
                error = image if isinstance(image, str) else None
                yield Scored(one.name, None if error is not None else next(rows), error)
            advance(len(share))


def prepared(content: Callable[[], bytes], fitted: Callable[[Pictures], Pictures]) -> Pictures | str:
    """A picture decoded and fitted, [size, size, 3]; or the reason why not."""
    try:
        return fitted(decode(content()))
    except Problem as problem:
        return str(problem)
    except OSError as error:
        return error.strerror or str(error)


def named(images: Iterable[str | Path]) -> list[Named]:
    """The pictures at paths, in folders, of patterns, and of standard input for "-"."""
    return [one for image in images for one in (_of_stdin() if str(image) == STDIN else _of_path(image))]


def _of_path(image: str | Path) -> list[Named]:
    return [Named(str(path), path.read_bytes) for path in pictures(str(image))]


def _of_stdin() -> list[Named]:
    content = sys.stdin.buffer.read()
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or b"\0" in content:  # no text: a picture
        return [Named(STDIN, lambda: content)]
    return [Named(line, Path(line).read_bytes) for line in lines if line.strip()]


def pictures(where: str) -> Iterator[Path]:
    """Picture files at a path, in a folder, or matching a pattern; a Problem where there are none."""
    path = Path(where)
    if path.is_file():
        yield path
        return
    if path.is_dir():
        found = (file for file in path.rglob("*") if "/." not in f"/{file.relative_to(path).as_posix()}")
    elif any(mark in where for mark in "*?["):
        found = Path(path.anchor or ".").glob(str(path.relative_to(path.anchor)))
    else:
        raise Problem(f"no picture at {where}")
    kept = sorted(file for file in found if file.suffix.lower() in PICTURES)
    if not kept:
        raise Problem(f"no pictures in {where}; looked for {', '.join(sorted(PICTURES))}")
    yield from kept
