"""Scores of a run over a split: those saved by an earlier evaluation, or computed and saved now."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from alexnet.batches.loader import evaluation_batches, evaluation_passes
from alexnet.batches.preprocessing import mean_apart, whole
from alexnet.batches.views import View, evaluation_views
from alexnet.dataset.packed import Packed, Split
from alexnet.evaluation.predictions import (
    Predictions,
    load_predictions,
    predict,
    predict_together,
    save_predictions,
)
from alexnet.networks.undrawn import on_paper
from alexnet.networks.views_together import ViewsTogether, Window, parted
from alexnet.parallel import World, from_first, joined, meet
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Advance, Progress, silent
from alexnet.run import Run
from alexnet.serving.answering import answering
from alexnet.verbs.devices import device_of
from alexnet.verbs.ranks import share_of, together

WHOLE = "whole"
"""Views of the whole packed picture in place of a crop, for networks that take any size."""


def data_of(run: Run) -> str:
    """Where the pack is that `run` was trained on."""
    if run.dataset["path"] is None:
        raise UsageProblem(f"{run.path} was made without data; say what to evaluate it on with --data PACKED")
    return str(run.dataset["path"])


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
    """Scores of `run` on a split: those saved by an earlier evaluation, or computed and saved now.

    Ranks that torchrun started part the images; each of them gets all scores, the first saves them.
    """
    checkpoint = run.checkpoint()
    facts = {
        "dataset": packed.fingerprint,
        "split": split,
        "views": views,
        "steps": str(checkpoint.state["steps"] if checkpoint else 0),
    }
    path = run.scores / f"{packed.fingerprint[:12]}-{split}-{views}.safetensors"
    with joined(device=device_of(device)) as here:
        saved = load_predictions(path) if path.is_file() else None
        if from_first(bool(saved and saved[1] == facts), here, what="looking for saved scores") and saved:
            return saved[0]
        computed = computed_predictions(run, packed, split, views, here, workers=workers, progress=progress)
        if here.is_first:
            save_predictions(computed, path, facts)
        meet(here, what="saving the scores")
    return computed


def computed_predictions(
    run: Run,
    packed: Packed,
    split: str,
    views: str,
    here: World,
    *,
    workers: int,
    progress: Progress,
) -> Predictions:
    """Run the network over every image of the split, once a view; of several ranks each over its share."""
    preprocessing = run.preprocessing
    require_alike(run, packed)
    if views == WHOLE:
        preprocessing, views = whole(preprocessing), "center"
        require_any_size(run, preprocessing.size)
    part = packed.split(split)
    labels = torch.tensor(labels_for(run, packed, part))
    where, share = here.device, share_of(len(part), here)
    network = answering(run, where)
    windows = evaluation_views(views, preprocessing.size, preprocessing.crop)
    told = progress if here.is_first else silent
    with told(f"evaluating {run.path.name}", len(part) * len(windows) // share[1]) as advance:

        def scores(images: torch.Tensor) -> torch.Tensor:
            advance(len(images))
            answer: torch.Tensor = network(images)
            return answer

        moved, seen = preprocessing.to(where), [Window(*view) for view in windows]
        apart = parted(network, seen, size=preprocessing.size, crop=preprocessing.crop)
        if apart is not None:  # the first layer once for all views
            pictures, mean = mean_apart(moved)
            answers = ViewsTogether(apart, seen, crop=preprocessing.crop, mean=mean)
            batches = evaluation_batches(part, pictures, View(0, 0), workers=workers, share=share)
            mine = predict_together(told_of(answers, advance), batches, labels)
        else:
            passes = evaluation_passes(part, moved, windows, workers=workers, share=share)
            mine = predict(scores, passes, labels)
        return together(mine, here, share)


def told_of(answers: ViewsTogether, advance: Advance) -> Callable[[torch.Tensor], Iterator[torch.Tensor]]:
    """The same answers, each told of."""

    def logits(images: torch.Tensor) -> Iterator[torch.Tensor]:
        for answer in answers(images):
            advance(len(images))
            yield answer

    return logits


def require_alike(run: Run, packed: Packed) -> None:
    """A Problem where the pack's pictures were prepared otherwise than those that `run` was trained on."""
    learned = run.preprocessing
    if (packed.size, packed.fit) != (learned.size, learned.fit):
        raise Problem(
            f"{run.path} was trained on images of {learned.size} pixels, fit {learned.fit}; "
            f"{packed.path} has {packed.size}, fit {packed.fit}; prepare it with "
            f"--size {learned.size} --fit {learned.fit}"
        )


def require_any_size(run: Run, size: int) -> None:
    """A Problem where the network of `run` cannot see pictures of `size` pixels."""
    with on_paper():
        network = run.build()
        try:
            network.eval()(torch.empty(1, run.preprocessing.channels, size, size))
        except RuntimeError:
            raise Problem(
                f"{run.path}: {run.recipe.network} takes crops of {run.preprocessing.crop} pixels and no "
                "others: its dense layers are made for them"
            ) from None


def labels_for(run: Run, packed: Packed, split: Split) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Labels of `split` in the run's own order of classes, matched by name."""
    if split.labels.min(initial=0) < 0:
        raise UsageProblem(
            f"{packed.path} has pictures of no class in {split.name}: `alexnet predict` names what is on them"
        )
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
