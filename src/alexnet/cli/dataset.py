"""The verb prepare."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alexnet.cli import show
from alexnet.cli.options import Json, bars


def prepare(
    source: Annotated[
        str, typer.Argument(help="Folder, .tar, .tar.gz, CSV, IDX or CIFAR files, or `digits`.")
    ],
    packed: Annotated[Path, typer.Argument(help="Packed data set to make.")],
    size: Annotated[
        int | None, typer.Option(min=1, help="Side in pixels; default 256, or an array source's own.")
    ] = None,
    fit: Annotated[
        Literal["crop", "letterbox", "stretch"],
        typer.Option(help="Shorter side and centre crop; whole with grey bars; or distorted."),
    ] = "crop",
    encoding: Annotated[
        Literal["raw", "jpeg"],
        typer.Option(help="How pictures are kept: as pixels, or as JPEG in a fifth of the room."),
    ] = "raw",
    val_fraction: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=0.9, help="Share of training pictures for validation, drawn class by class."
        ),
    ] = None,
    max_skipped: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Unreadable share that is still no error.")
    ] = 0.01,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; default: all cores.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the validation split.")] = 0,
    json: Json = False,
) -> None:
    """Pictures to a packed data set: decoded once, resized, memory-mapped. The same command resumes.

    Example: `alexnet prepare pictures/ packed/pictures --size 64 --val-fraction 0.1`
    """
    from alexnet.verbs.prepare import prepare as verb

    result = verb(
        source,
        packed,
        size=size,
        fit=fit,
        encoding=encoding,
        val_fraction=val_fraction,
        max_skipped=max_skipped,
        workers=workers,
        seed=seed,
        progress=bars,
    )
    show.document(show.plain(result)) if json else show.prepared(result)
