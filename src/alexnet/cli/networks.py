"""The verb about networks themselves: networks."""

from typing import Annotated

import typer

from alexnet.cli import show, zoo
from alexnet.cli.options import Json, bars


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
    json: Json = False,
) -> None:
    """The zoo: depth, parameters, multiply-adds, memory, printed errors; one by layers; some side by side.

    Examples: `alexnet networks`, `alexnet networks alexnet`,
    `alexnet networks alexnet --against lenet`,
    `alexnet networks googlenet.inception3a --against 3x3 --against 5x5`,
    `alexnet networks vgg16.fc6 --against alexnet.fc6 --against lenet.fc5`
    """
    from alexnet.verbs.networks import networks as verb

    result = verb(name, classes=classes, against=against or (), progress=bars)
    if json:
        show.document(result)
    elif name is None:
        zoo.zoo(result)
    else:
        zoo.beside(result) if against else zoo.one(result)
