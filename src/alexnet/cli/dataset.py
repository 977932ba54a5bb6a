"""The verb prepare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import typer

from alexnet.cli import show
from alexnet.cli.options import Json, bars
from alexnet.problem import UsageProblem
from alexnet.progress import Progress


class Options(TypedDict):
    """What one size and several are prepared with alike."""

    fit: Literal["crop", "letterbox", "stretch"]
    encoding: Literal["raw", "jpeg"]
    val_fraction: float | None
    classes: Sequence[str] | None
    labels: Mapping[str, str] | None
    max_skipped: float
    workers: int | None
    seed: int
    progress: Progress


def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder, .tar, .tar.gz, .zip, CSV, IDX or CIFAR files, `digits`, or `torchvision:CIFAR10`."
        ),
    ],
    packed: Annotated[Path, typer.Argument(help="Packed data set to make.")],
    size: Annotated[
        str | None,
        typer.Option(
            help="Side in pixels; default 256, or an array source's own. `64,256` makes PACKED-64 and "
            "PACKED-256, decoding once."
        ),
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
    classes: Annotated[
        str | None, typer.Option(help="These alone: names with commas, or a file with one a line.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Other names: `kitten=cat,puppy=dog`, or a JSON file of such.")
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
    from alexnet.dataset.sources import read_class_names, read_label_map

    options: Options = {
        "fit": fit,
        "encoding": encoding,
        "val_fraction": val_fraction,
        "classes": read_class_names(classes) if classes else None,
        "labels": read_label_map(labels) if labels else None,
        "max_skipped": max_skipped,
        "workers": workers,
        "seed": seed,
        "progress": bars,
    }
    _prepare(source, packed, _sizes(size), options, json)


def _prepare(source: str, packed: Path, sizes: list[int], options: Options, json: bool) -> None:
    """Prepare one size or several; only the first rank speaks."""
    from alexnet.parallel.world import world
    from alexnet.verbs.prepare import prepare as verb
    from alexnet.verbs.prepare_sizes import prepare_sizes

    if len(sizes) > 1:
        results = prepare_sizes(source, packed, sizes, **options)
    else:
        results = (verb(source, packed, size=sizes[0] if sizes else None, **options),)
    if not world().is_first:
        return
    if json:
        documents = [show.plain(result) for result in results]
        show.document(documents if len(sizes) > 1 else documents[0])
    else:
        for result in results:
            show.prepared(result)


def _sizes(words: str | None) -> list[int]:
    """Sides in pixels.

    >>> _sizes("64, 256")
    [64, 256]
    """
    try:
        return [int(word) for word in (words or "").split(",") if word.strip()]
    except ValueError:
        raise UsageProblem(f"size {words}: give pixels, as 256, or several, as 64,256") from None
