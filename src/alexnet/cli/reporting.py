"""The verb that tells the whole story of a run: report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexnet.cli import show
from alexnet.cli.figures import megabytes, terminal
from alexnet.cli.options import Device, Json, Workers, bars
from alexnet.cli.probing_options import Data, Words

if TYPE_CHECKING:
    from alexnet.verbs.report import Reported


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folder; several are compared.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: report.html in the (first) run folder.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split to measure on; default: val, or test where there is no val.")
    ] = None,
    doctor: Annotated[
        Path | None, typer.Option(help="What `alexnet doctor SOURCE --json` found, saved in a file.")
    ] = None,
    words: Words = None,
    data: Data = None,
    device: Device = "auto",
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """The whole story of a run, or of several compared, in one file of HTML that needs nothing beside it.

    It opens from a mail, on a phone and on paper, and sends nothing anywhere. A section that cannot be made
    says why. Examples: `alexnet report runs/pictures`,
    `alexnet report runs/first runs/second --out both.html`
    """
    from alexnet.verbs.report import report as verb

    result = verb(
        runs, out=out, data=data, split=split, doctor=doctor, words=words, device=device, workers=workers,
        progress=bars,
    )  # fmt: skip
    show.document(result.document()) if json else reported(result)


def reported(result: "Reported") -> None:
    """After `report`: the file, and what is not in it."""
    sections = f"{len(result.sections)} sections, {megabytes(result.bytes)} MB, {result.seconds:.0f} s"
    terminal().print(f"{result.file}: {sections}", markup=False, soft_wrap=True)
    for name, why in result.missing.items():
        terminal().print(f"without {name}: {why}", markup=False, soft_wrap=True)
