"""`alexnet doctor`: what is wrong with the pictures, before anything else."""

from collections.abc import Sequence
from pathlib import Path

from alexnet.dataset.examination import Report, examine, examine_pack
from alexnet.dataset.packed import DESCRIPTION
from alexnet.dataset.remote import address_of
from alexnet.dataset.sources import open_source, open_unlabelled, select_classes
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent


def doctor(
    source: str | Path,
    *,
    classes: Sequence[str] | None = None,
    unlabelled: bool = False,
    list_to: str | Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Examine `source`, pictures or a packed data set; it is never changed.

    `classes` looks at those alone, `unlabelled` at pictures of no class; `list_to` is a file for the names of
    the pictures to set aside, a line each with the reason. A packed data set is checked against itself.
    """
    if address_of(source) or (Path(source) / DESCRIPTION).is_file():
        if classes or unlabelled or list_to:
            raise UsageProblem(f"{source} is a packed data set: it is examined whole, without other options")
        return examine_pack(source, progress=progress)
    opened = open_unlabelled(source) if unlabelled else open_source(source)
    return examine(
        select_classes(opened, classes) if classes else opened,
        list_to=Path(list_to) if list_to else None,
        workers=workers,
        progress=progress,
    )
