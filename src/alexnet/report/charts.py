"""The charts of the report: curves, calibration, class sizes, where time went, colourfulness, intervals."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from xml.etree.ElementTree import Element

from alexnet.evaluation.calibration import Bin
from alexnet.probing.drawing import brief
from alexnet.report.svg import Axes, Drawing, Point, Scale, drawing, element, framed, number, ticks, titled
from alexnet.report.wording import SPACE, count, minus, share

WIDTH, HEIGHT = 340.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 38.0, 334.0, 22.0, 176.0
COLUMNS = 120  # classes that have a column of their own in a chart
NAMED = 32  # letters of a name beside an interval


@dataclass(frozen=True)
class Series:
    """Values joined by a line: `kind` is its class in the style sheet, faint ones have no dots."""

    name: str
    points: Sequence[Point]
    kind: str
    faint: bool = False


def curves(label: str, y_label: str, series: Sequence[Series], *, epochs: float) -> Drawing:
    """Values over epochs, from zero up."""
    highest = max((y for one in series for _, y in one.points if math.isfinite(y)), default=1.0) or 1.0
    across, up = ticks(0, epochs, 6), ticks(0, highest * 1.04, 5)
    axes = Axes(Scale(0, epochs or 1.0, LEFT, RIGHT), Scale(0, highest * 1.04, BOTTOM, TOP))
    whole = [value for value in across if value == int(value)] or across
    parts = list(framed(axes, x_ticks=whole, y_ticks=up, x_label="epoch", y_label=y_label))
    for one in series:
        points = [(x, y) for x, y in one.points if math.isfinite(y)]
        parts.append(axes.line(points, f"{one.kind} faint" if one.faint else one.kind))
        if not one.faint and len(points) <= 40:
            parts += axes.dots(points, one.kind)
    return drawing(label, WIDTH, HEIGHT, parts)


def reliability(label: str, bins: Sequence[Bin]) -> Drawing:
    """Accuracy of answers by their probability, with intervals, over how many answers were so sure.

    The diagonal is what probabilities promise; the larger a dot, the more answers it stands for.
    """
    axes = Axes(Scale(0, 1, LEFT, 330), Scale(0, 1, 236, TOP))
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    parts = list(
        framed(
            axes, x_ticks=[], y_ticks=marks, y_label="share that is right", told=lambda value: share(value)
        )
    )
    parts.append(axes.line([(0, 0), (1, 1)], "promise"))
    there = [one for one in bins if one.images]
    most = max(one.images for one in there)
    for one in there:
        across, ends = axes.x(one.confidence), [axes.y(bound) for bound in one.interval]
        parts.append(element("line", x1=across, x2=across, y1=ends[0], y2=ends[1], kind="whisker s1"))
        radius = 1.5 + 3.0 * math.sqrt(one.images / most)
        told = f"{count(one.images)} answers, {share(one.confidence)} sure, {share(one.accuracy)} right"
        parts.append(titled(next(axes.dots([(one.confidence, one.accuracy)], "s1", radius)), told))
    return drawing(label, WIDTH, 336, [*parts, *_histogram(bins, most)])


def _histogram(bins: Sequence[Bin], most: int) -> Iterator[Element]:
    """Under the diagram: how many answers were how sure."""
    axes = Axes(Scale(0, 1, LEFT, 330), Scale(0, most, 304, 262))
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    yield from framed(axes, x_ticks=[], y_ticks=[most], y_label="answers", told=count)
    for value in marks:
        across = axes.x(value)
        yield element("text", share(value), x=across, y=318, text_anchor="middle", kind="tick")
    yield element("text", "probability of the answer", x=330, y=332, text_anchor="end", kind="name")
    for one in bins:
        left, right, top = axes.x(one.low), axes.x(one.high), axes.y(one.images)
        bar = element("rect", x=left + 0.5, y=top, width=right - left - 1, height=304 - top, kind="bar s1")
        yield titled(bar, f"{share(one.low)} to {share(one.high)} sure: {count(one.images)} answers")


def class_sizes(label: str, sizes: Sequence[tuple[str, int]]) -> Drawing | None:
    """A column for each class in its order; None where there are too many to be seen, or all are alike."""
    if len(sizes) > COLUMNS or len({images for _, images in sizes}) == 1:
        return None
    highest = max(images for _, images in sizes) or 1
    axes = Axes(Scale(0, len(sizes), LEFT + 4, RIGHT), Scale(0, highest, 120, TOP))
    parts = list(
        framed(axes, x_ticks=[], y_ticks=ticks(0, highest, 4), y_label="training pictures", told=count)
    )
    wide = (RIGHT - LEFT - 4) / len(sizes)
    gap = min(2.0, wide / 5)
    for place, (name, images) in enumerate(sizes):
        top = axes.y(images)
        column = element(
            "rect", x=axes.x(place) + gap / 2, y=top, width=wide - gap, height=120 - top, kind="bar s1"
        )
        parts.append(titled(column, f"{name}: {count(images)}"))
    return drawing(label, WIDTH, 128, parts)


def shares(label: str, parts: Sequence[tuple[str, float]]) -> Drawing:
    """One bar, cut by shares of the whole 0..1."""
    ends = list(accumulate((value for _, value in parts), initial=0.0))
    cells: list[Element] = []
    for place, ((name, value), start) in enumerate(zip(parts, ends, strict=False)):
        left, wide = 2 + 336 * start, max(0.0, 336 * value)
        bar = element("rect", x=left, y=2, width=wide, height=22, kind=f"bar s{place + 1}")
        cells.append(titled(bar, f"{name}: {share(value, 1)}"))
    return drawing(label, WIDTH, 26, cells)


def strip(label: str, columns: Sequence[Sequence[float]]) -> Drawing:
    """Values 0..1 as dots, a row for each column of kernels, with a line at each mean."""
    height = 26.0
    bottom = 14 + height * len(columns)
    axes = Axes(Scale(0, 1, 62, RIGHT - 6), Scale(0, len(columns), 10, bottom - 4))
    parts: list[Element] = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        parts.append(element("line", x1=axes.x(value), x2=axes.x(value), y1=6, y2=bottom, kind="grid"))
        parts.append(
            element("text", number(value), x=axes.x(value), y=bottom + 13, text_anchor="middle", kind="tick")
        )
    for row, values in enumerate(columns):
        name = f"column {row + 1}" if len(columns) > 1 else "kernels"
        middle = 10 + height * (row + 0.5)
        parts.append(element("text", name, x=56, y=middle + 3.5, text_anchor="end", kind="tick"))
        ordered = sorted(values)
        for place, value in enumerate(ordered):
            lifted = middle - 7 + 14 * (place + 0.5) / len(ordered)
            parts.append(element("circle", cx=axes.x(value), cy=lifted, r=2, kind=f"dot s{row + 1} clear"))
        mean = axes.x(sum(ordered) / len(ordered))
        parts.append(
            element("line", x1=mean, x2=mean, y1=middle - 10, y2=middle + 10, kind=f"line s{row + 1}")
        )
    words = "colourfulness: 0 grey, 1 colour"
    parts.append(element("text", words, x=RIGHT - 6, y=bottom + 27, text_anchor="end", kind="name"))
    return drawing(label, WIDTH, bottom + 32, parts)


@dataclass(frozen=True)
class Measured:
    """A value in per cent or points with its interval."""

    name: str
    value: float
    interval: tuple[float, float]


def intervals(label: str, rows: Sequence[Measured], *, zero: bool, kinds: Sequence[str] = ()) -> Drawing:
    """A dot with its interval for each row; `zero` draws the line of no difference."""
    bounds = [bound for row in rows for bound in row.interval if math.isfinite(bound)]
    low, high = min(bounds, default=0.0), max(bounds, default=1.0)
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    room = 0.08 * (high - low) or 1.0
    named = min(NAMED, max(len(row.name) for row in rows))
    left = 24 + 5.2 * max(named, 8)
    axes = Axes(Scale(low - room, high + room, left, 330), Scale(0, 1, 0, 1))
    bottom = 6 + 20.0 * len(rows)
    parts: list[Element] = []
    for value in ticks(low - room, high + room, 4 if left < 140 else 3):
        kind = "zero" if zero and value == 0 else "grid"
        parts.append(element("line", x1=axes.x(value), x2=axes.x(value), y1=2, y2=bottom, kind=kind))
        told = minus(f"{value:g}") if zero else f"{value:g}{SPACE}%"
        parts.append(element("text", told, x=axes.x(value), y=bottom + 13, text_anchor="middle", kind="tick"))
    for place, row in enumerate(rows):
        kind, middle = (kinds[place] if kinds else "s1"), 14 + 20.0 * place
        name = brief(row.name, NAMED)
        parts.append(
            element("text", name, x=left - 10, y=middle + 3.5, text_anchor="end", kind="tick strong")
        )
        ends = [axes.x(bound) for bound in row.interval]
        parts.append(element("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, kind=f"whisker {kind}"))
        dot = element("circle", cx=axes.x(row.value), cy=middle, r=3.2, kind=f"dot {kind}")
        parts.append(titled(dot, f"{row.name}: {row.value:.2f}"))
    return drawing(label, WIDTH, bottom + 20, parts)
