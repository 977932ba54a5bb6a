"""The verbs that train: demo, train, ablate."""

from pathlib import Path
from typing import Annotated

import typer

from alexnet.cli import show
from alexnet.cli.options import Device, Json, Views, Workers, bars
from alexnet.problem import UsageProblem


def demo(
    out: Annotated[Path, typer.Option(help="Run folder to make.")] = Path("runs/demo"),
    json: Json = False,
) -> None:
    """The whole story on bundled digits in under two minutes: prepare, train, evaluate, look.

    Example: `alexnet demo`
    """
    from alexnet.verbs.demo import demo as verb

    result = verb(out, progress=bars)
    show.document(result.document()) if json else show.demo(result)


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a recipe.json.")],
    data: Annotated[
        Path | None, typer.Option(help="Packed data set; a dry run without it plans for ILSVRC-2012.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make, or to go on with.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one field: --set epochs=3. Repeat it.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show schedule, memory, time and cost; train nothing.")
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(
            help="A run, or published weights (resnet18.pth, model.safetensors), to start from; other "
            "classes get a new last layer."
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help="File of class names, one a line, in place of --data: a run of the weights of --init as "
            "they are."
        ),
    ] = None,
    device: Device = "auto",
    workers: Workers = 1,
    save_every: Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints.")] = 60.0,
    json: Json = False,
) -> None:
    """Train a network; stopped at any moment, the same command goes on to the same weights.

    Example: `alexnet train lenet-mnist --data packed/mnist --out runs/mnist --set epochs=3`

    From published weights: `alexnet train recipe.json --data packed/pets --out runs/pets --init resnet18.pth`
    """
    if dry_run:
        from alexnet.verbs.plan import plan

        planned = plan(recipe, data, assignments=set_ or (), device=device, progress=bars)
        show.document(planned.document()) if json else show.planned(planned)
        return
    if out is None or (data is None and init is None):
        raise UsageProblem("train needs --data PACKED and --out RUN (or --dry-run)")
    from alexnet.verbs.train import train as verb

    result = verb(
        recipe,
        data,
        out,
        init=init,
        classes=classes,
        assignments=set_ or (),
        device=device,
        workers=workers,
        save_every=save_every,
        progress=bars,
    )
    show.document(show.plain(result)) if json else show.trained(result)


def ablate(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a recipe.json.")],
    data: Annotated[Path, typer.Option(help="Packed data set.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs; the same command goes on with it.")],
    drop: Annotated[
        str, typer.Option(help="What to take out, with commas: norm,overlap,… Default: all there is.")
    ] = "",
    seeds: Annotated[int, typer.Option(min=2, help="Trainings of each recipe.")] = 2,
    split: Annotated[str, typer.Option(help="Split to compare on.")] = "val",
    views: Views = "center",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change one field of all.")] = None,
    json: Json = False,
) -> None:
    """The same recipe without one thing at a time: paired differences beside the figures of 2012.

    Example: `alexnet ablate alexnet-32 --data packed/cifar10 --out runs/ablate --drop norm,overlap,dropout`
    """
    from alexnet.verbs.ablate import ablate as verb

    dropped = [name for name in drop.split(",") if name]
    rows = verb(
        recipe,
        data,
        out,
        drop=dropped,
        seeds=seeds,
        split=split,
        views=views,
        assignments=set_ or (),
        progress=bars,
    )
    show.document([row.document() for row in rows]) if json else show.ablated(rows)
