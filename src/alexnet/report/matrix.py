"""The confusion matrix as a picture: right answers in one colour, mistakes in another."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from alexnet.probing.drawing import brief
from alexnet.report.svg import Drawing, drawing, element, number, titled
from alexnet.report.wording import count, share

LABELLED = 24  # classes whose names and counts find room
DRAWN = 120  # classes whose cells can still be seen
SHADES = 12


def labelled(label: str, matrix: NDArray[np.int64], names: Sequence[str]) -> Drawing:
    """Counts [C, C] with names on both sides: rows are what is right, columns what was answered."""
    classes, cell = len(matrix), 252.0 / len(matrix)
    left, top = 84.0, 84.0
    parts = _cells(matrix, left, top, cell, names)
    for place, name in enumerate(names):
        middle, told = (place + 0.5) * cell, brief(name, 15)
        parts.append(element("text", told, x=left - 5, y=top + middle + 3, text_anchor="end", kind="tick"))
        across = left + middle + 3
        turned = f"rotate(-90 {number(across)} {top - 5:g})"
        parts.append(element("text", told, x=across, y=top - 5, transform=turned, kind="tick"))
    parts += _figures(matrix, left, top, cell) if classes <= 16 else []
    side = 252.0
    parts.append(element("rect", x=left, y=top, width=side, height=side, kind="outline"))
    parts.append(element("text", "answered →", x=left - 5, y=top - 20, text_anchor="end", kind="name"))
    parts.append(element("text", "right ↓", x=left - 5, y=top - 6, text_anchor="end", kind="name"))
    return drawing(label, left + side + 4, top + side + 4, parts)


def unlabelled(label: str, matrix: NDArray[np.int64], names: Sequence[str]) -> Drawing:
    """The same of more classes, without names: what stands beside the diagonal, and any blocks."""
    side = 312.0
    parts = _cells(matrix, 20, 20, side / len(matrix), names)
    parts.append(element("rect", x=20, y=20, width=side, height=side, kind="outline"))
    parts.append(element("text", "answered →", x=20, y=14, kind="name"))
    parts.append(
        element("text", "right →", x=14, y=20, kind="name", transform="rotate(90 14 20) translate(0 8)")
    )
    return drawing(label, 24 + side, 24 + side, parts)


def _cells(
    matrix: NDArray[np.int64], left: float, top: float, cell: float, names: Sequence[str]
) -> list[Element]:
    """A square for every cell that is not empty, its shade its share of its row; mistakes by the largest."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    wrong = shares * (1 - np.eye(len(matrix)))
    most = wrong.max() or 1.0
    parts = []
    for row, column in zip(*np.nonzero(matrix), strict=True):
        right = row == column
        shade = shares[row, column] if right else wrong[row, column] / most
        step = max(1, round(SHADES * float(shade)))
        square = element(
            "rect", x=left + column * cell, y=top + row * cell, width=cell, height=cell,
            kind="right" if right else "wrong", fill_opacity=step / SHADES,
        )  # fmt: skip
        answered = "answered rightly" if right else f"taken for {names[column]}"
        told = f"{names[row]}, {answered}: {count(matrix[row, column])} ({share(shares[row, column], 1)})"
        parts.append(titled(square, told) if len(matrix) <= LABELLED else square)
    return parts


def _figures(matrix: NDArray[np.int64], left: float, top: float, cell: float) -> list[Element]:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    most = (shares * (1 - np.eye(len(matrix)))).max() or 1.0
    parts = []
    for row, column in zip(*np.nonzero(matrix), strict=True):
        shade = shares[row, column] / (1.0 if row == column else most)
        parts.append(
            element(
                "text", count(matrix[row, column]), x=left + (column + 0.5) * cell,
                y=top + (row + 0.5) * cell + 3, text_anchor="middle",
                kind="figure dark" if shade > 0.55 else "figure",
            )
        )  # fmt: skip
    return parts
