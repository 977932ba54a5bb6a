"""`alexnet prepare`: pictures from anywhere to a packed data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alexnet.dataset.packed import Encoding
from alexnet.dataset.prepare import Prepared, PrepareSettings
from alexnet.dataset.prepare import prepare as prepare_source
from alexnet.dataset.resize import Fit
from alexnet.dataset.sources import Source, open_source, relabel, select_classes
from alexnet.progress import Progress, silent


def prepare(
    source: str | Path,
    packed: str | Path,
    *,
    size: int | None = None,
    fit: Fit = "crop",
    encoding: Encoding = "raw",
    val_fraction: float | None = None,
    classes: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    max_skipped: float = 0.01,
    workers: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Prepared:
    """Prepare `source` into the folder `packed`; the same call resumes, and is done at once when done.

    `labels` gives classes other names (several may become one), `classes` then takes some. Under `torchrun`
    the ranks share the work.
    """
    settings = PrepareSettings(
        size=size,
        fit=fit,
        encoding=encoding,
        val_fraction=val_fraction,
        max_skipped=max_skipped,
        workers=workers,
        seed=seed,
    )
    opened = chosen(open_source(source), classes, labels)
    return prepare_source(opened, Path(packed), settings=settings, progress=progress)


def chosen(source: Source, classes: Sequence[str] | None, labels: Mapping[str, str] | None) -> Source:
    """A source under other names, or some of its classes."""
    source = relabel(source, labels) if labels else source
    return select_classes(source, classes) if classes else source
