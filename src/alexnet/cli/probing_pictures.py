"""The probes that look at pictures: top5, mistake, saliency, gradcam, occlusion."""

from typing import Annotated

import typer

from alexnet.cli.options import Device, Json
from alexnet.cli.probing_options import Count, Data, From, Layer, Out, Pictures, Words, Wrong, choice, look


def top5(
    context: typer.Context,
    images: Pictures = None,
    from_: From = None,
    count: Count = 8,
    wrong: Wrong = False,
    off_centre: Annotated[
        bool, typer.Option("--off-centre", help="Of the split, right ones whose thing is off the middle.")
    ] = False,
    words: Words = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Pictures with their five likeliest classes as bars (figure 4, left). Blue is right.

    The class of a file is known where its folder bears the class's name.
    Example: `alexnet probe runs/pictures top5 --from val --wrong`
    """
    chosen = choice(from_, count, wrong, off_centre)
    look(context, images, json=json, choice=chosen, words=words, data=data, out=out, device=device)


def mistake(
    context: typer.Context,
    images: Pictures = None,
    truth: Annotated[str | None, typer.Option(help="The right class; default: its folder's name.")] = None,
    from_: From = None,
    count: Count = 2,
    wrong: Wrong = False,
    words: Words = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """An answer beside training pictures of the class that was answered and of the one that is right.

    Example: `alexnet probe runs/pictures mistake cat.jpg --truth cat`
    """
    chosen = choice(from_, count, wrong)
    look(
        context, images, json=json, choice=chosen, truth=truth, words=words, data=data, out=out, device=device
    )


def saliency(
    context: typer.Context,
    images: Pictures = None,
    from_: From = None,
    count: Count = 4,
    wrong: Wrong = False,
    words: Words = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Which pixels move the likeliest class: the size of its logit's gradient.

    Example: `alexnet probe runs/pictures saliency cat.jpg`
    """
    chosen = choice(from_, count, wrong)
    look(context, images, json=json, choice=chosen, words=words, data=data, out=out, device=device)


def gradcam(
    context: typer.Context,
    images: Pictures = None,
    layer: Layer = None,
    from_: From = None,
    count: Count = 4,
    wrong: Wrong = False,
    words: Words = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Which places of a layer's maps speak for the likeliest class. Default: the last convolution.

    Example: `alexnet probe runs/pictures gradcam cat.jpg --layer conv4`
    """
    chosen = choice(from_, count, wrong)
    look(
        context, images, json=json, choice=chosen, layer=layer, words=words, data=data, out=out, device=device
    )


def occlusion(
    context: typer.Context,
    images: Pictures = None,
    patch: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the square, pixels; default: a quarter of the view."),
    ] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Pixels between two places; default: a third of the side.")
    ] = None,
    from_: From = None,
    count: Count = 4,
    wrong: Wrong = False,
    words: Words = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """How much the likeliest class's probability falls when a part of the picture is hidden.

    Example: `alexnet probe runs/pictures occlusion cat.jpg --patch 12 --stride 4`
    """
    look(
        context, images, json=json, choice=choice(from_, count, wrong), patch=patch, stride=stride,
        words=words, data=data, out=out, device=device,
    )  # fmt: skip
