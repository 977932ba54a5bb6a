"""Write docs/scaling.md: how to run on several devices, and what that takes, calculated and measured.

The measured rows are those of results/scaling.csv; `make bench` runs this, a test sees that it was run.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/scaling.md"
TABLE = ROOT / "results/scaling.csv"
ZOO = ROOT / "src/alexnet/networks/zoo.json"

NETWORKS = ("alexnet-2012", "resnet50")
SETS = {"ILSVRC-2012": 1_281_167, "15 million images": 15_000_000}
CARDS = (1, 8, 64)
EACH = 128  # images a card and step, where the batch grows
FLOAT = 4  # bytes

MODEL, WHOLE = "the model's time", "one process, two threads"  # what rows of the table are beside

Row = dict[str, str]


@dataclass(frozen=True)
class Machines:
    """What is assumed of the machines, per second."""

    flops: float = 20e12  # sustained by a card, operations
    inside: float = 100e9  # bytes between the cards of a machine
    between: float = 12.5e9  # bytes between machines: 100 Gbit
    cards: int = 8  # a machine
    pictures: float = 4100  # a core's raw pictures, cut and converted: measured, docs/speed.md
    cores: int = 4  # a card


@dataclass(frozen=True)
class Step:
    """Seconds that the parts of one step take."""

    compute: float
    pictures: float
    sums: float

    @property
    def least(self) -> float:
        """Where pictures and sums hide behind the computing."""
        return max(self.compute, self.pictures, self.sums)

    @property
    def most(self) -> float:
        """Where nothing hides but pictures, which are always made a batch ahead."""
        return max(self.compute, self.pictures) + self.sums


def step(network: Row, batch: int, cards: int, machines: Machines) -> Step:
    """The model: every part is an amount over a rate.

    A multiply-add is two operations, and a step does each three times: forward, and backward to inputs and
    weights. The sum of gradients in a ring sends 2 (n − 1) / n of their bytes over each link.
    """
    share = batch / cards
    link = machines.inside if cards <= machines.cards else min(machines.inside, machines.between)
    return Step(
        compute=3 * 2 * float(network["multiply_adds"]) * share / machines.flops,
        pictures=share / (machines.pictures * machines.cores),
        sums=2 * (cards - 1) / cards * FLOAT * float(network["parameters"]) / link,
    )


def main() -> None:
    """Write the page's tables anew; its text stays."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), rows()), encoding="utf-8")


def written(text: str, measured: list[Row]) -> str:
    """The page with the tables that are calculated, and of the rows measured."""
    ranks = [row for row in measured if row["room"] == "ranks"]
    columns = [row for row in measured if row["room"] == "columns"]
    tables = {
        "calculated": calculated(),
        "ranks": [*model_told(ranks), *table(ranks)],
        "columns": [*columns_told(columns), *table(columns)],
    }
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "\n".join([before + begin, *lines, end]) + after
    return text


def calculated(machines: Machines = Machines()) -> Iterator[str]:
    """Seconds of an epoch by network, cards and batch."""
    zoo = {one["name"]: one for one in networks()}
    yield "| network | cards | batch | computing | pictures | sums | epoch of ILSVRC-2012 | of 15 million |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name in NETWORKS:
        for cards, batch in [(1, 128), (8, 128), (8, 8 * EACH), (64, 128), (64, 64 * EACH)]:
            one = step(zoo[name], batch, cards, machines)
            parts = " | ".join(f"{1000 * each:.2f} ms" for each in (one.compute, one.pictures, one.sums))
            epochs = " | ".join(_epoch(images // batch, one) for images in SETS.values())
            yield f"| {name} | {cards} | {batch:,} | {parts} | {epochs} |"
    yield ""


def _epoch(steps: int, one: Step) -> str:
    least, most = _time(steps * one.least), _time(steps * one.most)
    return least if least == most else f"{least} … {most}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def networks() -> list[Row]:
    """The zoo's facts."""
    loaded: list[Row] = json.loads(ZOO.read_text(encoding="utf-8"))["networks"]
    return loaded


def rows() -> list[Row]:
    """What was measured; nothing where that has not been done."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def model_told(measured: list[Row]) -> Iterator[str]:
    """How near the model comes, in a sentence."""
    near = [float(row["ratio"]) for row in measured if row["peer"] == MODEL]
    if near:
        low, high = (f"{each:.2f}" for each in (min(near), max(near)))
        yield f"The model's time is {low} to {high} of the measured one, on 2 and on 4 ranks."
        yield ""


def columns_told(measured: list[Row]) -> Iterator[str]:
    """What parting costs where both have the same two cores, in a sentence for each batch."""
    for row in measured:
        if row["peer"] == WHOLE and row["what"].startswith("training step"):
            batch = row["what"].partition("batch ")[2].partition(" ")[0]
            times = f"{1 / float(row['ratio']):.2f} times"
            yield (
                f"At a batch of {batch} a step by two columns, a process of one thread each, takes {times} "
                "as long as by one process of two threads."
            )
    if measured:
        yield ""


def table(measured: list[Row]) -> Iterator[str]:
    """The measured rows."""
    if not measured:
        yield "Not measured yet: `make bench` does it."
        yield ""
        return
    yield "| what | beside | ratio | quartiles | ours |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for row in measured:
        ours = f"{row['ours']} {row['unit']}"
        yield f"| {row['what']} | {row['peer']} | {row['ratio']} | {row['quartiles']} | {ours} |"
    passport = measured[-1]
    yield ""
    yield f"Machine: {passport['machine']}; torch {passport['torch']}; {passport['date']}."
    yield ""


if __name__ == "__main__":
    main()
