"""What several verbs share: their options, and progress bars."""

from contextlib import AbstractContextManager
from typing import Annotated

import typer

from alexnet.progress import Advance

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
Workers = Annotated[int, typer.Option(min=0, help="Threads that read ahead; results do not depend on it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
Views = Annotated[
    str, typer.Option(help="Views averaged for each picture: center, mirror, ten ([P] §4.1) or nine.")
]


def bars(title: str, /, total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
    """Open a progress bar; Rich is imported only now, so that `--help` is quick."""
    from alexnet.cli.bars import bars as opened

    return opened(title, total, done)
