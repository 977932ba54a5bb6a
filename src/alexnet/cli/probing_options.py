"""What the probes of `alexnet probe` share: their options, and how one is called and shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alexnet.cli import show
from alexnet.cli.figures import terminal
from alexnet.cli.options import bars

if TYPE_CHECKING:
    from alexnet.verbs.probe.asked import Probed

Pictures = Annotated[list[str] | None, typer.Argument(help="Pictures, folders of them, or patterns.")]
Runs = Annotated[list[Path] | None, typer.Argument(help="Further run folders, shown beside.")]
From = Annotated[
    str | None, typer.Option("--from", help="Take pictures from this split of the pack: val, test, train.")
]
Count = Annotated[int, typer.Option(min=1, help="How many pictures of the split, evenly over it.")]
Wrong = Annotated[bool, typer.Option("--wrong", help="Of the split, those that are answered wrongly.")]
Data = Annotated[Path | None, typer.Option(help="Packed data set; default: that of training.")]
Out = Annotated[Path | None, typer.Option(help="Folder for picture and numbers; default: RUN/probes.")]
Words = Annotated[
    Path | None, typer.Option(help="Names of classes, such as ImageNet's words.txt: class, tab, name.")
]
Layer = Annotated[str | None, typer.Option(help="A layer by name, such as conv3; a wrong one lists them.")]


def look(context: typer.Context, things: Any, *, json: bool, **options: Any) -> None:
    """Call the probe that the command is named after, and show what it found."""
    from alexnet.verbs.probe import probe as verb

    result = verb(context.obj, str(context.info_name), things or (), progress=bars, **options)
    show.document(result.document()) if json else told(result)


def choice(split: str | None, count: int, wrong: bool = False, off_centre: bool = False) -> Any:
    """Which pictures of a split."""
    from alexnet.verbs.probe import Choice

    return Choice(split, count, wrong, off_centre)


def told(result: "Probed") -> None:
    """After a probe: what it found in sentences, then where it lies."""
    for line in result.words:
        terminal().print(line, markup=False)
    terminal().print(f"{result.files[0]} (and .svg, .json)", markup=False, soft_wrap=True)


def numbers(text: str, option: str) -> list[int]:
    """Whole numbers between commas."""
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise typer.BadParameter(f"{option} takes whole numbers with commas between, not {text!r}") from None
