"""Pictures kept as JPEG files: one Arrow IPC file a split, a third to a fifth of the pixels' size.

While a preparation goes on they lie bare, one behind the other; the Arrow file is made of that in the end.
Sources: ITU-T T.81; Apache Arrow, IPC file format.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from alexnet.dataset.decode import Pixels, decode
from alexnet.dataset.encoded import SCHEMA, EncodedImages
from alexnet.dataset.raw import Kept
from alexnet.dataset.writing import explained
from alexnet.files import written_whole

QUALITY = 95
"""With all colour detail: 40 dB beside the pixels on photographs at 256, at 23 % of their bytes."""

_BATCH_BYTES = 32 << 20  # of a record batch
_ROOM = 0.35  # bytes of a picture beside those of its pixels; photographs at 256 take 0.23
_ORIENTATION = 0x0112  # [Exif 2.32] table 4


@dataclass(frozen=True)
class JpegStore:
    """Appends JPEG files; in the end they become the binary column of an Arrow file."""

    size: int
    working: ClassVar[str] = ".jpegs"
    final: ClassVar[str] = ".arrow"
    start: ClassVar[bytes] = b""
    method: ClassVar[dict[str, str]] = {
        "jpeg": f"quality {QUALITY}, 4:4:4 (Pillow); an upright JPEG of the right size is kept byte for byte"
    }

    def room(self, pictures: int) -> int:
        """About what photographs take; twice, for the moment in which both files are there."""
        return int(2 * _ROOM * pictures * self.size**2 * 3)

    def keep(self, fitted: Pixels, content: bytes | None) -> Kept:
        """The picture's own file where that will do, else a new one, which is decoded again."""
        if content is not None and _plain(content):
            return Kept(content, fitted)
        file = BytesIO()
        Image.fromarray(fitted).save(file, "JPEG", quality=QUALITY, subsampling=0)
        return Kept(file.getvalue(), decode(file.getvalue()))

    def chunks(self, path: Path, edges: NDArray[np.int64]) -> Callable[[int, int], Pixels]:
        """Read and decoded."""

        def chunk(first: int, last: int) -> Pixels:
            with path.open("rb") as file:
                file.seek(int(edges[first]))
                lengths = np.diff(edges[first : last + 1]).tolist()
                return np.stack([decode(file.read(length)) for length in lengths])

        return chunk

    def finish(self, folder: Path, split: str, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Copy the grown file into an Arrow file, batch by batch -> where each picture begins, [N]."""
        path = folder / f"{split}{self.final}"
        with (
            explained(path),
            written_whole(path) as partial,
            (folder / f"{split}{self.working}").open("rb") as grown,
            partial.open("wb") as file,
            pa.ipc.new_file(file, SCHEMA) as writer,
        ):
            for part in _parts(edges):
                writer.write_batch(_batch(grown.read(int(part[-1] - part[0])), part))
        return EncodedImages(path).starts


def _parts(edges: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The edges of record batches of some thirty megabytes, of one picture at least.

    >>> [part.tolist() for part in _parts(np.array([0, 20, 40, 90]) << 20)] == [
    ...     [0, 20 << 20], [20 << 20, 40 << 20], [40 << 20, 90 << 20]
    ... ]
    True
    """
    first = 0
    while first < len(edges) - 1:
        last = int(np.searchsorted(edges, edges[first] + _BATCH_BYTES, side="right")) - 1
        last = max(last, first + 1)
        yield edges[first : last + 1]
        first = last


def _batch(content: bytes, edges: NDArray[np.int64]) -> pa.RecordBatch:
    offsets = pa.py_buffer((edges - edges[0]).astype(np.int32))
    column = pa.Array.from_buffers(pa.binary(), len(edges) - 1, [None, offsets, pa.py_buffer(content)])
    return pa.RecordBatch.from_arrays([column], schema=SCHEMA)


def _plain(content: bytes) -> bool:
    """Whether any reader of JPEG sees what `decode` sees: grey or colour, and not turned by EXIF."""
    if not content.startswith(b"\xff\xd8\xff"):
        return False
    with Image.open(BytesIO(content), formats=["JPEG"]) as picture:
        return picture.mode in ("L", "RGB") and picture.getexif().get(_ORIENTATION, 1) == 1
