"""The verb doctor, and its report as people read it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexnet.cli import show
from alexnet.cli.options import Json, bars

if TYPE_CHECKING:
    from rich.table import Table

    from alexnet.dataset.examination import Report
    from alexnet.dataset.examination.figures import Figures

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_CLASSES = 12  # of a split that are shown


def doctor(
    source: Annotated[str, typer.Argument(help="What `prepare` would read, or a packed data set.")],
    list_to: Annotated[
        Path | None,
        typer.Option("--list", help="Write the pictures to set aside here: name, tab, reason."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="These alone: names with commas, or a file with one a line.")
    ] = None,
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="Pictures of no class.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; default: all cores.")] = None,
    json: Json = False,
) -> None:
    """What is wrong with the pictures, before anything else. It never touches them.

    Exit code 1 when something would spoil a training. Example: `alexnet doctor pictures/ --list bad.txt`
    """
    from alexnet.dataset.sources import read_class_names
    from alexnet.verbs.doctor import doctor as verb

    report = verb(
        source,
        classes=read_class_names(classes) if classes else None,
        unlabelled=unlabelled,
        list_to=list_to,
        workers=workers,
        progress=bars,
    )
    show.document(show.plain(report) | {"ok": report.ok}) if json else _shown(report, list_to)
    if not report.ok:
        raise typer.Exit(1)


def _shown(report: "Report", list_to: Path | None) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_classes(report))
    console.print(_beside(report.figures))
    for finding in report.findings:
        colour = _COLOURS[finding.severity]
        console.print(
            f"[{colour}]{finding.severity}[/] [bold]{finding.kind}[/] ({finding.count:,}): {finding.why}"
        )
        if finding.examples:
            console.print("  e.g. " + "; ".join(finding.examples[:3]), markup=False)
        console.print(f"  → {finding.advice}")
    if report.ok:
        console.print("[green]nothing found that would spoil a training[/]")
    if report.to_set_aside:
        where = f"named in {list_to}" if list_to else "--list FILE names them"
        console.print(f"{report.to_set_aside:,} pictures to set aside; {where}")


def _classes(report: "Report") -> "Table":
    table = _table("split", "class", "images")
    for split, classes in report.counts.items():
        for name, count in list(classes.items())[:_CLASSES]:
            title = report.titles.get(name)
            table.add_row(split, f"{name} {title}" if title else name or "(none)", f"{count:,}")
        if len(classes) > _CLASSES:
            table.add_row(split, f"… {len(classes) - _CLASSES} more", f"{sum(classes.values()):,} in all")
    return table


def _beside(figures: "Figures") -> "Table":
    """The set beside those that everyone knows."""
    from alexnet.dataset.examination.figures import KNOWN

    table = _table("set", "images", "classes", "a class", "size", "disk", "packed")
    for one in (figures, *KNOWN):
        smallest, largest = one.smallest_class, one.largest_class
        table.add_row(
            one.name,
            f"{one.total:,}",
            f"{one.classes:,}",
            f"{smallest:,}" if smallest == largest else f"{smallest:,}–{largest:,}",
            f"{one.width:.0f}×{one.height:.0f}" if one.width and one.height else "",
            _bytes(one.bytes),
            f"{_bytes(one.packed_bytes)} at {one.packed_size}",
        )
    return table


def _bytes(count: int | None) -> str:
    """Bytes as people read them.

    >>> _bytes(252_000_000_000), _bytes(999)
    ('252.0 GB', '999 bytes')
    """
    if not count:
        return ""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        left = column in ("split", "class", "set")
        table.add_column(column, justify="left" if left else "right", no_wrap=column not in ("class", "set"))
    return table
