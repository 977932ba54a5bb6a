"""`alexnet prepare --size 64,256`: packed data sets of several sizes, every picture decoded once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alexnet.dataset.packed import Encoding
from alexnet.dataset.prepare import Prepared, PrepareSettings
from alexnet.dataset.prepare import prepare_sizes as prepare_source
from alexnet.dataset.resize import Fit
from alexnet.dataset.sources import open_source
from alexnet.progress import Progress, silent
from alexnet.verbs.prepare import chosen


def prepare_sizes(
    source: str | Path,
    packed: str | Path,
    sizes: Sequence[int],
    *,
    fit: Fit = "crop",
    encoding: Encoding = "raw",
    val_fraction: float | None = None,
    classes: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    max_skipped: float = 0.01,
    workers: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Prepared, ...]:
    """Prepare `source` into `PACKED-64`, `PACKED-256`, …: each as `prepare` would make it alone."""
    settings = PrepareSettings(
        fit=fit,
        encoding=encoding,
        val_fraction=val_fraction,
        max_skipped=max_skipped,
        workers=workers,
        seed=seed,
    )
    opened = chosen(open_source(source), classes, labels)
    return prepare_source(opened, Path(packed), sizes, settings=settings, progress=progress)
