"""The verbs that look for pictures like others: similar, codes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alexnet.cli import show
from alexnet.cli.figures import NONE, tabled, terminal
from alexnet.cli.options import Device, Json, Workers, bars
from alexnet.cli.probing_options import Data, From, Pictures, Words, numbers
from alexnet.problem import UsageProblem

if TYPE_CHECKING:
    from alexnet.probing.agreement import Agreement
    from alexnet.verbs.codes import Coded
    from alexnet.verbs.compare_codes import Compared
    from alexnet.verbs.similar import Similar

Layer = Annotated[
    str, typer.Option(help="Features of this layer, such as fc6; hidden is what the last layer reads.")
]
Split = Annotated[str, typer.Option(help="Split whose pictures are looked through.")]
Sheet = Annotated[Path | None, typer.Option(help="Draw five pictures with their neighbours: a .png or .svg.")]
Agreeing = Annotated[
    bool, typer.Option("--agreement", help="How often neighbours of --from (val) are of the same class.")
]
Compare = Annotated[
    bool, typer.Option("--compare", help="Recall of all kinds of code, several seeds; keeps none.")
]
Steps = Annotated[int, typer.Option(min=1, help="Batches of 500 pictures that are learned from.")]


def similar(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    images: Pictures = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbours.")] = 6,
    codes: Annotated[bool, typer.Option("--codes", help="By binary codes in place of features.")] = False,
    bits: Annotated[int, typer.Option(help="Length of those codes.")] = 128,
    sheet: Sheet = None,
    from_: From = None,
    agreement: Agreeing = False,
    layer: Layer = "hidden",
    split: Split = "train",
    words: Words = None,
    data: Data = None,
    device: Device = "auto",
    workers: Workers = 2,
    json: Json = False,
) -> None:
    """The nearest training pictures, exactly or by codes. Exit code 1 if a picture could not be read.

    The first call computes what the layer answers to every picture of the split, and keeps it beside the run.
    Examples: `alexnet similar runs/mnist seven.png shots/`,
    `alexnet similar runs/mnist --from val --sheet neighbours.png`, `alexnet similar runs/mnist --agreement`
    """
    common: dict[str, Any] = {
        "layer": layer, "split": split, "data": data, "device": device, "progress": bars,
    }  # fmt: skip
    if agreement:
        _agreement(run, images, from_ or "val", json, common)
        return
    from alexnet.verbs.similar import similar as verb

    found = verb(
        run, images or (), k=k, codes=bits if codes else None, from_=from_, sheet=sheet, words=words,
        workers=workers, **common,
    )  # fmt: skip
    show.document([one.document() for one in found]) if json else shown(found, "bits" if codes else "")
    if any(one.error for one in found):
        raise typer.Exit(1)


def _agreement(
    run: Path, images: Sequence[str] | None, from_: str, json: bool, common: dict[str, Any]
) -> None:
    if images:
        raise UsageProblem("--agreement is counted over a split: --from val, without pictures")
    from alexnet.verbs.agreement import agreement as verb

    rows = verb(run, from_=from_, **common)
    show.document([row.document() for row in rows]) if json else agreed(rows, from_)


def codes(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    bits: Annotated[str, typer.Option(help="Length of a code; several with commas for --compare.")] = "128",
    compare: Compare = False,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings and draws of each kind.")] = 3,
    steps: Steps = 600,
    from_: Annotated[str, typer.Option("--from", help="Split that the compared queries are from.")] = "val",
    layer: Layer = "hidden",
    split: Split = "train",
    data: Data = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Learn binary codes of features, for `alexnet similar --codes`; or compare kinds of code.

    Examples: `alexnet codes runs/mnist --bits 64`, `alexnet codes runs/mnist --compare --bits 32,128`
    """
    lengths = numbers(bits, "--bits")
    common: dict[str, Any] = {
        "steps": steps, "layer": layer, "split": split, "data": data, "device": device, "progress": bars,
    }  # fmt: skip
    if compare:
        from alexnet.verbs.compare_codes import compare_codes

        rows = compare_codes(run, bits=lengths, seeds=seeds, from_=from_, **common)
        show.document([row.document() for row in rows]) if json else compared(rows)
        return
    if len(lengths) != 1:
        raise UsageProblem("codes of one length are learned at a time; several are for --compare")
    from alexnet.verbs.codes import codes as verb

    result = verb(run, bits=lengths[0], **common)
    show.document(result.document()) if json else coded(result)


def shown(found: Sequence["Similar"], unit: str) -> None:
    """After `similar`: a line a neighbour."""
    for one in found:
        if one.neighbours is None:
            show.complain(f"{one.image}: {one.error}")
            continue
        table = tabled("distance", "class", "source", left=("class", "source"), wrap="source")
        for each in one.neighbours:
            table.add_row(
                f"{each.distance:.0f} {unit}" if unit else f"{each.distance:.4g}", each.name, each.source
            )
        terminal().print(one.image, style="bold", markup=False, soft_wrap=True)
        terminal().print(table)


def agreed(rows: Sequence["Agreement"], from_: str) -> None:
    """After `similar --agreement`."""
    table = tabled("nearest", "by features", "by pixels", "difference, points")
    for row in rows:
        told = [
            f"{mean:.1f} % ({low:.1f} … {high:.1f})"
            for mean, (low, high) in (
                (row.features, row.features_interval),
                (row.pixels, row.pixels_interval),
            )
        ]
        low, high = row.difference_interval
        table.add_row(str(row.k), *told, f"{row.difference:+.1f} ({low:+.1f} … {high:+.1f})")
    terminal().print(table)
    terminal().print(f"of the same class, {rows[0].queries:,} pictures of {from_}, 95 % intervals")


def coded(result: "Coded") -> None:
    """After `codes`."""
    terminal().print(
        f"{result.file}: {result.images:,} pictures, {result.bytes_a_picture} bytes each in place of "
        f"{4 * result.features:,}",
        markup=False,
        soft_wrap=True,
    )


def compared(rows: Sequence["Compared"]) -> None:
    """After `codes --compare`."""
    table = tabled("code", "bits", "seed", "recall at 100", "bytes", "queries/s", left=("code",))
    for row in rows:
        interval = row.recall_interval
        recall = f"{row.recall:.1f} % ({interval[0]:.1f} … {interval[1]:.1f})" if interval else NONE
        rate = f"{row.queries_a_second:,.0f}" if row.queries_a_second else NONE
        seed = NONE if row.seed is None else str(row.seed)
        table.add_row(row.way, str(row.bits), seed, recall, f"{row.bytes_a_picture:,}", rate)
    terminal().print(table)
