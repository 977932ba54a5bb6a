"""What `alexnet networks` prints: tables that say as much as fits between the edges of the terminal."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from alexnet.cli.figures import (
    broken,
    exact,
    fitting,
    megabytes,
    percent,
    short,
    sized,
    tabled,
    terminal,
    times,
)

if TYPE_CHECKING:
    from rich.table import Table

Row = dict[str, Any]
Show = Callable[[int], str]
PARAMETERS, MULTIPLY_ADDS = "param-\neters", "multiply-\nadds"

ABOUT_ZOO = """\
depth: layers with weights on the longest path. memory: what training keeps of one image for the backward
pass, float32. top-1, top-5: the headline of the printed errors, per cent; `alexnet networks NAME` has all."""
ABOUT_SIDES = """\
ratio: how many times the other's. depth: layers with weights on the longest path. weights: parameters without
biases and norms. outputs: of all layers for one image; kept: what training keeps of one image for the
backward pass; float32."""


def zoo(rows: Sequence[Row]) -> None:
    """All networks."""
    console = terminal()
    console.print(
        fitting(
            console,
            lambda: _zoo(rows, exact, more=("input", "data", "views")),
            lambda: _zoo(rows, short, more=("input", "data", "views")),
            lambda: _zoo(rows, short, more=("input",)),
            lambda: _zoo(rows, short, more=()),
        ),
        f"\n[dim]{' '.join(ABOUT_ZOO.split())}[/]",
        sep="\n",
    )


def one(whole: Row) -> None:
    """A network or a part of one, layer by layer."""
    console = terminal()
    console.print(*_head(whole), sep="\n")
    console.print(
        fitting(
            console,
            lambda: _layers(whole, exact),
            lambda: _layers(whole, short),
            lambda: _layers(whole, short, output=False),
        )
    )
    if whole["published"]:
        console.print("", "printed errors, per cent", "", _errors(whole["published"]), sep="\n")


def beside(whole: Row) -> None:
    """Several side by side: the totals, then the layers."""
    console, rows = terminal(), [whole, *whole["against"]]
    console.print(fitting(console, lambda: _totals(rows, exact), lambda: _totals(rows, short)), "", sep="\n")
    lines = whole["aligned"]
    if len(lines) > 1:  # a row alone would repeat the totals
        layers = fitting(
            console,
            lambda: _columns(rows, lines, exact, output=True),
            lambda: _columns(rows, lines, exact, output=False),
            lambda: _columns(rows, lines, short, output=False),
        )
        console.print(layers, "", sep="\n")
    console.print(f"[dim]{' '.join(ABOUT_SIDES.split())}[/]")


def exchange(told: Row) -> None:
    """What ranks that hold a network between them send, layer by layer."""
    table = tabled("layer", "what goes over", "forward,\nMB", "backward,\nMB", left=["what goes over"])
    for row in told["layers"]:
        table.add_row(row["layer"], row["what"], megabytes(row["forward"]), megabytes(row["backward"]))
    head = f"each of {told['columns']} ranks sends in a step of {told['batch']} images, float32"
    sizes = " and ".join(exact(number) for number in sorted(set(told["parameters"]), reverse=True))
    foot = (
        f"{megabytes(told['bytes'])} MB in all; parted by images alone it would send "
        f"{megabytes(told['by_images'])} MB of gradients. A rank holds {sizes} parameters."
    )
    terminal().print("", head, "", table, "", f"[dim]{foot}[/]", sep="\n")


def _zoo(rows: Sequence[Row], number: Show, *, more: Sequence[str]) -> "Table":
    always = ("network", "year", "depth", PARAMETERS, MULTIPLY_ADDS, "memory,\nMB", "top-1", "top-5")
    wanted = (*always[:2], *more[:1], *always[2:], *more[1:])
    table = tabled(*wanted)
    for row in rows:
        headline = row["published"][0] if row["published"] else {}
        cells = {
            "network": row["name"],
            "year": str(row["year"]),
            "input": sized(row["input"]),
            "depth": str(row["depth"]),
            PARAMETERS: number(row["parameters"]),
            MULTIPLY_ADDS: number(row["multiply_adds"]),
            "memory,\nMB": megabytes(row["kept_bytes"]),
            "top-1": percent(headline.get("top1")),
            "top-5": percent(headline.get("top5")),
            "data": headline.get("data", ""),
            "views": headline.get("views", ""),
        }
        table.add_row(*(cells[name] for name in wanted))
    return table


def _head(whole: Row) -> list[str]:
    year = f" ({whole['year']})" if whole["year"] else ""
    return [
        f"[bold]{whole['name']}[/]{year}: {sized(whole['input'])} → {sized(whole['output'])}, "
        f"{whole['depth']} {'layers' if whole['depth'] != 1 else 'layer'} deep",
        f"memory of one image: {megabytes(whole['activation_bytes'])} MB all outputs, "
        f"{megabytes(whole['kept_bytes'])} MB kept in training",
        "",
    ]


def _layers(whole: Row, number: Show, *, output: bool = True) -> "Table":
    names = ("layer", "output", "parameters", "share", "multiply-adds", "share ")
    table = tabled(*(name for name in names if output or name != "output"))
    for row in whole["layers"]:
        shape = [sized(row["output"])] if output else []
        table.add_row(row["name"], *shape, *_shares(row, number))
    table.add_section()
    blank = [""] if output else []
    table.add_row("total", *blank, number(whole["parameters"]), "", number(whole["multiply_adds"]), "")
    return table


def _shares(row: Row, number: Show) -> list[str]:
    cells = []
    for what in ("parameters", "multiply_adds"):
        cells += [number(row[what]), f"{row['share'][what]:.1%}"] if row[what] else ["", ""]
    return cells


def _errors(published: Sequence[Row]) -> "Table":
    table = tabled("top-1", "top-5", "data", "views", "source", wrap="source")
    for row in published:
        table.add_row(percent(row["top1"]), percent(row["top5"]), row["data"], row["views"], row["source"])
    return table


def _totals(rows: Sequence[Row], number: Show) -> "Table":
    first, *others = rows
    heads = [column for other in others for column in (broken(other["name"]), "ratio")]
    table = tabled("", broken(first["name"]), *heads)
    for title, (key, show) in _figures(number).items():
        cells = [cell for other in others for cell in (show(other[key]), times(other["ratio"][key]))]
        table.add_row(title, show(first[key]), *cells)
    for title, tell in {"input": _input, "output": _output, "top-1 / top-5": _headline}.items():
        cells = [cell for other in others for cell in (tell(other), "")]
        if any([tell(first), *cells]):
            table.add_row(title, tell(first), *cells)
    return table


def _figures(number: Show) -> dict[str, tuple[str, Show]]:
    return {
        "depth": ("depth", str),
        "parameters": ("parameters", number),
        "weights": ("weights", number),
        "multiply-adds": ("multiply_adds", number),
        "outputs, MB": ("activation_bytes", megabytes),
        "kept, MB": ("kept_bytes", megabytes),
    }


def _columns(
    rows: Sequence[Row], lines: Sequence[Sequence[Row | None]], number: Show, *, output: bool
) -> "Table":
    names = [broken(row["name"]) for row in rows]
    each = ["output"] if output else []
    titles = [title for name in names for title in (name, *each, PARAMETERS, MULTIPLY_ADDS)]
    table = tabled(*titles, left=names)
    for line in lines:
        cells = []
        for row in line:
            shape = [sized(row["output"]) if row else ""] if output else []
            figures = [number(row["parameters"]), number(row["multiply_adds"])] if row else ["", ""]
            cells += [row["name"] if row else "", *shape, *figures]
        table.add_row(*cells)
    return table


def _input(row: Row) -> str:
    return sized(row["input"])


def _output(row: Row) -> str:
    return sized(row["output"])


def _headline(row: Row) -> str:
    if not row["published"]:
        return ""
    first = row["published"][0]
    return f"{percent(first['top1']).strip()} / {percent(first['top5']).strip()}"
