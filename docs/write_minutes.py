"""Write the tables of docs/minutes.md from results/{race,time,peers}.csv; a test sees that it was run."""

import csv
import re
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev

PAGE = Path(__file__).parent / "minutes.md"
RESULTS = Path(__file__).parent.parent / "results"
RACE, TIME, PEERS = (RESULTS / f"{name}.csv" for name in ("race", "time", "peers"))

Row = dict[str, str]


def main() -> None:
    """Put the tables between their marks."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), rows()), encoding="utf-8")


def rows() -> list[Row]:
    """All races so far, in the order in which they were run."""
    return _read(RACE)


def written(page: str, races: list[Row]) -> str:
    """The page with its tables made anew."""
    tables = {
        "leaderboard": leaderboard(races),
        "time": promised([*_read(TIME), *races]),
        "peers": beside(_read(PEERS)),
    }
    for name, table in tables.items():
        marks = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        page = re.sub(
            re.escape(marks[0]) + ".*?" + re.escape(marks[1]),
            lambda _, table=table, marks=marks: marks[0] + table + marks[1],
            page,
            flags=re.DOTALL,
        )
    return page


def _read(table: Path) -> list[Row]:
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def leaderboard(races: list[Row]) -> str:
    """A row for each recipe, data, wish and commit: the mean over seeds and all of them."""

    def kind(row: Row) -> tuple[str, ...]:
        names = ("data", "wish_seconds", "recipe", "settings", "commit", "machine")
        return tuple(row[name] for name in names)

    lines = [
        "| data | time | recipe | top-1 error, mean (each seed) | pictures, views | epochs | "
        "matrix product, GFLOP/s, float32 / bfloat16 | commit |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    ordered = sorted(races, key=lambda row: (row["data"], float(row["wish_seconds"]), kind(row)))
    for _, group in groupby(ordered, kind):
        same = list(group)
        one, errors = same[0], [float(row["top1"]) for row in same]
        each = ", ".join(f"{error:.2f}" for error in errors)
        settings = f" `{one['settings']}`" if one["settings"] else ""
        lines.append(
            f"| {one['data']} | {float(one['wish_seconds']) / 60:g} min | `{one['recipe']}`{settings} | "
            f"**{mean(errors):.2f} %** ({each}) | {int(one['images']):,} {one['split']}, {one['views']} | "
            f"{mean(float(row['epochs']) for row in same):.1f} | "
            f"{_mean(same, 'float32_gflops')} / {_mean(same, 'bfloat16_gflops')} | {one['commit']} |"
        )
    return "\n".join(lines) + "\n"


def beside(trainings: list[Row]) -> str:
    """Other tools on the same pictures in the same minutes, best first; nothing where none has run."""
    if not trainings:
        return ""

    def kind(row: Row) -> tuple[str, ...]:
        return row["data"], row["minutes"], row["peer"], row["versions"]

    lines = []
    for (data, minutes, peer, versions), group in groupby(sorted(trainings, key=kind), kind):
        same = list(group)
        errors = [float(row["top1"]) for row in same]
        spread = f" ± {stdev(errors):.2f}" if len(errors) > 1 else ""
        each = ", ".join(f"{error:.2f}" for error in errors)
        lowest = mean(float(row["lowest_top1"]) for row in same)
        epochs = mean(float(row["epochs"]) for row in same)
        line = (
            f"| {peer} | {versions} | {data} | {minutes} min | **{mean(errors):.2f} %**{spread} ({each}) | "
            f"{lowest:.2f} % | {epochs:.0f} | {int(same[0]['images']):,} |"
        )
        lines.append((data, float(minutes), mean(errors), line))
    head = (
        "## Beside other tools",
        "",
        "The same folder of pictures in the same minutes of the same machine, one tool after the other,",
        "each as its own documentation trains (`results/peers` has the scripts and their settings):",
        "`tiny20` is 20 classes of Tiny ImageNet, 300 training pictures each; `cifar10` is all of CIFAR-10,",
        "re-encoded as JPEG files, its test pictures those that are validated. `alexnet` is `alexnet",
        "prepare`, whose time counts, and `alexnet train auto --time`. All begin from scratch: with",
        "weights learnt on other pictures each would come further. So few epochs are not what the other",
        "tools are tuned for (with 20 classes 95 % is chance), but they are what so many minutes of two",
        "cores hold.",
        "",
        "![Top-1 errors of each tool, a bar each](pictures/peers.svg)",
        "",
        "| tool | versions | data | time | top-1 error, mean ± deviation (each seed) | lowest of any epoch "
        "| epochs | pictures |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    )
    return "\n".join([*head, *(line for *_, line in sorted(lines))]) + "\n"


def promised(races: list[Row]) -> str:
    """What was wished beside what was taken."""
    apart = [float(row["seconds"]) / float(row["wish_seconds"]) - 1 for row in races]
    within = sum(abs(one) <= 0.05 for one in apart)
    lines = [
        f"{within} of {len(races)} trainings ended within 5 % of the wish, the start of the command counted:",
        "",
        "| recipe | data | wished | taken | apart |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| `{row['recipe']}` | {row['data']} | {float(row['wish_seconds']):g} s | {row['seconds']} s | "
            f"{round(100 * part, 1) + 0.0:+.1f} % |"  # no −0.0
            for row, part in zip(races, apart, strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


def _mean(same: list[Row], name: str) -> str:
    values = [float(row[name]) for row in same if row[name]]
    return f"{mean(values):.0f}" if values else "–"


if __name__ == "__main__":
    main()
