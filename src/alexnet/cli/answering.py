"""The verbs predict and export: answers here, and a file that answers elsewhere."""

from collections.abc import Iterable, Iterator
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexnet.cli import show
from alexnet.cli.options import Device, Json, Views, Workers, bars
from alexnet.problem import UsageProblem

if TYPE_CHECKING:
    from alexnet.verbs.predict import Answer, Scored

Engine = Annotated[
    str | None,
    typer.Option(help="torch (default), onnx, openvino, or auto: what is fastest here (default for .onnx)."),
]
Lines = Annotated[bool, typer.Option("--json-lines", help="Print one JSON document a picture, at once.")]
Submission = Annotated[
    Path | None, typer.Option("--submission", help="Write a competition's CSV: a row a picture.")
]
Template = Annotated[
    Path | None, typer.Option(help="Its sample submission: ids, their order, and the columns.")
]
Format = Annotated[str, typer.Option(help="onnx, torch-export (.pt2) or safetensors.")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Eight bits, calibrated on training pictures; ONNX alone.")
]
Layout = Annotated[str, typer.Option(help="Of safetensors: the names of torchvision or of timm.")]
Check = Annotated[
    Path | None, typer.Option(help="Folder of pictures to check the file with; default: those held out.")
]


def predict(
    run: Annotated[Path, typer.Argument(help="Run folder, or a .onnx of `alexnet export`.")],
    images: Annotated[
        list[str], typer.Argument(help="Pictures, folders, patterns; - reads paths or a picture from stdin.")
    ],
    with_: Annotated[
        list[Path] | None, typer.Option("--with", help="Average with this run or .onnx. Repeat it.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes.")] = 5,
    views: Views = "center",
    engine: Engine = None,
    submission: Submission = None,
    template: Template = None,
    device: Device = "auto",
    workers: Workers = 2,
    json: Json = False,
    json_lines: Lines = False,
) -> None:
    """Names and probabilities for pictures. Exit code 1 if one could not be read; the others are answered.

    Examples: `alexnet predict runs/mnist seven.png shots/`, `find . -name '*.jpg' | alexnet predict
    pictures.onnx - --json-lines`, `alexnet predict runs/pictures test/ --submission mine.csv --template
    sample_submission.csv`
    """
    from alexnet.verbs.predict import answer_of, named, opened, scores

    if template and not submission:
        raise UsageProblem("a template is for --submission FILE")
    classifier = opened(run, with_ or (), engine=engine, views=views, device=device)
    _tell_temperature(run, classifier.card["temperature"])
    scored = scores(classifier, named(images), workers=workers, progress=bars)
    if submission:
        _submit(submission, template, scored, classifier.classes)
        return
    answers = (answer_of(one, classifier, top) for one in scored)
    if not _shown(answers, json=json, lines=json_lines):
        raise typer.Exit(1)


def _tell_temperature(run: Path, temperature: float) -> None:
    """Say what logits are divided by where it is not 1, or that what was fitted is not used."""
    if temperature != 1.0:
        show.complain(f"probabilities are at the temperature {temperature:.3f} that was fitted for {run}")
    elif (run / "calibration.json").is_file():
        show.complain(
            f"{run} was trained on since its temperature was fitted, so that is not used: fit it again with "
            "`alexnet evaluate --fit-temperature`"
        )


def _submit(path: Path, template: Path | None, scored: "Iterable[Scored]", classes: tuple[str, ...]) -> None:
    from alexnet.parallel import world
    from alexnet.verbs.submission import read_template, submit

    asked = read_template(template) if template else None
    if not world().is_first:  # its answers are gathered by the first rank, which writes them
        list(scored)
        return
    result = submit(path, scored, classes, asked)
    print(f"{result.path}: {result.rows:,} rows")
    for name in result.guessed:
        show.complain(f"{name} could not be read; its row is a guess: every class as likely as another")
    if result.guessed:
        raise typer.Exit(1)


def _shown(answers: "Iterator[Answer]", *, json: bool, lines: bool) -> bool:
    """Print answers, by lines as they come; whether every picture could be read."""
    unread = 0
    kept = []
    for answer in answers:
        unread += answer.error is not None
        if lines:
            print(dumps(answer.document(), ensure_ascii=False), flush=True)
        else:
            kept.append(answer)
    if not lines:
        show.document([answer.document() for answer in kept]) if json else show.predicted(kept)
    return not unread


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path | None, typer.Option(help="File; default: RUN/exported/NAME.onnx.")] = None,
    format: Format = "onnx",
    int8: Int8 = False,
    layout: Layout = "torchvision",
    check: Check = None,
    data: Annotated[Path | None, typer.Option(help="Packed data set; default: that of training.")] = None,
    json: Json = False,
) -> None:
    """One file that answers elsewhere, from pictures of any size on; checked against the run, or not kept.

    Examples: `alexnet export runs/pictures`, `alexnet export runs/pictures --int8 --out small.onnx`
    """
    from alexnet.verbs.export import export as verb

    result = verb(
        run, out=out, format=format, int8=int8, layout=layout, check=check, data=data, progress=bars
    )
    show.document(result.document()) if json else show.exported(result)
