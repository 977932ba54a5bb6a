"""Write docs/scale.md from results/scale.csv; a test sees that it was run."""

import csv
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parent / "scale.md"
TABLE = Path(__file__).parent.parent / "results" / "scale.csv"
PACKS = ("ILSVRC-2012", "ImageNet of 2011")  # what the page's words are about

INTRODUCTION = """\
# Millions of pictures

What packs of ImageNet's sizes take, measured by `python results/record_scale.py` and written from
`results/scale.csv`. The packs are sparse files: their apparent sizes are 252 GB and 2.8 TB, their manifests
are whole (one row a picture), but their pixels are holes, which the disk does not hold and the page cache
gives as zeros. So everything is measured but the disk, in seconds of processor time, system calls included,
and from the command also by the clock.
Machine: {machine}; torch {torch}; {dates}.
"""
CLOSING = """\
A map that the memory cannot hold is read picture by picture: the system is told that places are random, and
which stretch is wanted, just before it is cut. Without that it reads around every missing page, here up to
8 MB for a picture of 197 kB: 2.6 ms of a processor a picture in place of 0.11.

Nothing in a pack is a Python object a picture: pixels are mapped, labels take two bytes each, an epoch's
order four. Memory is what the process has of its own; pages of the mapped file are the system's and are
given back when others need them. The recipe is `alexnet-2012`, whose batches of 128 views at 224 pixels take
77 MB each.

The first batch needs no torch: threads make it while `alexnet train` imports torch and draws the network's
first weights, which take longer. So by the clock there are two moments: when the batch lies in memory as the
network reads it, and when the network is there and the loop is handed it. Seconds of a processor grow with
what else the machine does.
"""

Row = dict[str, str]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page's text."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    dates = sorted({row["date"] for row in rows})
    introduction = INTRODUCTION.format(
        machine="; ".join(sorted({row["machine"] for row in rows})),
        torch=", ".join(sorted({row["torch"] for row in rows})),
        dates=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
    )
    packs, others = ([row for row in rows if (row["what"] in PACKS) == wanted] for wanted in (True, False))
    return "\n".join([introduction, *tables(packs), CLOSING, *tables(others)]).rstrip() + "\n"


def tables(rows: list[Row]) -> Iterator[str]:
    """A table a set; one that was measured at several sizes has a line for each."""
    for what in dict.fromkeys(row["what"] for row in rows):
        mine = [row for row in rows if row["what"] == what]
        sizes = dict.fromkeys(row["pictures"] for row in mine)
        several = len(sizes) > 1
        yield f"## {what}\n" if several else f"## {what}: {int(mine[0]['pictures']):,} pictures\n"
        yield "| pictures | what | measured | at most |" if several else "| what | measured | at most |"
        yield "| ---: | --- | ---: | ---: |" if several else "| --- | ---: | ---: |"
        for row in mine:
            bound = f"{row['bound']} {row['unit']}" if row["bound"] else ""
            first = f"| {int(row['pictures']):,} " if several else ""
            yield f"{first}| {row['measure']} | {row['value']} {row['unit']} | {bound} |"
        yield ""


if __name__ == "__main__":
    main()
