"""What several verbs share: their options, and progress bars."""

import os
from contextlib import AbstractContextManager
from typing import Annotated

import typer

from alexnet.progress import Advance, silent

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
Workers = Annotated[int, typer.Option(min=0, help="Threads that read ahead; results do not depend on it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
Views = Annotated[
    str, typer.Option(help="Views averaged: center, mirror, ten ([P] §4.1), nine; in evaluate also whole.")
]


def is_first() -> bool:
    """Whether this process speaks for all ranks that torchrun started; told without importing torch."""
    return os.environ.get("RANK", "0") == "0"


def bars(title: str, /, total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
    """Open a progress bar; Rich is imported only now, so that `--help` is quick."""
    if not is_first():
        return silent(title, total, done)
    from alexnet.cli.bars import bars as opened

    return opened(title, total, done)
