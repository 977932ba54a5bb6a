"""The verbs that train: demo, train, ablate."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from alexnet.cli import show
from alexnet.cli.clock import began, seconds
from alexnet.cli.options import Device, Json, Views, Workers, bars
from alexnet.cli.probing_options import numbers
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
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, a recipe.json, or auto: chosen for the data and the time.")
    ],
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
    time: Annotated[
        str | None,
        typer.Option(help="Wish for the whole training, as 90s, 20m or 1.5h: the schedule is fitted to it."),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(help="Pictures a step; auto: by a probe of memory and speed, the rate in proportion."),
    ] = None,
    device: Device = "auto",
    workers: Workers = 1,
    save_every: Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints.")] = 60.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the weights after each epoch, for `probe … --over-time`.")
    ] = False,
    gradients: Annotated[
        bool,
        typer.Option(
            "--gradients",
            help="Log every fifty steps how much gradient reaches each layer, for `probe … gradients`.",
        ),
    ] = False,
    repeat: Annotated[
        int, typer.Option(min=1, help="Train with so many seeds, into OUT-seed0, OUT-seed1, … in turn.")
    ] = 1,
    columns: Annotated[
        int, typer.Option(min=1, help="Ranks of torchrun that hold one network between them, as in 2012.")
    ] = 1,
    scheme: Annotated[
        Literal["columns", "owt"],
        typer.Option(help="What they divide: its columns, or (owt) the dense layers only, as in 2014."),
    ] = "columns",
    shard: Annotated[
        bool, typer.Option("--shard", help="Each rank keeps its part of every weight: for what does not fit.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a network; stopped at any moment, the same command goes on to the same weights.

    Example: `alexnet train lenet-mnist --data packed/mnist --out runs/mnist --set epochs=3`

    In a given time: `alexnet train auto --data packed/pets --out runs/pets --time 20m`

    On two devices: `torchrun --nproc-per-node 2 -m alexnet train alexnet-2012 --data packed/ilsvrc --out
    runs/two`

    With three seeds: `alexnet train resnet20-short --data packed/cifar10 --out runs/resnet20 --repeat 3`

    From published weights: `alexnet train recipe.json --data packed/pets --out runs/pets --init resnet18.pth`
    """
    assignments = [*(set_ or []), *([f"batch={batch}"] if batch else [])]
    assignments += [f"seconds={seconds(time)}"] if time else []
    if dry_run:
        from alexnet.verbs.plan import plan

        planned = plan(recipe, data, assignments=assignments, device=device, progress=bars)
        show.document(planned.document()) if json else show.planned(planned)
        return
    if out is None or (data is None and init is None):
        raise UsageProblem("train needs --data PACKED and --out RUN (or --dry-run)")
    ahead = None
    if data is not None and init is None and repeat == 1:
        from alexnet.verbs.ahead import begin

        ahead = begin(recipe, data, out, assignments=assignments, device=device, workers=workers)
    from alexnet.verbs.ranks import Layout  # torch, while the first batch is made

    how: dict[str, Any] = {
        "init": init, "classes": classes, "assignments": assignments, "device": device, "workers": workers,
        "save_every": save_every, "keep": keep, "gradients": gradients, "began": began(),
        "layout": Layout(columns, scheme, shard), "tell": show.chosen, "progress": bars,
    }  # fmt: skip
    if repeat > 1:
        _repeated(recipe, data, out, times=repeat, json=json, how=how)
        return
    from alexnet.verbs.train import train as verb

    result = verb(recipe, data, out, ahead=ahead, **how)
    show.document(show.plain(result)) if json else show.trained(result)


def _repeated(
    recipe: str, data: Path | None, out: Path, *, times: int, json: bool, how: dict[str, Any]
) -> None:
    from alexnet.verbs.repeat import repeat as verb

    if data is None:
        raise UsageProblem("--repeat trains: name the pack with --data PACKED")
    found = verb(recipe, data, out, times=times, **how)
    show.document(found.document()) if json else show.repeated(found)


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


def transfer(
    run: Annotated[Path, typer.Argument(help="Run folder whose features are used.")],
    data: Annotated[Path, typer.Option(help="Packed data set of other classes.")],
    shots: Annotated[str, typer.Option(help="Training pictures of each class, with commas.")] = "1,5,20",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of those pictures.")] = 3,
    on: Annotated[str, typer.Option(help="Split to try it on.")] = "val",
    layer: Annotated[str, typer.Option(help="Layer whose answers are the features.")] = "hidden",
    device: Device = "auto",
    json: Json = False,
) -> None:
    """What a run's features are worth on other data: a linear probe and a vote of neighbours.

    The network stays as it is. To train on from it, give `train` the run as --init.
    Example: `alexnet transfer runs/tiny --data packed/pets --shots 5,20`
    """
    from alexnet.verbs.transfer import transfer as verb

    rows = verb(
        run,
        data,
        shots=numbers(shots, "--shots"),
        seeds=seeds,
        on=on,
        layer=layer,
        device=device,
        progress=bars,
    )
    show.document([row.document() for row in rows]) if json else show.transferred(rows)


def rates(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a recipe.json.")],
    data: Annotated[Path, typer.Option(help="Packed data set.")],
    out: Annotated[Path | None, typer.Option(help="Draw the curve: a .png or .svg.")] = None,
    steps: Annotated[int, typer.Option(min=10, help="Steps, each at a higher rate.")] = 100,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change one field of the recipe.")] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Find a learning rate: the loss while the rate rises from far too low to far too high.

    Example: `alexnet rates lenet-mnist --data packed/mnist --out rates.png`
    """
    from alexnet.verbs.rates import rates as verb

    found = verb(recipe, data, out=out, steps=steps, assignments=set_ or (), device=device, progress=bars)
    show.document(found.document()) if json else show.rates(found)


def average(
    runs: Annotated[list[Path], typer.Argument(help="Runs that began from the same weights, or one run.")],
    out: Annotated[Path, typer.Option(help="Run folder to make.")],
    last: Annotated[
        int | None, typer.Option(min=2, help="Of one run: how many of its last checkpoints (train --keep).")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The mean of weights as a run: of several trainings from one start, or of one training's last epochs.

    Example: `alexnet average runs/cifar --last 5 --out runs/cifar-mean`
    """
    from alexnet.verbs.average import average as verb

    made = verb(runs, out, last=last, device=device, progress=bars)
    show.document(made.document()) if json else show.averaged(made)
