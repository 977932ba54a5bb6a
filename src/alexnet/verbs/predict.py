"""`alexnet predict`: names and probabilities for pictures from anywhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from alexnet.batches.views import View, evaluation_views
from alexnet.dataset.decode import decode
from alexnet.dataset.pool import ahead
from alexnet.dataset.resize import fit
from alexnet.problem import Problem
from alexnet.progress import Progress, silent
from alexnet.run import Run, open_run
from alexnet.verbs.answering import answering
from alexnet.verbs.train import device_of

PICTURES = frozenset([".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])


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


def predict(
    run: str | Path | Run,
    images: Sequence[str | Path],
    *,
    top: int = 5,
    views: str = "center",
    batch: int = 64,
    device: str = "auto",
    workers: int = 2,
    progress: Progress = silent,
) -> list[Answer]:
    """Answer for each of `images`: files, folders (searched through) and patterns such as `shots/*.jpg`.

    A picture that cannot be read gets an answer with its error; the others are answered all the same.
    """
    opened = run if isinstance(run, Run) else open_run(run)
    paths = [path for image in images for path in pictures(str(image))]
    where = device_of(device)
    network = answering(opened, where)
    windows = evaluation_views(views, opened.preprocessing.size, opened.preprocessing.crop)
    answers: list[Answer] = []
    with progress("predicting", len(paths)) as advance:
        shares = [paths[start : start + batch] for start in range(0, len(paths), batch)]
        for share in ahead(lambda share: [prepared(opened, path) for path in share], shares, workers):
            answers += answered(opened, network, share, windows, top)
            advance(len(share))
    return answers


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
    named = sorted(file for file in found if file.suffix.lower() in PICTURES)
    if not named:
        raise Problem(f"no pictures in {where}; looked for {', '.join(sorted(PICTURES))}")
    yield from named


Prepared = tuple[Path, "np.ndarray[Any, np.dtype[np.uint8]] | str"]


def prepared(run: Run, path: Path) -> Prepared:
    """Decode and fit a picture as its run's data set was; or the reason why not."""
    try:
        image = decode(path.read_bytes())
        return path, fit(image, run.preprocessing.size, run.preprocessing.fit)
    except Problem as problem:
        return path, str(problem)
    except OSError as error:
        return path, error.strerror or str(error)


@torch.inference_mode()
def answered(
    run: Run, network: nn.Module, share: Sequence[Prepared], windows: Sequence[View], top: int
) -> Iterator[Answer]:
    """Answers for a batch of prepared pictures, in order."""
    readable = [image for _, image in share if not isinstance(image, str)]
    shares = iter(probabilities(run, network, np.stack(readable), windows)) if readable else iter(())
    for path, image in share:
        if isinstance(image, str):
            yield Answer(str(path), None, image)
        else:
            best = next(shares).topk(min(top, len(run.classes)))
            names = [run.classes[label] for label in best.indices.tolist()]
            yield Answer(str(path), list(zip(names, best.values.tolist(), strict=True)), None)


def probabilities(
    run: Run,
    network: nn.Module,
    images: np.ndarray[Any, np.dtype[np.uint8]],
    windows: Sequence[View],
) -> torch.Tensor:
    """Softmax outputs averaged over `windows` for prepared images uint8 [N, size, size, 3]: [N, classes]."""
    device = next(network.parameters()).device
    preprocessing, crop = run.preprocessing.to(device), run.preprocessing.crop
    total = torch.zeros(len(images), len(run.classes))
    for row, column, flip in windows:
        views = images[:, row : row + crop, column : column + crop]
        views = views[:, :, ::-1] if flip else views
        pixels = torch.from_numpy(np.ascontiguousarray(views)).to(device)
        total += torch.softmax(network(preprocessing(pixels)).float(), dim=1).cpu()
    return total / len(windows)
