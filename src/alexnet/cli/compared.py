"""What people see of a comparison of runs: their errors, seeds, pairs and costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alexnet.cli.figures import NONE, error_words, fitting, tabled, terminal

if TYPE_CHECKING:
    from rich.table import Table

    from alexnet.evaluation.calibration import Calibration
    from alexnet.evaluation.paired import Pair
    from alexnet.evaluation.seeds import Between
    from alexnet.verbs.compare import Comparison, Group, Row
    from alexnet.verbs.costs import Costs


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
            error_words(found.mean, found.interval),
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
        ("top-1 error, 95 %", [error_words(row.top1_error, row.top1_interval) for row in rows]),
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
