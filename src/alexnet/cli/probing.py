"""The verb that looks inside a run, a command a probe: `alexnet probe RUN kernels`."""

from pathlib import Path
from typing import Annotated

import typer

from alexnet.cli.options import Device, Json
from alexnet.cli.probing_options import Data, From, Layer, Out, Runs, Words, choice, look, numbers
from alexnet.cli.probing_pictures import gradcam, mistake, occlusion, saliency, top5
from alexnet.problem import UsageProblem


def probe(context: typer.Context, run: Annotated[Path, typer.Argument(help="Run folder.")]) -> None:
    """Look inside a run: each command draws a picture (PNG, SVG) and writes its numbers (JSON).

    Examples: `alexnet probe runs/mnist kernels`, `alexnet probe runs/mnist gradcam seven.png`,
    `alexnet probe runs/mnist top5 --from val --wrong`
    """
    if context.invoked_subcommand is None:
        raise UsageProblem(f"say what to look at behind {run}: {', '.join(each.__name__ for each in PROBES)}")
    context.obj = run


def kernels(
    context: typer.Context,
    runs: Runs = None,
    over_time: Annotated[
        bool, typer.Option("--over-time", help="Before training and at each checkpoint that was kept.")
    ] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """First-layer kernels by column, how colourful each is, and whether the columns specialise (figure 3).

    With further runs, such as other seeds, the test is over all of them.
    Example: `alexnet probe runs/seed0 kernels runs/seed1`
    """
    look(context, runs, json=json, out=out, over_time=over_time)


def activations(
    context: typer.Context,
    image: Annotated[list[str] | None, typer.Argument(help="One picture.")] = None,
    layer: Layer = None,
    from_: From = None,
    most: Annotated[int, typer.Option(min=1, help="Maps on the sheet: the strongest of more.")] = 256,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """What a layer answers to a picture: a sheet of feature maps. Default: the first convolution.

    Example: `alexnet probe runs/pictures activations cat.jpg --layer conv3`
    """
    chosen = choice(from_, 1)
    look(context, image, json=json, layer=layer, choice=chosen, most=most, data=data, out=out, device=device)


def units(
    context: typer.Context,
    layer: Layer = None,
    unit: Annotated[str, typer.Option(help="Units with commas: 3,7. Default: eight over the layer.")] = "",
    count: Annotated[int, typer.Option(min=1, help="Patches of each unit.")] = 9,
    split: Annotated[str, typer.Option(help="Which split to look through.")] = "train",
    words: Words = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The patches of training pictures that excite a unit most, cut at its receptive field.

    Example: `alexnet probe runs/pictures units --layer conv5 --unit 3,7`
    """
    look(
        context, None, json=json, layer=layer, unit=numbers(unit, "--unit"), count=count, split=split,
        words=words, data=data, out=out, device=device,
    )  # fmt: skip


def gradients(
    context: typer.Context,
    runs: Runs = None,
    against: Annotated[
        str | None, typer.Option(help="A network, such as plain20: both before training.")
    ] = None,
    over_time: Annotated[
        bool,
        typer.Option(
            "--over-time",
            help="Over training alone: what `train --gradients` logged, or else the checkpoints kept.",
        ),
    ] = False,
    count: Annotated[int, typer.Option(min=1, help="Training pictures in the batch.")] = 16,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """How much gradient reaches each layer from a batch of training pictures, and over training.

    Over training it is what `alexnet train --gradients` has logged. Examples:
    `alexnet probe runs/resnet56 gradients runs/plain56`,
    `alexnet probe runs/resnet20 gradients --against plain20`
    """
    look(
        context, runs, json=json, against=against, over_time=over_time, count=count, data=data, out=out,
        device=device,
    )  # fmt: skip


def texture(
    context: typer.Context,
    grids: Annotated[str, typer.Option(help="Patches along a side, with commas.")] = "2,4",
    count: Annotated[int, typer.Option(min=1, help="Pictures of the split, evenly over it.")] = 1000,
    split: Annotated[str | None, typer.Option(help="Which split; default: val, else test.")] = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Shape or texture? Right answers on shuffled patches, on edges, on silhouettes, without colour.

    Example: `alexnet probe runs/pictures texture --grids 2,4`
    """
    look(
        context, None, json=json, grids=numbers(grids, "--grids"), count=count, split=split, data=data,
        out=out, device=device,
    )  # fmt: skip


def curves(context: typer.Context, out: Out = None, json: Json = False) -> None:
    """Training against validation, with a diagnosis of over- and under-fitting in words.

    Example: `alexnet probe runs/pictures curves`
    """
    look(context, None, json=json, out=out)


PROBES = (
    kernels, activations, units, top5, mistake, saliency, gradcam, occlusion, gradients, texture, curves,
)  # fmt: skip
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(invoke_without_command=True)(probe)
for command in PROBES:
    app.command()(command)
