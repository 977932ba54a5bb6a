"""The verbs and their options."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from alexnet.cli import show
from alexnet.problem import UsageProblem
from alexnet.progress import Advance

app = typer.Typer(
    name="alexnet",
    help="From a folder of pictures to a trained, measured and explained classifier.",
    epilog="Start with: alexnet demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass
class Settings:
    """What holds for every verb."""

    debug: bool = False


settings = Settings()


def bars(title: str, /, total: int | None, done: int = 0) -> AbstractContextManager[Advance]:
    """Open a progress bar; Rich is imported only now, so that `--help` is quick."""
    from alexnet.cli.bars import bars as opened

    return opened(title, total, done)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
Workers = Annotated[int, typer.Option(min=0, help="Threads that read ahead; results do not depend on it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
Views = Annotated[
    str, typer.Option(help="Views averaged for each picture: center, mirror, ten ([P] §4.1) or nine.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from alexnet import __version__

        typer.echo(f"alexnet {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From a folder of pictures to a trained, measured and explained classifier."""
    settings.debug = debug


@app.command()
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


@app.command()
def doctor(
    source: Annotated[str, typer.Argument(help="What `prepare` would read.")],
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; default: all cores.")] = None,
    json: Json = False,
) -> None:
    """What is wrong with the pictures, before anything else. It never touches them.

    Exit code 1 when something would spoil a training. Example: `alexnet doctor pictures/`
    """
    from alexnet.verbs.doctor import doctor as verb

    report = verb(source, workers=workers, progress=bars)
    show.document(show.plain(report) | {"ok": report.ok}) if json else show.doctor(report)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
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
    encoding: Annotated[str, typer.Option(help="How pixels are kept: raw.")] = "raw",
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


@app.command()
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
        Path | None, typer.Option(help="A run to start from; other classes get a new last layer.")
    ] = None,
    device: Device = "auto",
    workers: Workers = 1,
    save_every: Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints.")] = 60.0,
    json: Json = False,
) -> None:
    """Train a network; stopped at any moment, the same command goes on to the same weights.

    Example: `alexnet train lenet-mnist --data packed/mnist --out runs/mnist --set epochs=3`
    """
    if dry_run:
        from alexnet.verbs.plan import plan

        planned = plan(recipe, data, assignments=set_ or (), device=device, progress=bars)
        show.document(planned.document()) if json else show.planned(planned)
        return
    if data is None or out is None:
        raise UsageProblem("train needs --data PACKED and --out RUN (or --dry-run)")
    from alexnet.verbs.train import train as verb

    result = verb(
        recipe,
        data,
        out,
        init=init,
        assignments=set_ or (),
        device=device,
        workers=workers,
        save_every=save_every,
        progress=bars,
    )
    show.document(show.plain(result)) if json else show.trained(result)


@app.command()
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


@app.command()
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


@app.command()
def networks(
    name: Annotated[str | None, typer.Argument(help="Show one network layer by layer.")] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Outputs; default: as published.")] = None,
    json: Json = False,
) -> None:
    """The zoo: parameters, multiply-adds, shapes; one network layer by layer.

    Example: `alexnet networks alexnet`
    """
    from alexnet.verbs.networks import networks as verb

    result = verb(name, classes=classes)
    show.document(result) if json else show.networks(result, named=name is not None)


@app.command()
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
