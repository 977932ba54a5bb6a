"""`alexnet transfer`: what a run's features are worth on other data, from few pictures a class to all."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from alexnet.dataset.packed import Split
from alexnet.evaluation.statistics import wilson
from alexnet.probing.features import FEATURES, HIDDEN, features
from alexnet.probing.readout import few_of_each, linear_probe, neighbours_vote
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.verbs.probe.asked import Asked, asked_of

I64 = NDArray[np.int64]
Readout = Callable[[FEATURES, I64, FEATURES], I64]
READOUTS: dict[str, Readout] = {"linear": linear_probe, "neighbours": neighbours_vote}
SHARE = 250  # pictures at a time


@dataclass(frozen=True)
class Transferred:
    """Error of one way to read classes off features, per cent."""

    readout: str  # linear, neighbours
    shots: int | None  # training pictures of each class; None: all
    pictures: int  # training pictures in all
    seeds: int  # draws of those pictures
    images: int  # that it was tried on
    top1_error: float  # mean over the draws
    interval: tuple[float, float]  # 95 %: Student's over draws, Wilson's where there is one

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def transfer(
    run: str | Path | Run,
    data: str | Path,
    *,
    shots: Sequence[int] = (1, 5, 20),
    seeds: int = 3,
    on: str = "val",
    split: str = "train",
    layer: str = HIDDEN,
    device: str = "auto",
    progress: Progress = silent,
) -> list[Transferred]:
    """Read the classes of the pack `data` off what `layer` of `run` answers; the network stays as it is.

    A linear probe and a vote of neighbours learn from `shots` pictures of each class, `seeds` draws of them,
    then from all of `split`; their errors are on the split `on`.
    """
    if any(count < 1 for count in shots):
        raise UsageProblem(f"shots are pictures of each class, 1 or more; got {list(shots)}")
    asked = asked_of(run, data=data, device=device, progress=progress)
    taught, tried = asked.packed.split(split), asked.packed.split(on)
    learned, labels = _features(asked, taught, layer), taught.labels
    queries, truth = _features(asked, tried, layer), tried.labels
    if set(truth.tolist()) - set(labels.tolist()):
        raise Problem(f"{data}: some classes of {on} have no picture in {split} to learn from")
    draws = [(count, seed) for count in sorted(set(shots)) for seed in range(seeds)]
    wrong: dict[tuple[str, int | None], list[int]] = {}
    with progress("reading classes off features", (len(draws) + 1) * len(READOUTS)) as advance:
        for count, seed in [*draws, (None, 0)]:
            numbers = np.arange(len(labels)) if count is None else few_of_each(labels, count, seed=seed)
            for name, readout in READOUTS.items():
                answers = readout(learned[numbers], labels[numbers], queries)
                wrong.setdefault((name, count), []).append(int((answers != truth).sum()))
                advance()
    sizes = {count: len(few_of_each(labels, count, seed=0)) for count in shots}
    return [
        _told(name, count, sizes.get(count or 0, len(labels)), errors, len(truth))
        for (name, count), errors in wrong.items()
    ]


def _told(name: str, shots: int | None, pictures: int, wrong: list[int], images: int) -> Transferred:
    errors = 100 * np.array(wrong) / images
    mean = float(errors.mean())
    if len(wrong) > 1:
        half = float(student.ppf(0.975, len(wrong) - 1) * errors.std(ddof=1) / len(wrong) ** 0.5)
        interval = (max(mean - half, 0.0), min(mean + half, 100.0))
    else:
        interval = wilson(wrong[0], images)
    return Transferred(name, shots, pictures, len(wrong), images, mean, interval)


def _features(asked: Asked, split: Split, layer: str) -> FEATURES:
    rows = []
    with asked.progress(f"features of {split.name}", len(split)) as advance:
        for start in range(0, len(split), SHARE):
            numbers = np.arange(start, min(start + SHARE, len(split)))
            rows.append(features(asked.network, asked.inputs(split.pixels(numbers)), layer))
            advance(len(numbers))
    return np.concatenate(rows)
