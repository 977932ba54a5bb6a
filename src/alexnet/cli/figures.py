"""Figures as people read them, and tables that fit the terminal."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

NONE = "–"
LEFT = ("network", "input", "layer", "output", "data", "views", "source", "")


def terminal() -> "Console":
    """Where words go that are as wide as the terminal."""
    from rich.console import Console

    return Console(highlight=False)


def tabled(*columns: str, wrap: str = "", left: Sequence[str] = ()) -> "Table":
    """An empty table; figures stand right, names (and what is in `left`) left, and only `wrap` is broken."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "left" if column in LEFT or column in left else "right"
        table.add_column(column, justify=justify, no_wrap=column != wrap)
    return table


def fitting(console: "Console", *tables: Callable[[], "Table"]) -> "Table":
    """The first that fits, they come from the richest to the poorest; the last if none does."""
    endless = console.options.update(max_width=10_000)
    for make in tables:
        table = make()
        if console.measure(table, options=endless).maximum <= console.width:
            break
    return table


def exact(number: int) -> str:
    """All digits: 724,406,816."""
    return f"{number:,}"


def short(number: int) -> str:
    """Three figures: 724 M.

    >>> short(724_406_816), short(156), short(999_999)
    ('724 M', '156', '1.00 M')
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if number >= 0.9995 * size:
            return f"{f'{number / size:#.3g}'.rstrip('.')} {unit}"
    return str(number)


def megabytes(size: int) -> str:
    """Bytes in millions."""
    return f"{size / 1e6:,.2f}" if size >= 1e4 else f"{size / 1e6:.4f}"


def percent(error: float | None) -> str:
    """At most two decimals; blanks in place of fewer, so that points stand below each other.

    >>> percent(43.478), percent(40.7), percent(26), percent(None)
    ('43.48', '40.7 ', '26   ', '–   ')
    """
    told = NONE if error is None else str(round(error, 2))
    whole, point, decimals = told.partition(".")
    return f"{whole}{point or ' '}{decimals:<2}"


def times(ratio: float | None) -> str:
    """A ratio: × 988."""
    return NONE if ratio is None else f"× {ratio:,.0f}" if ratio >= 99.95 else f"× {ratio:#.3g}"


def broken(name: str) -> str:
    """A part's name in two lines: the network, the part."""
    whole, dot, path = name.rpartition(".")
    return f"{whole}{dot}\n{path}" if dot and not path.isdigit() else name


def sized(shape: Sequence[int]) -> str:
    """Sides: 96 × 55 × 55."""
    return " × ".join(str(side) for side in shape)


def error_words(error: float, interval: Sequence[float]) -> str:
    """An error in per cent with its interval."""
    return f"{error:.2f} % ({interval[0]:.2f} … {interval[1]:.2f})"
