"""Progress bars on stderr: done, rate, time left."""

from collections.abc import Iterator
from contextlib import contextmanager

from alexnet.progress import Advance


@contextmanager
def bars(title: str, /, total: int | None, done: int = 0) -> Iterator[Advance]:
    """One bar; where stderr is no terminal, one line when it ends."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=done, note="", rate="")

        def advance(amount: int = 1, /, note: str | None = None) -> None:
            state = progress.tasks[0]
            speed = state.finished_speed or state.speed
            fields = {"rate": f"{speed:,.0f}/s" if speed and speed >= 10 else f"{speed or 0:.1f}/s"}
            if note is not None:
                fields["note"] = note
            progress.update(task, advance=amount, **fields)  # type: ignore[arg-type]

        yield advance
