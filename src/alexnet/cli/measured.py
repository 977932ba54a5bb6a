"""What people see of an evaluation: errors, classes, thresholds, temperatures, learning curves."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alexnet.cli.figures import NONE, error_words, tabled, terminal

if TYPE_CHECKING:
    from rich.table import Table

    from alexnet.evaluation.calibration import Calibration
    from alexnet.evaluation.thresholds import Threshold
    from alexnet.verbs.calibrate import Calibrated
    from alexnet.verbs.evaluate import Evaluation
    from alexnet.verbs.learning_curve import LearningCurve
    from alexnet.verbs.precise import Precise

HARDEST = 10  # classes that are shown without being asked for


def evaluated(result: "Evaluation", *, rows: int | None = HARDEST) -> None:
    """After `evaluate`: errors, what is confused, how true probabilities are, and `rows` classes or all."""
    averaged = f"{len(result.runs)} runs averaged, " if len(result.runs) > 1 else ""
    lines = [
        f"{averaged}{result.images:,} images of {result.split}, views: {result.views}",
        f"[bold]top-1 error[/] {error_words(result.top1_error, result.top1_interval)}",
        f"[bold]top-5 error[/] {error_words(result.top5_error, result.top5_interval)}",
    ]
    if result.calibration:
        lines.append(f"[bold]calibration error[/] {calibration_words(result.calibration)}")
    if result.most_confused:
        worst = [f"{one.name} as {one.answered} ({one.share:.1f} %)" for one in result.most_confused[:3]]
        lines.append(f"[bold]confused most[/] {', '.join(worst)}")
    for line in lines:
        terminal().print(line, soft_wrap=True)
    terminal().print(class_table(result, rows))


def class_table(result: "Evaluation", rows: int | None) -> "Table":
    """The classes as they stand, or the `rows` hardest."""
    chosen = result.per_class if rows is None else sorted(result.per_class, key=lambda one: -one.top1_error)
    table = tabled(
        "class", "images", "top-1 error", "95 %", "top-5", "precision", "F1", left=("class",), wrap="class"
    )
    for one in chosen[:rows]:
        low, high = one.top1_interval
        table.add_row(
            one.name,
            f"{one.images:,}",
            f"{one.top1_error:.1f} %",
            f"{low:.1f} … {high:.1f}",
            f"{one.top5_error:.1f} %",
            NONE if one.precision is None else f"{one.precision:.1f} %",
            f"{one.f1:.1f} %",
        )
    if rows is None:
        table.add_section()
        means = result.macro
        table.add_row(
            "mean over classes",
            "",
            f"{100 - means.recall:.1f} %",
            "",
            "",
            f"{means.precision:.1f} %",
            f"{means.f1:.1f} %",
        )
    elif len(result.per_class) > rows:
        table.title, table.title_justify = "the hardest classes", "left"
    return table


def calibration_words(found: "Calibration") -> str:
    """The expected calibration error, beside what chance alone would show, in words."""
    chance = f"{100 * found.expected_error_by_chance:.2f} % by chance alone"
    if found.by_chance:
        return f"{100 * found.expected_error:.2f} %: no more than true probabilities would show ({chance})"
    leaning = "too sure" if found.overconfidence > 0 else "not sure enough"
    return (
        f"{100 * found.expected_error:.2f} % ({chance}): {leaning} by {100 * abs(found.overconfidence):.2f} %"
    )


def precise(result: "Precise") -> None:
    """After `evaluate --precision`."""
    title = f"{result.wanted:g} % right"
    table = tabled(title, "answer above", "answered", "precision", "95 %", left=(title,))
    table.add_row("reached on these", *_threshold(result.seen))
    table.add_row("promised for others", *_threshold(result.promised))
    terminal().print(table)
    classes = tabled("class", "answer above", "answered", "precision", "95 %", left=("class",), wrap="class")
    for one in result.per_class:
        classes.add_row(one.name, *_threshold(one.seen))
    terminal().print(classes)
    terminal().print(
        f"area under risk and coverage {result.curve.area:.2f} %; with the best order it would be "
        f"{result.curve.best_area:.2f} %. The thresholds of single classes are as seen on these pictures.",
        soft_wrap=True,
    )


def _threshold(one: "Threshold") -> tuple[str, str, str, str]:
    if one.above is None:
        return "none does", NONE, NONE, NONE
    low, high = one.interval
    return (
        f"{one.above:.4f}",
        f"{one.answered:,} ({one.coverage:.1f} %)",
        f"{one.precision:.2f} %",
        f"{low:.2f} … {high:.2f}",
    )


def calibrated(result: "Calibrated") -> None:
    """After `evaluate --fit-temperature`."""
    found = result.temperature
    low, high = found.interval
    words = [
        f"[bold]temperature[/] {found.value:.3f} (95 %: {low:.3f} … {high:.3f}), fitted on {found.images:,} "
        f"pictures of {result.fitted_on}, kept in {result.file}",
        f"calibration error before: {calibration_words(result.before)}",
        f"after, {result.how}: {calibration_words(result.after)}",
    ]
    if found.bounded:
        words.append("the fit went as far as it may: these pictures do not tell a temperature")
    for line in words:
        terminal().print(line, soft_wrap=True)


def learned(result: "LearningCurve") -> None:
    """After `learning-curve`."""
    table = tabled("pictures", "share", "seed", "top-1 error, 95 %", "top-5 error", "training")
    for one in result.points:
        table.add_row(
            f"{one.images:,}",
            f"{one.share:g}",
            str(one.seed),
            error_words(one.top1_error, one.top1_interval),
            f"{one.top5_error:.2f} %",
            f"{one.seconds:,.0f} s",
        )
    terminal().print(table)
    for line in _law(result):
        terminal().print(line, soft_wrap=True)


def _law(result: "LearningCurve") -> Iterator[str]:
    if result.law:
        yield (
            f"error falls as pictures^−{result.law.exponent:.2f}: a power law through "
            f"{result.law.points} sizes, at most {100 * result.law.misfit:.1f} % off"
        )
        if not result.law.fits:
            yield (
                "that is no power law, so trust nothing beyond these sizes; where the smallest has not begun "
                "to learn, give more epochs"
            )
    if result.twice:
        low, high = result.twice.interval
        yield (
            f"[bold]extrapolated, not measured:[/] {result.twice.images:,} pictures would give "
            f"{result.twice.error:.2f} % ({low:.2f} … {high:.2f}), if the law goes on to hold"
        )
    yield f"{result.images:,} images of {result.split}; drawn in {result.pictures[0]}"
