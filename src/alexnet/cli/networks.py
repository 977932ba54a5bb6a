"""The verb about networks themselves: networks."""

from typing import Annotated, Literal

import typer

from alexnet.cli import show, zoo
from alexnet.cli.options import Json, bars
from alexnet.problem import UsageProblem


def networks(
    name: Annotated[
        str | None, typer.Argument(help="A network, or a part of one, such as vgg16.fc6: layer by layer.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Another, side by side; 3x3 or 5x5: a plain convolution of as many maps. Repeat it."
        ),
    ] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Outputs; default: as published.")] = None,
    columns: Annotated[
        int | None,
        typer.Option(min=2, help="What so many ranks send in a step that hold the network between them."),
    ] = None,
    scheme: Annotated[
        Literal["columns", "owt"],
        typer.Option(help="How: in columns as in 2012, or (owt) dense layers only, as in 2014."),
    ] = "columns",
    batch: Annotated[int, typer.Option(min=1, help="Images of a step, for --columns.")] = 128,
    json: Json = False,
) -> None:
    """The zoo: depth, parameters, multiply-adds, memory, printed errors; one by layers; some side by side.

    Examples: `alexnet networks`, `alexnet networks alexnet`,
    `alexnet networks alexnet --against lenet`,
    `alexnet networks googlenet.inception3a --against 3x3 --against 5x5`,
    `alexnet networks vgg16.fc6 --against alexnet.fc6 --against lenet.fc5`,
    `alexnet networks alexnet-2012 --columns 2`
    """
    from alexnet.verbs.networks import exchanged
    from alexnet.verbs.networks import networks as verb

    if columns is not None and name is None:
        raise UsageProblem("columns of what? Name a network first: alexnet networks alexnet --columns 2")
    result = verb(name, classes=classes, against=against or (), progress=bars)
    if columns is not None and name is not None:
        result["exchange"] = exchanged(name, columns, scheme=scheme, batch=batch, classes=classes)
    if json:
        show.document(result)
    elif name is None:
        zoo.zoo(result)
    else:
        zoo.beside(result) if against else zoo.one(result)
    if columns is not None and not json:
        zoo.exchange(result["exchange"])
