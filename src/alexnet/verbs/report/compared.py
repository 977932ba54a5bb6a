"""The sections of a report that compares several runs."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

from alexnet.evaluation.predictions import Predictions
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.report import wording
from alexnet.report.comparison import (
    Compared,
    Standing,
    believed_of,
    beside_of,
    classes_compared,
    paired_of,
    recipes_of,
    standing_of,
)
from alexnet.report.page import Figure, Page
from alexnet.report.section import Section, made
from alexnet.training.log import read_metrics
from alexnet.verbs.probe.whole import weight_of_heads
from alexnet.verbs.report.material import Material
from alexnet.verbs.report.told import errors_told, speed_told

Made = TypeVar("Made")


def page_of_several(materials: Sequence[Material]) -> Page:
    """Compare them in the order they are named."""
    names = told_apart(materials)
    standing = made("standing", "Errors side by side", lambda: _standing(names, materials))
    sections: list[Section[Any]] = [
        standing,
        made("paired", "Picture by picture", lambda: paired_of(_same_pictures(names, materials))),
        made("beside", "Curves", lambda: beside_of(_logs(names, materials))),
        made("recipes", "Where the recipes differ", lambda: recipes_of(_each(names, materials, _recipe))),
        made(
            "differences",
            "Class by class",
            lambda: classes_compared(_same_pictures(names, materials), materials[0].names),
        ),
        made(
            "believed",
            "How far their probabilities can be trusted",
            lambda: believed_of(_scores(names, materials)),
        ),
    ]
    title = " · ".join(names) if len(names) < 4 else f"{len(names)} runs compared"
    return Page(
        "Trainings compared", title, _lead(standing.facts, len(names)), _figures(standing.facts), sections
    )


def told_apart(materials: Sequence[Material]) -> list[str]:
    """Names of run folders, whole paths where two have the same name."""
    short = [material.run.path.resolve().name for material in materials]
    names = short if len(set(short)) == len(short) else [str(material.run.path) for material in materials]
    if len(set(names)) < len(names):
        raise UsageProblem(f"{names[0]} is named twice; name each run once")
    return names


def _standing(names: Sequence[str], materials: Sequence[Material]) -> Standing:
    return standing_of([_one(name, material) for name, material in zip(names, materials, strict=True)])


def _one(name: str, material: Material) -> Compared:
    return Compared(
        name,
        material.network,
        made("errors", "Errors", lambda: errors_told(material)),
        made("speed", "Speed", lambda: speed_told(material)),
    )


def _each(
    names: Sequence[str], materials: Sequence[Material], give: Callable[[Material], Made]
) -> dict[str, Made]:
    return {name: give(material) for name, material in zip(names, materials, strict=True)}


def _recipe(material: Material) -> Recipe:
    return material.run.recipe


def _logs(names: Sequence[str], materials: Sequence[Material]) -> dict[str, list[dict[str, Any]]]:
    return _each(names, materials, _log)


def _log(material: Material) -> list[dict[str, Any]]:
    """The lines of a log, training losses as of one head: GoogLeNet's has three."""
    heads = weight_of_heads(material.run)
    return [
        {**line, "training_loss": line["training_loss"] / heads} if "training_loss" in line else line
        for line in read_metrics(material.run.metrics)
    ]


def _scores(names: Sequence[str], materials: Sequence[Material]) -> dict[str, Predictions]:
    """Of the runs that can be measured; a Problem where none can."""
    found, problem = {}, Problem("nothing can be measured")
    for name, material in zip(names, materials, strict=True):
        try:
            found[name] = material.predictions
        except Problem as one:
            problem = one
    if not found:
        raise problem
    return found


def _same_pictures(names: Sequence[str], materials: Sequence[Material]) -> dict[str, Predictions]:
    """Scores of runs on the same pictures; a UsageProblem where they are of several sets."""
    scores = _scores(names, materials)
    if len(scores) < 2:
        raise UsageProblem("fewer than two of these runs could be measured")
    measured = [(name, material) for name, material in zip(names, materials, strict=True) if name in scores]
    head, first = measured[0]
    for name, material in measured[1:]:
        same = material.run.classes == first.run.classes and material.identity == first.identity
        if not same or not torch.equal(scores[name].labels, scores[head].labels):
            raise UsageProblem(
                f"{name} and {head} were measured on different pictures or classes; measure all on one "
                "pack with --data PACKED"
            )
    return scores


def _lead(standing: Standing | None, count: int) -> str:
    told = f"{wording.plural(count, 'run')} compared"
    measured = [row for row in standing.rows if row.errors.facts] if standing else []
    if not measured:
        return f"{told}."
    best = min(measured, key=lambda row: row.errors.facts.top1 if row.errors.facts else 100.0)
    assert best.errors.facts is not None
    return (
        f"{told}. The lowest top-1 error is that of {best.name}, {wording.percent(best.errors.facts.top1)} "
        f"on {wording.count(best.errors.facts.images)} pictures of {best.errors.facts.split} "
        f"(95\u00a0%: {wording.interval(best.errors.facts.top1_interval)})."
    )


def _figures(standing: Standing | None) -> list[Figure]:
    rows = standing.rows[:6] if standing else ()
    return [
        Figure(
            row.name,
            wording.percent(row.errors.facts.top1),
            f"95\u00a0%: {wording.interval(row.errors.facts.top1_interval)}",
        )
        for row in rows
        if row.errors.facts
    ]
