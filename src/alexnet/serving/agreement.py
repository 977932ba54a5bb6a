"""Whether a file answers as the network that it was made of: differences, answers, errors, times."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.serving.choosing import seconds
from alexnet.serving.engines import Engine, Pictures, Scores

BATCHES = (1, 32)
TIE = 1e-6


@dataclass(frozen=True)
class Agreement:
    """How far two sets of probabilities of the same pictures are apart; errors in per cent where known."""

    pictures: int
    max_abs_difference: float
    top1_agreement: float  # share of pictures with the same most probable class, exact ties left out
    top1_error: float | None = None  # of the file
    original_top1_error: float | None = None

    @property
    def growth(self) -> float | None:
        """Points of top-1 error by which the file is worse."""
        if self.top1_error is None or self.original_top1_error is None:
            return None
        return self.top1_error - self.original_top1_error


def agreement(original: Scores, found: Scores, labels: NDArray[np.int64] | None = None) -> Agreement:
    """Compare probabilities [N, classes] of the same N pictures.

    >>> agreement(np.float32([[0.75, 0.25]]), np.float32([[0.5, 0.5]])).max_abs_difference
    0.25
    """
    answers, said = original.argmax(1), found.argmax(1)
    rows = np.arange(len(original))
    tied = original[rows, answers] - original[rows, said] <= TIE
    known = labels is not None and len(labels) > 0
    return Agreement(
        pictures=len(original),
        max_abs_difference=float(np.abs(original - found).max()),
        top1_agreement=float(((answers == said) | tied).mean()),
        top1_error=_error(said, labels) if known else None,
        original_top1_error=_error(answers, labels) if known else None,
    )


def _error(answers: NDArray[np.int64], labels: NDArray[np.int64] | None) -> float:
    return 100 * float((answers != labels).mean())


@dataclass(frozen=True)
class Speed:
    """How an engine does with the file, beside the original under torch in the same interleaved rounds."""

    engine: str
    batch: int
    milliseconds: float  # a picture
    original_milliseconds: float
    times: float  # as fast as the original


def speeds(
    original: Engine, engines: Mapping[str, Engine], views: Pictures, *, rounds: int = 5
) -> list[Speed]:
    """Time all with the first 1 and 32 of `views` [N, crop, crop, 3], repeated where they are fewer."""
    rows = []
    for batch in BATCHES:
        some = np.ascontiguousarray(np.resize(views, (batch, *views.shape[1:])))
        times = seconds({"": original, **engines}, some, rounds)
        before = times.pop("")
        for name, time in times.items():
            rows.append(Speed(name, batch, 1e3 * time / batch, 1e3 * before / batch, before / time))
    return rows


def odd_sizes(pictures: Pictures) -> list[Pictures]:
    """Prepared pictures as [1, H, W, 3]; every fourth enlarged and cut, to be resized by the file."""
    return [
        picture[None] if number % 4 else _enlarged(picture, number) for number, picture in enumerate(pictures)
    ]


def _enlarged(picture: Pictures, number: int) -> Pictures:
    times = 2 + number // 4 % 2
    large = picture.repeat(times, axis=0).repeat(times, axis=1)
    cut = 1 + number % 7
    return np.ascontiguousarray(large[None, :, cut:] if number % 8 else large[None, cut:])
