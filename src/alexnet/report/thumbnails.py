"""Small pictures inside the page, as data URIs."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from alexnet.probing.sheets import PIXELS, tiled

SIDE = 96  # pixels at most
LOSSLESS = 40  # up to this side a picture is kept to the bit
QUALITY = 80


@dataclass(frozen=True)
class Thumbnail:
    """A picture in the page: where it comes from is itself."""

    uri: str
    width: int
    height: int


def thumbnail(picture: PIXELS, side: int = SIDE) -> Thumbnail:
    """A picture [H, W, 3] as WebP, no side longer than `side` pixels."""
    image = Image.fromarray(np.ascontiguousarray(picture), "RGB" if picture.ndim == 3 else None)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    lossless = max(image.size) <= LOSSLESS
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, lossless=lossless, method=4)
    return Thumbnail(_uri("webp", file), *image.size)


def sheet(pictures: PIXELS, columns: int, finer: int = 1, gap: int = 2) -> Thumbnail:
    """Pictures [K, h, w, 3] in rows of `columns` as one PNG, to the bit; what lies between them is clear."""
    laid = tiled(pictures, columns, gap=gap, enlarged=finer)
    clear = tiled(np.zeros_like(pictures), columns, gap=gap, enlarged=finer)[
        ..., :1
    ]  # 255 where no picture is
    image = Image.fromarray(np.concatenate([laid, 255 - clear], axis=2), "RGBA")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return Thumbnail(_uri("png", file), *image.size)


def _uri(kind: str, file: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
