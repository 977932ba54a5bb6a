"""A competition's CSV: the ids that its template asks for, in that order, with a label or probabilities."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexnet.files import written_whole
from alexnet.problem import Problem
from alexnet.serving.engines import Scores
from alexnet.verbs.predict import Scored

COLUMNS = ("id", "label")


@dataclass(frozen=True)
class Template:
    """What a competition's sample submission asks for."""

    columns: tuple[str, ...]  # the first is that of the ids
    ids: tuple[str, ...]
    labels: tuple[str, ...]  # what stands in the second column there


@dataclass(frozen=True)
class Submission:
    """What was written, and which rows stand for pictures that could not be read."""

    path: str
    rows: int
    guessed: list[str]


def read_template(path: Path) -> Template:
    """Read a sample submission; a Problem where it is no CSV of ids."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise Problem(f"{path} is no sample submission: {error}") from None
    if len(header) < 2 or any(len(row) != len(header) for row in rows):
        raise Problem(f"{path} is no sample submission: it needs ids and as many columns in every row")
    return Template(tuple(header), tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def submit(
    path: Path, scored: Iterable[Scored], classes: Sequence[str], template: Template | None
) -> Submission:
    """Write `path` with a row for each id of `template`, or for each picture where there is none.

    A picture that could not be read gets equal probabilities, or the first class.
    """
    answers = list(scored)
    asked = template or Template(COLUMNS, tuple(Path(one.name).stem for one in answers), ())
    cells = _cells(asked, classes)
    found = _by_id(asked.ids, answers)
    guess = np.full(len(classes), 1 / len(classes), np.float32)
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(asked.columns)
        for name, one in zip(asked.ids, found, strict=True):
            writer.writerow([name, *cells(guess if one.scores is None else one.scores)])
    unread = [name for name, one in zip(asked.ids, found, strict=True) if one.scores is None]
    return Submission(str(path), len(found), unread)


class _Labels:
    """The name of the most probable class, or its number where the template has numbers."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def __call__(self, scores: Scores) -> list[str]:
        return [self.names[int(scores.argmax())]]


class _Probabilities:
    """One probability a column."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places

    def __call__(self, scores: Scores) -> list[str]:
        return [f"{scores[place]:.7g}" for place in self.places]


def _cells(template: Template, classes: Sequence[str]) -> "_Labels | _Probabilities":
    """What stands behind an id; a Problem where the columns are no classes of the run."""
    columns = template.columns[1:]
    if all(column in classes for column in columns):
        return _Probabilities([classes.index(column) for column in columns])
    if len(columns) > 1:
        unknown = [column for column in columns if column not in classes]
        raise Problem(
            f"the template has columns that are no classes of the run: {', '.join(unknown[:5])}; "
            f"its classes are {', '.join(classes[:5])} …"
        )
    numbered = template.labels and all(label.isdigit() for label in template.labels)
    named_by_numbers = any(name.isdigit() for name in classes)
    return _Labels([str(n) for n in range(len(classes))] if numbered and not named_by_numbers else classes)


def _by_id(ids: Sequence[str], answers: Sequence[Scored]) -> list[Scored]:
    """The answer to each id, which is a picture's path, its name, or its name without extension."""
    known: dict[str, Scored] = {}
    twice: set[str] = set()
    for one in answers:
        path = Path(one.name)
        for name in {one.name, path.name, path.stem}:
            if name in known:
                twice.add(name)
            known[name] = one
    missing = [name for name in ids if name not in known]
    if missing:
        raise Problem(
            f"the template asks for {len(missing)} ids that no picture has: {', '.join(missing[:5])}; name "
            "the folder with all of its pictures"
        )
    doubtful = [name for name in ids if name in twice]
    if doubtful:
        raise Problem(f"several pictures have the id {doubtful[0]}; name one folder of pictures alone")
    return [known[name] for name in ids]
