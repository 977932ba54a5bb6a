"""`alexnet evaluate`: errors of one run, or of several averaged, with intervals; scores are kept."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alexnet.batches.loader import evaluation_passes
from alexnet.batches.views import evaluation_views
from alexnet.dataset.packed import Packed, Split, open_packed
from alexnet.evaluation.errors import Errors
from alexnet.evaluation.predictions import (
    Predictions,
    average,
    load_predictions,
    predict,
    save_predictions,
    search_weights,
)
from alexnet.evaluation.statistics import wilson
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run, open_run
from alexnet.verbs.answering import answering
from alexnet.verbs.train import device_of


@dataclass(frozen=True)
class ClassErrors:
    """Errors of one class, per cent with 95 % interval."""

    name: str
    images: int
    top1_error: float
    top1_interval: tuple[float, float]


@dataclass(frozen=True)
class Evaluation:
    """Errors in per cent with Wilson's 95 % intervals."""

    runs: list[str]
    weights: list[float]  # in the average
    split: str
    images: int
    views: str
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]
    loss: float
    per_class: list[ClassErrors]

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types; a class is `class` there."""
        document = asdict(self)
        document["per_class"] = [{"class": one.pop("name"), **one} for one in document["per_class"]]
        return document


def evaluate(
    runs: Sequence[str | Path] | str | Path,
    *,
    data: str | Path | None = None,
    split: str = "val",
    views: str = "center",
    weights_from: str | None = None,
    device: str = "auto",
    workers: int = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate on `split` of the pack `data` (default: the one that the first run was trained on).

    Several runs are averaged, with equal weights or with those that do best on the split `weights_from`.
    Scores are saved in each run's `scores/` and used again.
    """
    opened = [open_run(run) for run in ([runs] if isinstance(runs, str | Path) else runs)]
    if not opened:
        raise UsageProblem("evaluate needs at least one run")
    if weights_from == split:
        raise UsageProblem(f"weights searched on {split} flatter on {split}; search them on another split")
    packed = open_packed(Path(data or data_of(opened[0])))

    def scores(part: str) -> list[Predictions]:
        predicted = partial(predictions_of, device=device, workers=workers, progress=progress)
        return [predicted(run, packed, part, views) for run in opened]

    weights = search_weights(scores(weights_from)) if weights_from else [1.0] * len(opened)
    return evaluation(average(scores(split), weights), opened, weights, split, views)


def data_of(run: Run) -> str:
    """Where the pack is that `run` was trained on."""
    if run.dataset["path"] is None:
        raise UsageProblem(f"{run.path} was made without data; say what to evaluate it on with --data PACKED")
    return str(run.dataset["path"])


def evaluation(
    predictions: Predictions, runs: Sequence[Run], weights: Sequence[float], split: str, views: str
) -> Evaluation:
    """Count the errors of `predictions`."""
    errors = predictions.errors()
    return Evaluation(
        runs=[str(run.path) for run in runs],
        weights=list(weights),
        split=split,
        images=errors.images,
        views=views,
        top1_error=errors.top1_error,
        top1_interval=wilson(errors.top1, errors.images),
        top5_error=errors.top5_error,
        top5_interval=wilson(errors.top5, errors.images),
        loss=predictions.loss(),
        per_class=[
            class_errors(name, one)
            for name, one in zip(runs[0].classes, predictions.per_class(), strict=True)
            if one.images
        ],
    )


def class_errors(name: str, errors: Errors) -> ClassErrors:
    """Errors of one class."""
    return ClassErrors(name, errors.images, errors.top1_error, wilson(errors.top1, errors.images))


def predictions_of(
    run: Run,
    packed: Packed,
    split: str,
    views: str,
    *,
    device: str = "auto",
    workers: int = 1,
    progress: Progress = silent,
) -> Predictions:
    """Scores of `run` on a split: those saved by an earlier evaluation, or computed and saved now."""
    checkpoint = run.checkpoint()
    facts = {
        "dataset": packed.fingerprint,
        "split": split,
        "views": views,
        "steps": str(checkpoint.state["steps"] if checkpoint else 0),
    }
    path = run.scores / f"{packed.fingerprint[:12]}-{split}-{views}.safetensors"
    if path.is_file():
        saved, saved_facts = load_predictions(path)
        if saved_facts == facts:
            return saved
    computed = computed_predictions(
        run, packed, split, views, device=device, workers=workers, progress=progress
    )
    save_predictions(computed, path, facts)
    return computed


def computed_predictions(
    run: Run,
    packed: Packed,
    split: str,
    views: str,
    *,
    device: str,
    workers: int,
    progress: Progress,
) -> Predictions:
    """Run the network over every image of the split, once a view."""
    preprocessing = run.preprocessing
    if (packed.size, packed.fit) != (preprocessing.size, preprocessing.fit):
        raise Problem(
            f"{run.path} was trained on images of {preprocessing.size} pixels, fit {preprocessing.fit}; "
            f"{packed.path} has {packed.size}, fit {packed.fit}; prepare it with "
            f"--size {preprocessing.size} --fit {preprocessing.fit}"
        )
    part = packed.split(split)
    labels = torch.tensor(labels_for(run, packed, part))
    where = device_of(device)
    network = answering(run, where)
    windows = evaluation_views(views, preprocessing.size, preprocessing.crop)
    with progress(f"evaluating {run.path.name}", len(part) * len(windows)) as advance:

        def scores(images: torch.Tensor) -> torch.Tensor:
            advance(len(images))
            answer: torch.Tensor = network(images)
            return answer

        moved = preprocessing.to(where)
        return predict(scores, evaluation_passes(part, moved, windows, workers=workers), labels)


def labels_for(run: Run, packed: Packed, split: Split) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Labels of `split` in the run's own order of classes, matched by name."""
    if run.classes == packed.classes:
        return np.asarray(split.labels)
    index = {name: label for label, name in enumerate(run.classes)}
    unknown = [name for name in packed.classes if name not in index]
    if unknown:
        raise Problem(
            f"{packed.path} has classes that {run.path} never learned: {', '.join(unknown[:5])}"
            f"{' …' if len(unknown) > 5 else ''}; evaluate it on data of its own classes"
        )
    order = np.array([index[name] for name in packed.classes], dtype=np.int64)
    return np.asarray(order[split.labels])
