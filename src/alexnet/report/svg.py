"""Charts as SVG elements: scales, axes, text. Colours are the style sheet's: they follow light and dark."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring

from alexnet.report.wording import printable

Point = tuple[float, float]


@dataclass(frozen=True)
class Drawing:
    """A finished picture, as text of SVG that stands in a page as it is."""

    svg: str

    def __html__(self) -> str:
        """What a template shows: every text in it has been escaped."""
        return self.svg


def drawing(label: str, width: float, height: float, parts: Sequence[Element]) -> Drawing:
    """A picture of `parts`; `label` is read out in its place."""
    root = element("svg", viewBox=f"0 0 {number(width)} {number(height)}", role="img", aria_label=label)
    root.extend(parts)
    return Drawing(tostring(root, encoding="unicode"))


def element(tag: str, words: str = "", **attributes: object) -> Element:
    """An element; `stroke_width` is written stroke-width, `kind` is its class in the style sheet.

    >>> tostring(element("text", "<b>", x=1.50, kind="tick")).decode()
    '<text x="1.5" class="tick">&lt;b&gt;</text>'
    """
    made = Element(tag)
    for name, value in attributes.items():
        told = number(value) if isinstance(value, float | int) else str(value)
        made.set("class" if name == "kind" else name.replace("_", "-") if name != "viewBox" else name, told)
    made.text = printable(words) or None
    return made


def titled(part: Element, words: str) -> Element:
    """The same element with words that show where a mouse rests on it."""
    part.append(element("title", words))
    return part


def number(value: float) -> str:
    """At most two decimals.

    >>> number(1.0), number(2.345), number(-0.001)
    ('1', '2.35', '0')
    """
    told = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if told in ("-0", "") else told


@dataclass(frozen=True)
class Scale:
    """From values to places along an axis."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value; one beyond the ends stays at the end."""
        across = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, across))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about so many.

    >>> ticks(0, 23), ticks(0, 1, 4)
    ([0.0, 5.0, 10.0, 15.0, 20.0], [0.0, 0.25, 0.5, 0.75, 1.0])
    """
    rough = (high - low) / about or 1.0
    unit = 10.0 ** math.floor(math.log10(rough))
    step = min((unit * times for times in (1, 2, 2.5, 5, 10)), key=lambda each: abs(each - rough))
    first = math.ceil(low / step - 1e-9)
    return [round(step * place, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Axes:
    """Where values stand in a chart."""

    x: Scale
    y: Scale

    def line(self, points: Sequence[Point], kind: str) -> Element:
        """A line through values."""
        places = " ".join(f"{number(self.x(x))},{number(self.y(y))}" for x, y in points)
        return element("polyline", points=places, kind=f"line {kind}")

    def dots(self, points: Sequence[Point], kind: str, radius: float = 2.0) -> Iterator[Element]:
        """A dot at each value."""
        for x, y in points:
            yield element("circle", cx=self.x(x), cy=self.y(y), r=radius, kind=f"dot {kind}")


def framed(
    axes: Axes,
    *,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    x_label: str = "",
    y_label: str = "",
    told: Callable[[float], str] = "{:g}".format,
) -> Iterator[Element]:
    """Grid lines, figures along both axes, and what the axes are."""
    left, right, bottom, top = axes.x.start, axes.x.end, axes.y.start, axes.y.end
    for value in y_ticks:
        height = axes.y(value)
        yield element("line", x1=left, x2=right, y1=height, y2=height, kind="grid")
        yield element("text", told(value), x=left - 5, y=height + 3.5, text_anchor="end", kind="tick")
    for value in x_ticks:
        across = axes.x(value)
        yield element("line", x1=across, x2=across, y1=bottom, y2=bottom + 3, kind="axis")
        yield element("text", told(value), x=across, y=bottom + 14, text_anchor="middle", kind="tick")
    yield element("line", x1=left, x2=right, y1=bottom, y2=bottom, kind="axis")
    if x_label:
        yield element("text", x_label, x=right, y=bottom + 28, text_anchor="end", kind="name")
    if y_label:
        yield element("text", y_label, x=2, y=top - 8, kind="name")
