"""The verbs that ask a trained network: evaluate, predict."""

from pathlib import Path
from typing import Annotated

import typer

from alexnet.cli import show
from alexnet.cli.options import Device, Json, Views, Workers, bars


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; several are averaged.")],
    data: Annotated[Path | None, typer.Option(help="Packed data set; default: that of training.")] = None,
    split: Annotated[str, typer.Option(help="Which split.")] = "val",
    views: Views = "center",
    weights_from: Annotated[
        str | None,
        typer.Option(help="Search the weights of the average on this split; report on --split."),
    ] = None,
    device: Device = "auto",
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Top-1 and top-5 errors with 95 % intervals, per class too; several runs are averaged.

    Example: `alexnet evaluate runs/mnist --split test --views center`
    """
    from alexnet.verbs.evaluate import evaluate as verb

    result = verb(
        runs,
        data=data,
        split=split,
        views=views,
        weights_from=weights_from,
        device=device,
        workers=workers,
        progress=bars,
    )
    show.document(result.document()) if json else show.evaluated(result)


def predict(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    images: Annotated[list[str], typer.Argument(help="Pictures, folders of them, or patterns.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes.")] = 5,
    views: Views = "center",
    device: Device = "auto",
    workers: Workers = 2,
    json: Json = False,
) -> None:
    """Names and probabilities for pictures. Exit code 1 if one could not be read; the others are answered.

    Example: `alexnet predict runs/mnist seven.png shots/`
    """
    from alexnet.verbs.predict import predict as verb

    answers = verb(run, images, top=top, views=views, device=device, workers=workers, progress=bars)
    show.document([answer.document() for answer in answers]) if json else show.predicted(answers)
    if any(answer.error for answer in answers):
        raise typer.Exit(1)
