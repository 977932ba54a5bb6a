"""The model card: what the network is for, what it was measured on, where it fails. Nothing is invented.

Headings follow Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

from dataclasses import dataclass

from alexnet.report.answers import ClassTable, Errors, Trust
from alexnet.report.health import Health
from alexnet.report.training import Training
from alexnet.report.wording import count, interval, percent, plural, share, short

NAMED = 12  # classes by name

UNKNOWN = "Not known: the sections on errors say why."


@dataclass(frozen=True)
class Known:
    """What the other sections found; None where one could not be made."""

    classes: tuple[str, ...]
    training: Training | None
    health: Health | None
    errors: Errors | None
    table: ClassTable | None
    trust: Trust | None


Card = list[tuple[str, list[str]]]
"""Headings, each with its sentences."""


def card_of(known: Known) -> Card:
    """Write it from what is known; what nobody can know from a run folder is said to be left to its owner."""
    return [
        ("Model", _model(known)),
        ("Intended use", _use(known)),
        ("Data", _data(known)),
        ("Measured", _measured(known)),
        ("Limits", _limits(known)),
        ("Licence", _licence()),
    ]


def _model(known: Known) -> list[str]:
    if known.training is None:
        return ["Not known."]
    network = known.training.network
    start = "weights drawn at random" if known.training.init is None else str(known.training.init["path"])
    return [
        f"{network.name}: {short(network.whole.parameters)} parameters, "
        f"{short(network.whole.multiply_adds)} multiply-adds a picture.",
        f"Started from {start}.",
    ]


def _use(known: Known) -> list[str]:
    names = ", ".join(known.classes[:NAMED])
    more = f" and {len(known.classes) - NAMED} more" if len(known.classes) > NAMED else ""
    return [
        f"It answers every picture with one of {plural(len(known.classes), 'class', 'classes')}: "
        f"{names}{more}.",
        "It is for pictures like those it was trained on. A picture of anything else gets one of these "
        "classes all the same, often with a high probability.",
        "What it is to be used for, and what not, is left to whoever passes it on: say it here.",
    ]


def _data(known: Known) -> list[str]:
    if known.health is None:
        return ["The pack was not at hand; its fingerprint stands under the fingerprints above."]
    splits = ", ".join(f"{count(number)} {split}" for split, number in known.health.splits.items())
    return [
        f"{known.health.source}: {splits}.",
        "Who took the pictures, of whom and with what consent, a run folder cannot know: say it here.",
    ]


def _measured(known: Known) -> list[str]:
    if known.errors is None:
        return [UNKNOWN]
    errors = known.errors
    told = [
        f"Top-1 error {percent(errors.top1)} (95\u00a0%: {interval(errors.top1_interval)}) on "
        f"{count(errors.images)} pictures of {errors.split}, views: {errors.views}."
    ]
    if known.trust is not None:
        before = known.trust.before
        sure = "too sure" if before.overconfidence > 0 else "not sure enough"
        verdict = (
            "true probabilities would show as much by chance"
            if before.by_chance
            else f"its answers are {sure} by {share(abs(before.overconfidence), 1)} in the mean"
        )
        told.append(f"Expected calibration error {share(before.expected_error, 1)}; {verdict}.")
    return told


def _limits(known: Known) -> list[str]:
    told = []
    if known.table is not None and known.table.worst:
        worst = ", ".join(
            f"{known.table.names[row.label]} ({percent(row.top1_error, 0)} wrong)"
            for row in known.table.worst[:3]
        )
        told.append(f"It is weakest on {worst}.")
    if known.errors is not None:
        low, high = known.errors.top1_interval
        told.append(
            f"The intervals tell of chance among {count(known.errors.images)} pictures alone (here "
            f"{(high - low) / 2:.1f} points either way): another training adds to it, and so do pictures "
            "from elsewhere."
        )
    if known.health is not None and known.health.balance > 2:
        told.append(
            f"The largest class has {known.health.balance:.1f} times the training pictures of the smallest."
        )
    return told or [UNKNOWN]


def _licence() -> list[str]:
    return [
        "Not stated. A run folder knows neither the licence of the pictures nor that of the weights. "
        "Whoever passes the weights on says here under which licence, after reading that of the data."
    ]
