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
    from alexnet.verbs.demo import Demonstrated
    from alexnet.verbs.evaluate import Evaluation
    from alexnet.verbs.plan import Plan
    from alexnet.verbs.predict import Answer
    from alexnet.verbs.train import Trained


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


def _interval(error: float, interval: Sequence[float]) -> str:
    return f"{error:.2f} %  (95 %: {interval[0]:.2f} … {interval[1]:.2f})"


def prepared(result: "Prepared") -> None:
    """After `prepare`."""
    counts = ", ".join(f"{count:,} {split}" for split, count in result.splits.items())
    _print(
        f"[bold]{result.packed}[/]: {counts}; {result.classes} classes; "
        f"{result.images_per_second:,.0f} images/s in {result.seconds:.1f} s"
    )
    for one in result.skipped[:10]:
        _print(f"[yellow]skipped[/] {one.source}: {one.reason}")
    if len(result.skipped) > 10:
        _print(f"… and {len(result.skipped) - 10} more, all named in the manifest")


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


def evaluated(result: "Evaluation") -> None:
    """After `evaluate`."""
    averaged = f"{len(result.runs)} runs averaged, " if len(result.runs) > 1 else ""
    _print(
        f"{averaged}{result.images:,} images of {result.split}, views: {result.views}",
        f"[bold]top-1 error[/] {_interval(result.top1_error, result.top1_interval)}",
        f"[bold]top-5 error[/] {_interval(result.top5_error, result.top5_interval)}",
    )
    worst = sorted(result.per_class, key=lambda one: -one.top1_error)
    table = _table("class", "images", "top-1 error", "95 % interval", title="the hardest classes")
    for one in worst[:10]:
        low, high = one.top1_interval
        table.add_row(one.name, str(one.images), f"{one.top1_error:.1f} %", f"{low:.1f} … {high:.1f}")
    _print(table)


def predicted(answers: Sequence["Answer"]) -> None:
    """After `predict`: a bar for each class."""
    for answer in answers:
        if answer.top is None:
            complain(f"{answer.image}: {answer.error}")
            continue
        _print(f"[bold]{answer.image}[/]")
        for name, share in answer.top:
            _print(f"  {share:7.2%} [cyan]{'█' * round(30 * share):<30}[/] {name}")


def demo(result: "Demonstrated") -> None:
    """After `demo`: what was reached, where to look, what to try next."""
    evaluated(result.evaluation)
    _print(
        f"{result.seconds:.0f} s in all; look at [bold]{result.picture}[/]",
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
