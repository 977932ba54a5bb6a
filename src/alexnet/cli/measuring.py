"""The verbs that measure networks: evaluate, compare, learning-curve."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from alexnet.cli import compared, measured, show
from alexnet.cli.options import Device, Json, Views, Workers, bars
from alexnet.problem import UsageProblem

if TYPE_CHECKING:
    from alexnet.verbs.calibrate import Calibrated

Data = Annotated[Path | None, typer.Option(help="Packed data set; default: that of training.")]
SplitName = Annotated[str, typer.Option(help="Which split.")]


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; several are averaged.")],
    data: Data = None,
    split: SplitName = "val",
    views: Views = "center",
    weights_from: Annotated[
        str | None,
        typer.Option(help="Search the weights of the average on this split; report on --split."),
    ] = None,
    per_class: Annotated[bool, typer.Option("--per-class", help="Show every class, in order.")] = False,
    confusion: Annotated[
        Path | None, typer.Option(help="Write the confusion matrix: .png, .svg, .csv or .json.")
    ] = None,
    order: Annotated[
        Literal["given", "clusters"],
        typer.Option(help="Classes of --confusion in their order, or those that are confused side by side."),
    ] = "given",
    reliability: Annotated[
        Path | None, typer.Option(help="Draw reliability, and risk by coverage: .png or .svg.")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Find when to answer so that this share is right: 0.95.")
    ] = None,
    fit_temperature: Annotated[
        bool, typer.Option("--fit-temperature", help="Fit a temperature and keep it; predict then uses it.")
    ] = False,
    fit_on: Annotated[
        str | None, typer.Option(help="Fit it on this split, report on --split. Default: halves of --split.")
    ] = None,
    device: Device = "auto",
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Errors with 95 % intervals, per class too, confusions and calibration; several runs are averaged.

    Example: `alexnet evaluate runs/mnist --split test --confusion confusion.png`

    When to answer: `alexnet evaluate runs/mnist --precision 0.99`
    """
    from alexnet.verbs.evaluate import evaluate as verb
    from alexnet.verbs.evaluation_files import save_confusion, save_reliability
    from alexnet.verbs.precise import precise

    asked: dict[str, Any] = {"data": data, "device": device, "workers": workers, "progress": bars}
    fits = fit_temperature or fit_on is not None
    if fits and (len(runs) > 1 or views != "center"):
        raise UsageProblem("a temperature is of one run and one view: name one run, with --views center")
    result = verb(runs, split=split, views=views, weights_from=weights_from, **asked)
    for note in result.notes:
        show.complain(note)
    if confusion:
        save_confusion(result, confusion, order=order)
    if reliability:
        save_reliability(result, reliability)
    thresholds = None if precision is None else precise(result, precision)
    temperature = _fitted(runs[0], fit_on or split, split, asked) if fits else None
    if json:
        document = result.document()
        document |= {"threshold": thresholds.document()} if thresholds else {}
        document |= {"temperature": temperature.document()} if temperature else {}
        show.document(document)
        return
    measured.evaluated(result, rows=None if per_class else measured.HARDEST)
    if thresholds:
        measured.precise(thresholds)
    if temperature:
        measured.calibrated(temperature)


def _fitted(run: Path, fit_on: str, split: str, asked: dict[str, Any]) -> "Calibrated":
    from alexnet.verbs.calibrate import calibrate

    return calibrate(run, fit_on=fit_on, report_on=split, **asked)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, two or more; one with --repeat.")],
    data: Data = None,
    split: SplitName = "val",
    views: Views = "center",
    device: Device = "auto",
    workers: Workers = 1,
    costs: Annotated[
        bool, typer.Option("--costs", help="Measure speed, memory and size beside each other, too.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw error, speed and memory: a .png or .svg.")] = None,
    repeat: Annotated[
        int, typer.Option(min=1, help="Train each run's recipe with so many seeds first, beside the run.")
    ] = 1,
    json: Json = False,
) -> None:
    """Runs beside each other on the same pictures: intervals, and which differences are noise.

    Runs that differ in their seed alone are also told of together (`train --repeat` makes such).

    Example: `alexnet compare runs/vgg-32 runs/nin-32 --split test --costs --plot runs.png`
    """
    from alexnet.verbs.compare import compare as verb

    result = verb(
        runs, data=data, split=split, views=views, device=device, workers=workers, costs=costs, plot=plot,
        repeat=repeat, progress=bars,
    )  # fmt: skip
    show.document(result.document()) if json else compared.compared(result)


def learning_curve(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a recipe.json.")],
    data: Annotated[Path, typer.Option(help="Packed data set.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs; the same command goes on with it.")],
    shares: Annotated[
        str, typer.Option(help="Of each class's training pictures, with commas.")
    ] = "0.1,0.25,0.5,1",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each share.")] = 1,
    split: Annotated[str, typer.Option(help="Split to evaluate on.")] = "val",
    views: Views = "center",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change one field of all.")] = None,
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Error by the number of training pictures, and what twice as many would give, as far as a law tells.

    Example: `alexnet learning-curve lenet-mnist --data packed/mnist --out runs/curve --set epochs=3`
    """
    from alexnet.verbs.learning_curve import learning_curve as verb

    try:
        wanted = [float(share) for share in shares.split(",")]
    except ValueError:
        raise UsageProblem(f"--shares {shares}: give shares with commas, such as 0.1,0.5,1") from None
    result = verb(
        recipe,
        data,
        out,
        shares=wanted,
        seeds=seeds,
        split=split,
        views=views,
        assignments=set_ or (),
        workers=workers,
        progress=bars,
    )
    show.document(result.document()) if json else measured.learned(result)
