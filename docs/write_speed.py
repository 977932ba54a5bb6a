"""Write docs/speed.md from results/speed.csv; `make bench` runs it, a test sees that it was run."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parent / "speed.md"
TABLE = Path(__file__).parent.parent / "results" / "speed.csv"
ILSVRC_2012 = 1_281_167  # training pictures
EPOCHS = 90  # [P] §5

INTRODUCTION = """\
# Speed

Everything here is measured by `make bench` and written from `results/speed.csv`. A ratio is the median over
rounds in which both alternatives took turns, with its quartiles; above one, ours is faster (for memory: ours
is smaller). The machine is shared and noisy, which is why only ratios of one interleaved run are claimed.
Machine: {machine}; torch {torch}; {dates}.
"""

ROOMS = {
    "machine": "What the machine can do at all.",
    "norms": "AlexNet's response norms. Where there is a C compiler they are compiled at first use; their\n"
    "plain form stands beside them, and tests hold the two equal to 1e-12 in float64.",
    "steps": "Whole training steps at 224 pixels, each alternative in a process of its own. Plain torch is\n"
    "the same network as one writes it there. The rate counts the multiply-adds that are done.",
    "small_steps": "Training with its pictures at CIFAR-10's size.",
    "strips": "Training in bfloat16 on a processor with tiles: maps of less than 10 pixels lie side by\n"
    "side, see `alexnet.training.strips`.",
    "loading": "Pictures ready for the network, 256 to 224 pixels, two threads or two worker processes.",
    "preparation": "Full-size photographs to a packed data set, two cores. The peers decode, resize and\n"
    "write; ours also hashes every file and its pixels, measures the statistics and writes a manifest.",
    "evaluation": "Views of a picture.",
    "prediction": "Answers of a network.",
    "search": "Nearest neighbours among 50,000 features of 4096 numbers.",
    "starting": "Commands. A training's first batch is made by threads while torch is imported and the\n"
    "network drawn: made is when it lies in memory as the network reads it, handed out when the loop has it.",
    "export": "Answers of an exported file, in each engine that is installed.",
    "serving": "The server beside its own engine offline, and under more load than it can answer.",
}
TITLES = {
    "machine": "The machine", "norms": "Response norms", "steps": "Training AlexNet",
    "small_steps": "Training small networks",
    "strips": "Small maps in bfloat16", "loading": "Loading pictures",
    "preparation": "Preparing pictures", "evaluation": "Evaluating", "prediction": "Predicting",
    "search": "Searching", "starting": "Starting", "export": "Exported files", "serving": "Serving",
}  # fmt: skip
CASE = re.compile(r"training step, alexnet, batch (\d+) at (\d+), threads (\d+)")
USUAL = ("64", "224", "2")

Row = dict[str, str]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page's text."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return "\n".join(
        [introduction(rows), *rooms(rows), *scaling([row for row in rows if row["room"] == "scaling"])]
    )


def introduction(rows: list[Row]) -> str:
    """What holds for all rows."""
    dates = sorted({row["date"] for row in rows})
    spelled = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    machines = "; ".join(sorted({row["machine"] for row in rows}))
    return INTRODUCTION.format(
        machine=machines, torch=", ".join(sorted({row["torch"] for row in rows})), dates=spelled
    )


def rooms(rows: list[Row]) -> Iterator[str]:
    """A table a room."""
    for room, words in ROOMS.items():
        here = [row for row in rows if row["room"] == room]
        if not here:
            continue
        yield f"## {TITLES[room]}\n\n{words}\n"
        yield "| what | beside | ratio | quartiles | ours |"
        yield "| --- | --- | ---: | ---: | ---: |"
        for row in here:
            cells = (row["what"], row["peer"], row["ratio"], row["quartiles"], f"{row['ours']} {row['unit']}")
            yield f"| {' | '.join(cells)} |"
        yield ""


def scaling(rows: list[Row]) -> Iterator[str]:
    """What a step costs by batch, image and threads; and what other machines would need, calculated."""
    times = {match.groups(): float(row["ours"]) for row in rows if (match := CASE.fullmatch(row["what"]))}
    if not times:
        return
    peaks = {
        match.groups(): row["ours"]
        for row in rows
        if row["what"].startswith("peak") and (match := CASE.search(row["what"]))
    }
    yield "## How it scales\n"
    yield "A step of `alexnet`, one thing changed at a time; measured.\n"
    yield "| batch | pixels | threads | a step | images/s | peak memory |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for case, milliseconds in sorted(times.items(), key=lambda item: [int(word) for word in item[0]]):
        batch, side, threads = case
        rate = 1000 * int(batch) / milliseconds
        yield f"| {batch} | {side} | {threads} | {milliseconds:.0f} ms | {rate:.0f} | {peaks[case]} MiB |"
    yield from calculated(1000 * int(USUAL[0]) / times[USUAL])


def calculated(rate: float) -> Iterator[str]:
    """Days for the paper's training on machines of k times the rate."""
    days = ILSVRC_2012 * EPOCHS / rate / 86_400
    yield ""
    yield (
        f"**Calculated, not measured:** the paper's training, {EPOCHS} epochs of {ILSVRC_2012:,} pictures,\n"
        f"at this machine's {rate:.0f} images/s and on machines that take a step k times as fast. Pictures\n"
        "must then come k times as fast too; the rates of loading say how far these cores deliver them.\n"
    )
    yield "| k | images/s | days |\n| ---: | ---: | ---: |"
    for times in (1, 10, 100, 1000):
        yield f"| {times} | {times * rate:,.0f} | {days / times:.2g} |"
    yield ""


if __name__ == "__main__":
    main()
