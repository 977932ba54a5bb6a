"""`alexnet doctor`: what is wrong with the pictures, before anything else."""

from pathlib import Path

from alexnet.dataset.doctor import Report, examine
from alexnet.dataset.sources import open_source
from alexnet.progress import Progress, silent


def doctor(source: str | Path, *, workers: int | None = None, progress: Progress = silent) -> Report:
    """Examine `source`; it is never changed."""
    return examine(open_source(source), workers=workers, progress=progress)
