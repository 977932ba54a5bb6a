"""What people see of an evaluation: errors, classes, thresholds, temperatures, comparisons."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from alexnet.cli.figures import NONE, fitting, tabled, terminal

if TYPE_CHECKING:
    from rich.table import Table

    from alexnet.evaluation.calibration import Calibration
    from alexnet.evaluation.paired import Pair
    from alexnet.evaluation.seeds import Between
    from alexnet.evaluation.thresholds import Threshold
    from alexnet.verbs.calibrate import Calibrated
    from alexnet.verbs.compare import Comparison, Group, Row
    from alexnet.verbs.costs import Costs
    from alexnet.verbs.evaluate import Evaluation
    from alexnet.verbs.learning_curve import LearningCurve
    from alexnet.verbs.precise import Precise

HARDEST = 10  # classes that are shown without being asked for


def evaluated(result: "Evaluation", *, rows: int | None = HARDEST) -> None:
    """After `evaluate`: errors, what is confused, how true probabilities are, and `rows` classes or all."""
    averaged = f"{len(result.runs)} runs averaged, " if len(result.runs) > 1 else ""
    lines = [
        f"{averaged}{result.images:,} images of {result.split}, views: {result.views}",
        f"[bold]top-1 error[/] {_error(result.top1_error, result.top1_interval)}",
        f"[bold]top-5 error[/] {_error(result.top5_error, result.top5_interval)}",
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


def compared(result: "Comparison") -> None:
    """After `compare`: the runs, recipes that have several seeds, then each two of either."""
    terminal().print(f"{result.images:,} images of {result.split}, views: {result.views}")
    terminal().print(_runs(result.runs, five=result.classes > 5))
    console = terminal()
    if result.groups:
        _grouped(result.groups, result.between)
    console.print(fitting(console, lambda: _pairs(result.pairs, True), lambda: _pairs(result.pairs, False)))
    if costs := [(row.name, row.costs) for row in result.runs if row.costs]:
        console.print(_costs(costs))
    told = "McNemar's test" + (
        f", Holm's correction over {len(result.pairs)} pairs" if len(result.pairs) > 1 else ""
    )
    console.print(
        f"points of top-1 error by which the second errs more, 95 % intervals; {told}", soft_wrap=True
    )


def _grouped(groups: Sequence["Group"], pairs: Sequence["Between"]) -> None:
    """Recipes over their seeds: the mean, what chance does, and each two of them."""
    table = tabled(
        "recipe", "seeds", "top-1 error, 95 % over seeds", "seed to seed", "pictures' noise",
        left=("recipe",), wrap="recipe",
    )  # fmt: skip
    for one in groups:
        found = one.top1
        table.add_row(
            one.name,
            str(found.seeds),
            _error(found.mean, found.interval),
            f"±{found.seed_deviation:.2f}",
            f"±{found.picture_deviation:.2f}",
        )
    terminal().print(table)
    for one in groups:
        terminal().print(f"{one.name}: {one.top1.reading}", soft_wrap=True)
    for two in pairs:
        low, high = two.difference.interval
        terminal().print(
            f"{two.second} beside {two.first}: {two.difference.points:+.2f} points "
            f"({low:+.2f} … {high:+.2f}, over pictures and seeds): {two.reading}",
            soft_wrap=True,
        )
    terminal().print("the single runs:")


def _runs(rows: Sequence["Row"], *, five: bool) -> "Table":
    columns: list[tuple[str, list[str]]] = [
        ("run", [row.name for row in rows]),
        ("top-1 error, 95 %", [_error(row.top1_error, row.top1_interval) for row in rows]),
        ("top-5 error", [f"{row.top5_error:.2f} %" for row in rows] if five else []),
        ("loss", [f"{row.loss:.3f}" for row in rows]),
        ("calibration error", [_calibration(row.calibration) for row in rows]),
    ]
    columns = [(title, cells) for title, cells in columns if cells]
    table = tabled(*(title for title, _ in columns), left=("run",), wrap="run")
    for cells in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*cells)
    return table


def _costs(rows: Sequence[tuple[str, "Costs"]]) -> "Table":
    threads = rows[0][1].threads
    table = tabled(
        "run", "trained", "pictures/s", "answers/s, 1 thread", f"all {threads}", "one by one", "memory",
        "parameters", "multiply-adds", "on disk", left=("run",), wrap="run",
    )  # fmt: skip
    for name, one in rows:
        table.add_row(
            name, f"{one.training_seconds / 60:.1f} min", f"{one.training_rate:,.0f}",
            f"{one.one_thread:,.0f}", f"{one.all_threads:,.0f}", f"{one.one_by_one:,.0f}",
            f"{one.memory_bytes / 2**20:,.0f} MiB", f"{one.parameters / 1e6:,.2f} M",
            f"{one.multiply_adds / 1e6:,.0f} M", f"{one.disk_bytes / 1e6:,.1f} MB",
        )  # fmt: skip
    return table


def _calibration(found: "Calibration | None") -> str:
    if found is None:
        return NONE
    return f"{100 * found.expected_error:.2f} %{' (chance)' if found.by_chance else ''}"


def _pairs(pairs: Sequence["Pair"], whole: bool) -> "Table":
    titles = ["first", "second", "points", "95 %", "p", "Holm's", "reading"]
    if not whole:
        titles = [title for title in titles if title not in ("95 %", "p")]
    table = tabled(*titles, left=("first", "second", "reading"), wrap="" if whole else "reading")
    for pair in pairs:
        low, high = pair.difference.interval
        cells = {
            "first": pair.first,
            "second": pair.second,
            "points": f"{pair.difference.points:+.2f}",
            "95 %": f"{low:+.2f} … {high:+.2f}",
            "p": f"{_p(pair.mcnemar.p)} {pair.mcnemar.test}",
            "Holm's": _p(pair.adjusted_p),
            "reading": pair.reading,
        }
        table.add_row(*(cells[title] for title in titles))
    return table


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _error(error: float, interval: Sequence[float]) -> str:
    return f"{error:.2f} % ({interval[0]:.2f} … {interval[1]:.2f})"


def learned(result: "LearningCurve") -> None:
    """After `learning-curve`."""
    table = tabled("pictures", "share", "seed", "top-1 error, 95 %", "top-5 error", "training")
    for one in result.points:
        table.add_row(
            f"{one.images:,}",
            f"{one.share:g}",
            str(one.seed),
            _error(one.top1_error, one.top1_interval),
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
