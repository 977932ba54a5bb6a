"""Probes of answers: top5, mistake."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from alexnet.probing.drawing import brief
from alexnet.probing.features import FEATURES, features
from alexnet.probing.mistakes import Mistake, mistake_figure
from alexnet.probing.search import nearest
from alexnet.probing.sheets import PIXELS
from alexnet.probing.top5 import AT_MOST, Guessed, top5_figure
from alexnet.problem import UsageProblem
from alexnet.verbs.probe.asked import Asked, Probed
from alexnet.verbs.probe.chosen import FILES, Choice, Picture, chosen, scores

BESIDE = 6  # training pictures of a class
MISTAKES = 6  # on a sheet


def top5(asked: Asked, *, choice: Choice = FILES) -> Probed:
    """Pictures with their classes and the five likeliest as bars: the paper's figure 4, left."""
    found = chosen(asked, choice)
    if len(found) > AT_MOST:
        raise UsageProblem(f"{len(found)} pictures do not fit on one sheet; name {AT_MOST} or fewer")
    pixels = np.stack([one.pixels for one in found])
    guesses, told = [], []
    for one, share, view in zip(found, scores(asked, pixels), asked.views(pixels), strict=True):
        best = share.topk(min(5, len(share)))
        labels, shares = best.indices.tolist(), best.values.tolist()
        truth = None if one.truth is None else asked.class_named(one.truth)
        top = [(asked.class_named(label), each) for label, each in zip(labels, shares, strict=True)]
        guesses.append(Guessed(view, Path(one.name).name, truth, top, one.middle))
        told.append(_told(asked, one, labels, shares))
    known = [each for each in told if each["class"] is not None]
    words = [f"{len(found)} pictures; {len(known)} of known class"]
    if known:
        first, among = (sum(bool(each[key]) for each in known) for key in ("top1_right", "top5_right"))
        words[0] += f", of them {first} right and {among} among the five likeliest (blue)"
    kind = "off-centre" if choice.off_centre else "wrong" if choice.wrong else ""
    if choice.off_centre:
        words.append("a ring marks the middle of what differs from the border's colours, taken for the thing")
    title = f"{asked.run.path.name}: five likeliest classes"
    return asked.keep("top5", top5_figure(title, guesses), words=words, numbers={"pictures": told}, of=kind)


def _told(asked: Asked, one: Picture, labels: list[int], shares: list[float]) -> dict[str, Any]:
    known = one.truth is not None
    return {
        "image": one.name,
        "class": asked.run.classes[one.truth] if one.truth is not None else None,
        "top": [
            {"class": asked.run.classes[label], "probability": share}
            for label, share in zip(labels, shares, strict=True)
        ],
        "top1_right": labels[0] == one.truth if known else None,
        "top5_right": one.truth in labels if known else None,
        "middle": one.middle,
    }


def mistake(asked: Asked, *, choice: Choice = FILES, truth: str | None = None) -> Probed:
    """An answer beside the nearest training pictures of the class answered and of the right one.

    Near is by the features that the last layer reads, among the training pictures of those two classes alone.
    A right answer stands beside its runner-up. The class of a file is its folder's name, or `truth`.
    """
    found = chosen(asked, choice)
    if len(found) > MISTAKES:
        raise UsageProblem(f"{len(found)} pictures do not fit on one sheet; name {MISTAKES} or fewer")
    given = None if truth is None else _label(asked, truth)
    pixels = np.stack([one.pixels for one in found])
    queries = features(asked.network, asked.inputs(pixels))
    sheets, told = [], []
    for one, share, query in zip(found, scores(asked, pixels), queries, strict=True):
        sheet, numbers = _beside(asked, one, one.truth if given is None else given, share, query)
        sheets.append(sheet)
        told.append(numbers)
    words = [
        f"{one.name}: {'rightly ' if one.right else ''}taken for {brief(one.answer[0])}"
        + ("" if one.right else f", is {brief(one.other[0])}")
        for one in sheets
    ]
    title = f"{asked.run.path.name}: answers beside the nearest training pictures"
    return asked.keep(
        "mistake", mistake_figure(title, sheets), words=words, numbers={"pictures": told},
        of=Path(found[0].name).stem if len(found) == 1 else "",
    )  # fmt: skip


def _beside(
    asked: Asked, one: Picture, truth: int | None, share: Tensor, query: FEATURES
) -> tuple[Mistake, dict[str, Any]]:
    answer, second = share.topk(2).indices.tolist()
    if truth is None:
        raise UsageProblem(f"the class of {one.name} is not known; say it with --truth CLASS")
    right = answer == truth
    other = second if right else truth
    columns = [_nearest(asked, label, query) for label in (answer, other)]
    view = asked.views(one.pixels[None])[0]
    pairs = [(asked.class_named(label), float(share[label])) for label in (answer, other)]
    sheet = Mistake(view, Path(one.name).name, pairs[0], pairs[1], right, columns[0][0], columns[1][0])
    told = {
        "image": one.name,
        "right": right,
        **{
            key: {"class": asked.run.classes[label], "probability": float(share[label]), "nearest": column[1]}
            for key, label, column in zip(("answer", "other"), (answer, other), columns, strict=True)
        },
    }
    return sheet, told


def _nearest(asked: Asked, label: int, query: FEATURES) -> tuple[list[PIXELS], list[dict[str, Any]]]:
    part, numbers = asked.packed.split("train"), _of_class(asked, label)
    shares = (numbers[start : start + 128] for start in range(0, len(numbers), 128))
    rows = np.concatenate([features(asked.network, asked.inputs(part.pixels(share))) for share in shares])
    found = nearest(rows, query[None], BESIDE)
    images = numbers[found.numbers[0]].tolist()
    away = found.distances[0].tolist()
    told = [{"source": source, "distance": d} for source, d in zip(part.sources(images), away, strict=True)]
    return list(asked.views(part.pixels(images))), told


def _of_class(asked: Asked, label: int) -> NDArray[np.int64]:
    name, classes = asked.run.classes[label], asked.packed.classes
    own = classes.index(name) if name in classes else -1
    numbers = np.flatnonzero(asked.packed.split("train").labels == own)
    if not len(numbers):
        raise UsageProblem(f"{asked.packed.path} has no training pictures of {name}")
    return np.asarray(numbers, dtype=np.int64)


def _label(asked: Asked, truth: str) -> int:
    names = {asked.class_named(label): label for label in range(len(asked.run.classes))}
    names |= {name: label for label, name in enumerate(asked.run.classes)}
    if truth not in names:
        raise UsageProblem(
            f"{asked.run.path} knows no class {truth!r}; it knows {', '.join(asked.run.classes)}"
        )
    return names[truth]
