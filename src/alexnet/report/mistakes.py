"""The worst mistakes, beside the nearest training pictures of the class answered and of the right one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.evaluation.predictions import Predictions
from alexnet.probing.features import FEATURES
from alexnet.probing.search import nearest
from alexnet.report.thumbnails import Thumbnail

I64 = NDArray[np.int64]
SHOWN = 12
BESIDE = 4  # training pictures of a class


@dataclass(frozen=True)
class Beside:
    """Training pictures of one class, nearest first."""

    name: str
    probability: float
    pictures: list[Thumbnail]
    distances: list[float]


@dataclass(frozen=True)
class Mistake:
    """A picture that was answered wrongly, and surely."""

    source: str
    picture: Thumbnail
    answered: Beside
    right: Beside


@dataclass(frozen=True)
class Mistakes:
    """The surest ones first; `among` training pictures of these classes were the nearest looked for."""

    wrong: int
    images: int
    shown: list[Mistake]
    among: int
    all_looked_at: bool


@dataclass(frozen=True)
class Shelf:
    """Pictures of the pack: what can be asked of them by number."""

    labels: I64  # in the run's order of classes
    thumbnails: Callable[[I64], list[Thumbnail]]
    features: Callable[[I64], FEATURES]
    sources: Callable[[I64], list[str]]


def surest_mistakes(predictions: Predictions, count: int = SHOWN) -> I64:
    """Numbers of the pictures whose wrong answer has the highest probability, ties by number."""
    sure, answered = predictions.probabilities.max(1)
    wrong = np.flatnonzero((answered != predictions.labels).numpy())
    order = np.argsort(-sure.numpy()[wrong], kind="stable")[:count]
    return np.asarray(wrong[order], dtype=np.int64)


def mistakes_of(
    predictions: Predictions, shelf: Shelf, training: Shelf, names: Sequence[str], *, budget: int
) -> Mistakes:
    """Gather them; at most `budget` training pictures are looked at, evenly over the classes in question."""
    numbers = surest_mistakes(predictions)
    wrong = int((predictions.probabilities.argmax(1) != predictions.labels).sum())
    if not len(numbers):
        return Mistakes(wrong, len(predictions.labels), [], 0, True)
    answered = predictions.probabilities[numbers].argmax(1).numpy()
    right = predictions.labels[numbers].numpy()
    asked = sorted({*answered.tolist(), *right.tolist()})
    some = {label: _some(np.flatnonzero(training.labels == label), budget // len(asked)) for label in asked}
    ends = np.cumsum([len(found) for found in some.values()])[:-1]
    rows = dict(zip(some, np.split(training.features(np.concatenate([*some.values()])), ends), strict=True))
    queries = shelf.features(numbers)
    views, sources = shelf.thumbnails(numbers), shelf.sources(numbers)

    def beside(place: int, label: int) -> Beside:
        probability = float(predictions.probabilities[numbers[place], label])
        return _beside(rows[label], some[label], queries[place], training, (names[label], probability))

    shown = [
        Mistake(sources[place], views[place], beside(place, answered[place]), beside(place, right[place]))
        for place in range(len(numbers))
    ]
    looked = sum(len(found) for found in some.values())
    there = int(np.isin(training.labels, asked).sum())
    return Mistakes(wrong, len(predictions.labels), shown, looked, looked == there)


def _some(numbers: I64, count: int) -> I64:
    """At most so many of them, evenly spread."""
    count = min(len(numbers), max(1, count))
    return numbers[((np.arange(count) + 0.5) * len(numbers) / max(1, count)).astype(np.int64)]


def _beside(
    rows: FEATURES, numbers: I64, query: FEATURES, training: Shelf, told: tuple[str, float]
) -> Beside:
    if not len(numbers):
        return Beside(*told, [], [])
    found = nearest(rows, query[None], min(BESIDE, len(rows)))
    images = numbers[found.numbers[0]]
    return Beside(*told, training.thumbnails(images), found.distances[0].tolist())
