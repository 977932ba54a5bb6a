"""A contact sheet of what came out: some pictures of some classes in a grid, a class a row.

Made with every pack and looked at by people alone; which pictures are on it depends on nothing but the pack.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from alexnet.dataset.decode import Pixels
from alexnet.dataset.manifest import read_labels
from alexnet.dataset.packed import SHEET, Split
from alexnet.dataset.plan import Plan
from alexnet.dataset.writing import explained
from alexnet.files import written_whole

__all__ = ["chosen", "draw_sheet"]

_ROWS, _COLUMNS = 24, 10
_SIDE = 64  # pixels of a thumbnail
_WORDS = 180  # pixels of a row's name
_GAP = 4
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def draw_sheet(folder: Path, images: int, plan: Plan) -> None:
    """Write the sheet of a folder whose training split, pictures and manifest, is finished."""
    split = Split(folder, "train", images, plan.size, plan.encoding)
    labels = read_labels(folder / "train.parquet", images)
    rows = chosen(labels, len(plan.classes))
    names = [plan.titles.get(plan.classes[label], plan.classes[label]) for label, _ in rows]
    sheet = _sheet([split.pixels(numbers) for _, numbers in rows], names)
    with explained(folder / SHEET), written_whole(folder / SHEET) as partial:
        sheet.save(partial, "PNG", compress_level=1)  # photographs gain nothing by more


def chosen(labels: NDArray[np.integer], classes: int) -> list[tuple[int, NDArray[np.int64]]]:
    """Some classes and some pictures of each, evenly over both: label and numbers.

    >>> [(label, numbers.tolist()) for label, numbers in chosen(np.array([1, 0, 1, 1]), 3)]
    [(0, [1]), (1, [0, 2, 3])]
    """
    found = []
    for label in _evenly(np.arange(classes), _ROWS).tolist():
        numbers = _evenly(np.flatnonzero(labels == label), _COLUMNS)
        if len(numbers):
            found.append((label, numbers))
    return found


def _evenly(values: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    count = min(len(values), most)
    return values[np.arange(count) * len(values) // max(count, 1)]


def _sheet(rows: Sequence[Pixels], names: Sequence[str]) -> Image.Image:
    step = _SIDE + _GAP
    widest = max((len(row) for row in rows), default=0)
    sheet = Image.new("RGB", (_WORDS + widest * step + _GAP, len(rows) * step + _GAP), _WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, (pictures, name) in enumerate(zip(rows, names, strict=True)):
        top = _GAP + row * step
        draw.text((_GAP, top + _SIDE // 2), _short(name, font), _BLACK, font, anchor="lm")
        for column, picture in enumerate(pictures):
            small = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX)
            sheet.paste(small, (_WORDS + column * step, top))
    return sheet


def _short(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """A name that fits beside its row."""
    whole = name = "".join(letter if letter.isprintable() else "?" for letter in name)
    while name and font.getlength(name) > _WORDS - 3 * _GAP:
        name = name[:-1]
    return name if name == whole else name[:-1] + "…"
