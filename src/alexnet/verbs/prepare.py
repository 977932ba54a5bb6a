"""`alexnet prepare`: pictures from anywhere to a packed data set."""

from pathlib import Path

from alexnet.dataset.packed import Encoding
from alexnet.dataset.prepare import Prepared, PrepareSettings
from alexnet.dataset.prepare import prepare as prepare_source
from alexnet.dataset.resize import Fit
from alexnet.dataset.sources import open_source
from alexnet.progress import Progress, silent


def prepare(
    source: str | Path,
    packed: str | Path,
    *,
    size: int | None = None,
    fit: Fit = "crop",
    encoding: Encoding = "raw",
    val_fraction: float | None = None,
    max_skipped: float = 0.01,
    workers: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Prepared:
    """Prepare `source` into the folder `packed`; the same call resumes, and is done at once when done."""
    settings = PrepareSettings(
        size=size,
        fit=fit,
        encoding=encoding,
        val_fraction=val_fraction,
        max_skipped=max_skipped,
        workers=workers,
        seed=seed,
    )
    return prepare_source(open_source(source), Path(packed), settings=settings, progress=progress)
