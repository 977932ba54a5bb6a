"""The sections of one run's report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexnet.dataset.examination import Finding, examine_manifests
from alexnet.problem import Problem
from alexnet.report import wording
from alexnet.report.answers import (
    ClassTable,
    Confusion,
    Errors,
    Kept,
    Trust,
    classes_of,
    confusion_of,
    errors_of,
    kept_of,
    trust_of,
)
from alexnet.report.card import Known, card_of
from alexnet.report.curves import Curves, curves_of
from alexnet.report.health import Health, health_of, saved_findings
from alexnet.report.kernels import FirstLayer, first_layer_of
from alexnet.report.mistakes import Mistakes, mistakes_of
from alexnet.report.neighbours import ACROSS, ROWS, Neighbourhood, Searched, rows_of, spread_over_classes
from alexnet.report.page import Figure, Page
from alexnet.report.section import Section, made
from alexnet.report.speed import Speed, speed_of
from alexnet.report.training import Training, threads_of, training_of
from alexnet.serving.card import TEMPERATURE, temperature_of
from alexnet.training.log import read_metrics
from alexnet.verbs.probe.whole import weight_of_heads
from alexnet.verbs.report.material import VIEWS, Material

Doctor = tuple[Sequence[Finding], str]
"""Findings of an examination, and what they are of."""


def page_of(material: Material, doctor: Doctor | None) -> Page:
    """Make every section that can be made; `doctor` is what an examination found, and its words."""
    training = made("training", "What was trained, and how", lambda: _training(material))
    health = made("data", "Health of the data", lambda: _health(material, doctor))
    errors = made("errors", "Errors", lambda: errors_told(material))
    table = made("classes", "Class by class", lambda: _classes(material))
    trust = made("calibration", "How far its probabilities can be trusted", lambda: _trust(material))
    known = Known(tuple(material.names), training.facts, health.facts, errors.facts, table.facts, trust.facts)
    speed = made("speed", "Speed, and where the time went", lambda: speed_told(material))
    sections: list[Section[Any]] = [
        training,
        health,
        made("curves", "Training against validation", lambda: _curves(material)),
        errors,
        table,
        made("confusion", "What is taken for what", lambda: _confusion(material)),
        trust,
        made("mistakes", "Worst mistakes", lambda: _mistakes(material)),
        made("kernels", "First-layer kernels", lambda: _kernels(material)),
        made("neighbours", "Nearest training pictures", lambda: _neighbours(material)),
        speed,
        made("card", "Model card", lambda: card_of(known)),
    ]
    figures = [*_headline(errors.facts), *_costs(training.facts, speed.facts)]
    return Page(
        "Report of a training",
        material.run.path.resolve().name,
        _lead(material, errors.facts, health.facts),
        figures,
        sections,
    )


def doctors(path: Path) -> Doctor:
    """What `alexnet doctor --json` found, from a file; and words that say so."""
    findings, source = saved_findings(path)
    return findings, f"By the examination of {source} in {path.name}."


def _packed(material: Material) -> Any:
    try:
        return material.packed
    except Problem:
        return None


def _training(material: Material) -> Training:
    return training_of(material.run, material.network, _packed(material))


def _health(material: Material, doctor: Doctor | None) -> Health:
    packed, run = material.packed, material.run
    findings: Sequence[Finding]
    if doctor is not None:
        findings, examined = doctor
    else:
        findings = examine_manifests(packed.path, progress=material.asked.progress).findings
        examined = (
            "By the pack's own records: its description against its manifest, equal contents, class sizes. "
            "Pixels were not looked at; `alexnet doctor` does that."
        )
    return health_of(
        packed, findings, examined,
        trained_on=run.dataset.get("fingerprint"), words=material.asked.words,
    )  # fmt: skip


def _curves(material: Material) -> Curves:
    run = material.run
    return curves_of(read_metrics(run.metrics), len(run.classes), heads=weight_of_heads(run))


def errors_told(material: Material) -> Errors:
    """Errors on the measured split."""
    return errors_of(material.predictions, material.measured, VIEWS)


def _classes(material: Material) -> ClassTable:
    return classes_of(material.predictions, material.names)


def _confusion(material: Material) -> Confusion:
    return confusion_of(material.predictions, material.names)


def _trust(material: Material) -> Trust:
    return trust_of(material.predictions, _kept(material))


def _kept(material: Material) -> Kept | None:
    """The temperature that the run keeps; measured here, unless on the pictures that fitted it."""
    path = material.run.path / TEMPERATURE
    if not path.is_file():
        return None
    answered_at = temperature_of(material.run.path)  # a damaged file is refused here
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        fitted_on = f"{document['dataset']} {document['fitted_on']}"
        others = material.predictions if fitted_on != material.identity else None
        return kept_of(document, others, used=document["temperature"] == answered_at)
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(f"{path} is damaged: {error!r}; delete it, or calibrate again") from None


def _mistakes(material: Material) -> Mistakes:
    return mistakes_of(
        material.predictions, material.shelf, material.training, material.names, budget=material.budget
    )


def _kernels(material: Material) -> FirstLayer:
    return first_layer_of(material.asked.network, material.run.path.name)


def _neighbours(material: Material) -> Neighbourhood:
    numbers = spread_over_classes(material.shelf.labels, ROWS)
    by_features, by_pixels = material.neighbours(numbers, ACROSS), material.pixel_neighbours(numbers, ACROSS)
    found = {"features": by_features, "pixels": by_pixels}
    among = Searched(
        features=len(material.looked_among),
        pixels=len(material.compared_among),
        of=len(material.training.labels),
        indexed=material.index is not None,
    )
    rows = rows_of(numbers, material.shelf, material.training, found, material.names)
    return Neighbourhood(rows, among, material.agreement(), len(material.compared_among))


def speed_told(material: Material) -> Speed:
    """What the newest checkpoint says of time."""
    run = material.run
    checkpoint = run.checkpoint()
    if checkpoint is None:
        raise Problem(f"{run.path} holds no weights yet; repeat its `alexnet train` command")
    return speed_of(
        checkpoint.state,
        multiply_adds=material.network.whole.multiply_adds,
        weights=sum(file.stat().st_size for file in checkpoint.weight_files()),
        threads=threads_of(run),
    )


def _lead(material: Material, errors: Errors | None, health: Health | None) -> str:
    run = material.run
    on = health.source if health is not None else wording.plural(len(run.classes), "class", "classes")
    told = f"{run.recipe.network}, trained on {on} by the recipe {run.recipe.name}"
    if errors is None:
        return f"{told}."
    low, high = (100 - bound for bound in errors.top1_interval[::-1])
    return (
        f"{told}, answers {wording.percent(100 - errors.top1, 1)} of {wording.count(errors.images)} "
        f"pictures of {errors.split} rightly (95\u00a0%: {wording.interval((low, high), 1)})."
    )


def _headline(errors: Errors | None) -> list[Figure]:
    if errors is None:
        return []
    figures = [
        Figure(
            "top-1 error",
            wording.percent(errors.top1),
            f"95\u00a0%: {wording.interval(errors.top1_interval)}",
        )
    ]
    if errors.five_tell:
        figures.append(
            Figure(
                "top-5 error",
                wording.percent(errors.top5),
                f"95\u00a0%: {wording.interval(errors.top5_interval)}",
            )
        )
    return figures


def _costs(training: Training | None, speed: Speed | None) -> list[Figure]:
    figures = []
    if training is not None:
        whole = training.network.whole
        told = f"{wording.short(whole.multiply_adds)} multiply-adds"
        figures.append(Figure("parameters", wording.short(whole.parameters), told))
    if speed is not None:
        told = f"{wording.count(speed.images_per_second)} pictures a second"
        figures.append(Figure("training", wording.duration(speed.seconds), told))
    return figures
