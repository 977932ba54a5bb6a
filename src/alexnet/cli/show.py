"""What people see: tables and sentences on stdout, complaints on stderr; JSON for programs."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from alexnet.dataset.prepare import Prepared
    from alexnet.verbs.ablate import Row
    from alexnet.verbs.average import Average
    from alexnet.verbs.demo import Demonstrated
    from alexnet.verbs.export import Export
    from alexnet.verbs.plan import Plan
    from alexnet.verbs.predict import Answer
    from alexnet.verbs.rates import Rates
    from alexnet.verbs.repeat import Repeated
    from alexnet.verbs.train import Trained
    from alexnet.verbs.transfer import Transferred


def complain(words: str) -> None:
    """Say what is wrong in one line on stderr."""
    print(f"alexnet: {' '.join(words.split())}", file=sys.stderr)


def document(value: Any) -> None:
    """Print JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def plain(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON's own types."""
    return asdict(value)


def _print(*lines: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for line in lines:
        console.print(line)


def _table(*columns: str, title: str | None = None) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        left = column in ("class", "network", "layer", "output", "input", "without", "reading", "in 2012")
        table.add_column(
            column, justify="left" if left else "right", no_wrap=column not in ("class", "in 2012")
        )
    return table


def prepared(result: "Prepared") -> None:
    """After `prepare`."""
    counts = ", ".join(f"{count:,} {split}" for split, count in result.splits.items())
    _print(
        f"[bold]{result.packed}[/]: {counts}; {result.classes} classes; "
        f"{result.images_per_second:,.0f} images/s in {result.seconds:.1f} s; "
        f"{result.bytes / 1e9:,.2f} GB, some of it to look at: {result.packed}/sheet.png"
    )
    for one in result.skipped[:10]:
        _print(f"[yellow]skipped[/] {one.source}: {one.reason}")
    if result.skips > 10:
        _print(f"… and {result.skips - 10:,} more, all named in the manifest")


def transferred(rows: "Sequence[Transferred]") -> None:
    """After `transfer`: a row for each number of pictures, both ways side by side."""
    table = _table("a class", "in all", *dict.fromkeys(row.readout for row in rows))
    for shots in dict.fromkeys(row.shots for row in rows):
        same = [row for row in rows if row.shots == shots]
        told = [f"{row.top1_error:.2f} ({row.interval[0]:.2f} … {row.interval[1]:.2f})" for row in same]
        table.add_row("all" if shots is None else str(shots), f"{same[0].pictures:,}", *told)
    _print(table, f"learned from so many; top-1 error in per cent on {rows[0].images:,} pictures, 95 %")


def rates(found: "Rates") -> None:
    """After `rates`: the rate that is suggested, beside the recipe's own."""
    if found.suggested is None:
        _print("the loss never fell: look at the pictures with `alexnet doctor`, or take more --steps")
    else:
        _print(
            f"highest rate that holds: about [bold]{found.suggested:.2g}[/]; recipe {found.recipe} goes up "
            f"to {found.recipes_own:.2g}"
        )
    if found.picture:
        _print(f"drawn in {found.picture}")


def averaged(made: "Average") -> None:
    """After `average`: of how many, and where."""
    _print(f"[bold]{made.run}[/]: the mean of {len(made.of)}; statistics of {made.norms} batch norms anew")


def chosen(rules: Sequence[str]) -> None:
    """Before a training whose recipe was chosen: the rules that held."""
    for rule in rules:
        print(f"auto: {rule}", file=sys.stderr)


def trained(result: "Trained") -> None:
    """After `train`: the result, and where the time went."""
    if not result.steps:
        _print(f"[bold]{result.run}[/]: the weights it starts from, not trained")
        return
    _print(
        f"[bold]{result.run}[/]: {result.epochs} epochs, {result.steps:,} steps, "
        f"{result.images_per_second:,.0f} images/s, {result.seconds:.1f} s"
    )
    if result.top1_error is not None:
        _print(f"validation error: top-1 {result.top1_error:.2f} %, top-5 {result.top5_error:.2f} %")
    _print("time: " + ", ".join(f"{part} {100 * share:.1f} %" for part, share in result.shares.items()))
    for line in result.advice:
        _print(f"faster: {line}")


def repeated(result: "Repeated") -> None:
    """After `train --repeat`: each training, and what chance does between them."""
    for one in result.runs:
        error = "" if one.top1_error is None else f", top-1 error {one.top1_error:.2f} %"
        _print(f"[bold]{one.run}[/]: {one.epochs} epochs, {one.seconds:.1f} s{error}")
    if result.top1_mean is not None and result.top1_interval is not None:
        low, high = result.top1_interval
        _print(
            f"validation error over {len(result.runs)} seeds: {result.top1_mean:.2f} % "
            f"({low:.2f} … {high:.2f}), from seed to seed ±{result.top1_deviation:.2f}"
        )


def predicted(answers: Sequence["Answer"]) -> None:
    """After `predict`: a bar for each class."""
    for answer in answers:
        if answer.top is None:
            complain(f"{answer.image}: {answer.error}")
            continue
        _print(f"[bold]{answer.image}[/]")
        for name, share in answer.top:
            _print(f"  {share:7.2%} [cyan]{'█' * round(30 * share):<30}[/] {name}")


def exported(result: "Export") -> None:
    """After `export`: the file, how it agrees with the run, how fast it is."""
    _print(
        f"[bold]{result.files[0]}[/]: {result.format}, {result.bytes / 1e6:,.1f} MB, "
        f"{result.size:.0%} of the weights in float32",
        f"{result.pictures:,} pictures: {result.top1_agreement:.2%} of the answers as the run's, "
        f"probabilities at most {result.max_abs_difference:.1e} apart (allowed: {result.tolerance})",
    )
    if result.top1_error is not None:
        _print(f"top-1 error {result.top1_error:.2f} %, the run's {result.original_top1_error:.2f} %")
    if result.calibration_pictures:
        kept = f"; in float: {', '.join(result.kept_in_float)}" if result.kept_in_float else ""
        _print(f"calibrated on {result.calibration_pictures} training pictures{kept}")
    for speed in result.speeds:
        _print(
            f"  {speed.engine:<9} batch {speed.batch:>2}: {speed.milliseconds:8.2f} ms a picture, "
            f"{speed.times:.1f} × as fast as torch"
        )
    if result.speeds:
        _print(f"ask it: alexnet predict {result.files[0]} PICTURE")


def demo(result: "Demonstrated") -> None:
    """After `demo`: what was reached, where to look, what to try next."""
    from alexnet.cli.measured import evaluated

    evaluated(result.evaluation)
    _print(
        f"{result.seconds:.0f} s in all; look at [bold]{result.picture}[/] and, in a browser, "
        f"[bold]{result.report}[/]",
        "",
        "Try next:",
        f"  alexnet predict {result.run} PICTURE          what is on a picture of yours",
        "  alexnet networks alexnet                the network of 2012, layer by layer",
        "  alexnet prepare PICTURES packed/mine    your own folder of class folders",
    )


def ablated(rows: Sequence["Row"]) -> None:
    """After `ablate`: the whole recipe, then what is lost without each thing."""
    table = _table("without", "top-1 error", "difference", "95 % interval", "cost", "reading", "in 2012")
    whole = rows[0]
    for row in rows:
        difference = row.top1_difference
        table.add_row(
            row.without or "— (whole)",
            f"{row.top1_error:.2f} %",
            f"{difference.points:+.2f}" if difference else "",
            f"{difference.interval[0]:+.2f} … {difference.interval[1]:+.2f}" if difference else "",
            f"× {row.seconds / whole.seconds:.2f}",
            row.reading,
            row.published,
        )
    _print(table, f"{whole.seeds} seeds each, {whole.images:,} images; points of top-1 error, paired")


def planned(plan: "Plan") -> None:
    """After `train --dry-run`."""
    _print(
        f"[bold]{plan.recipe}[/]: {plan.network}, {plan.parameters:,} parameters",
        f"{plan.images:,} images, {plan.epochs} epochs of {plan.steps_per_epoch:,} steps of {plan.batch}: "
        f"{plan.steps:,} steps, {plan.multiply_adds:.2e} multiply-adds",
        f"memory about {plan.memory / 2**30:.1f} GiB; a step takes {plan.seconds_per_step:.2f} s here",
        f"[bold]time about {_duration(plan.seconds)}[/]; over ILSVRC-2012 {_duration(plan.ilsvrc_seconds)} "
        "on this machine (calculated)",
        f"the network of 2012 took {plan.in_2012}",
        *(f"auto: {rule}" for rule in plan.chosen),
        "",
        *_rates(plan),
    )


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _rates(plan: "Plan") -> list[str]:
    """A row for every stretch of epochs with one rate; smooth schedules are shown at twenty points."""
    lines = plan.schedule[:: max(1, len(plan.schedule) // 20)]
    lines = (
        [
            line
            for before, line in zip([None, *plan.schedule], plan.schedule, strict=False)
            if before is None or {**before, "epoch": 0} != {**line, "epoch": 0}
        ]
        if len({line["rate"] for line in plan.schedule}) < 10
        else lines
    )
    highest = max(line["rate"] for line in plan.schedule) or 1.0
    rows = []
    for line in lines:
        decades = 1 + math.log10(max(line["rate"] / highest, 1e-5)) / 5
        noise = "  colour noise" if line["colour_noise"] else ""
        slowed = "".join(f"  {match} × {times:g}" for match, times in line["rules"].items() if times != 1)
        rows.append(
            f"epoch {line['epoch']:>4}  rate {line['rate']:<8.2g} [cyan]{'█' * round(24 * decades):<24}[/]"
            f"[dim]{noise}{slowed}[/]"
        )
    return rows
