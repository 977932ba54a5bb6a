"""The command line's verbs in the order of `alexnet --help`, and what holds for all of them."""

from dataclasses import dataclass
from typing import Annotated

import typer

from alexnet.cli.answering import export, predict
from alexnet.cli.dataset import prepare
from alexnet.cli.doctor import doctor
from alexnet.cli.measuring import compare, evaluate, learning_curve
from alexnet.cli.networks import networks
from alexnet.cli.probing import app as probe
from alexnet.cli.reporting import report
from alexnet.cli.searching import codes, similar
from alexnet.cli.serving import serve
from alexnet.cli.training import ablate, average, demo, rates, train, transfer

app = typer.Typer(
    name="alexnet",
    help="From a folder of pictures to a trained, measured and explained classifier.",
    epilog="Start with: alexnet demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass
class Settings:
    """What holds for every verb."""

    debug: bool = False


settings = Settings()


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


VERBS = (
    demo, doctor, prepare, train, evaluate, compare, predict, similar, codes, report, networks, ablate,
    learning_curve, rates, transfer, average, export, serve,
)  # fmt: skip
for verb in VERBS:
    app.command()(verb)
app.add_typer(probe, name="probe")
