"""Write the tables of docs/export.md from results/export_checks.csv; a test sees that it was run."""

import csv
import json
import re
from pathlib import Path

PAGE = Path(__file__).parent / "export.md"
TABLE = Path(__file__).parent.parent / "results" / "export_checks.csv"
ZOO = Path(__file__).parent.parent / "src" / "alexnet" / "networks" / "zoo.json"

Row = dict[str, str]


def main() -> None:
    """Put the tables between their marks."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), rows()), encoding="utf-8")


def rows() -> list[Row]:
    """All checks, in the order of the zoo."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def written(page: str, checks: list[Row]) -> str:
    """The page with its tables made anew."""
    drawn = [row for row in checks if row["answers"]]  # of networks whose weights nobody trained
    trained = [row for row in checks if not row["answers"]]
    for name, table in (("networks", networks(drawn)), ("runs", runs(trained))):
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        page = re.sub(
            re.escape(start) + ".*?" + re.escape(end),
            lambda _, text=start + table + end: text,
            page,
            flags=re.DOTALL,
        )
    return page


def networks(checks: list[Row]) -> str:
    """What was found over all networks, and a row for each."""
    worst = max(checks, key=lambda row: float(row["max_abs_difference"]))
    pictures = sum(int(row["pictures"]) for row in checks)
    same = sum(round(int(row["pictures"]) * float(row["top1_agreement"])) for row in checks)
    zoo = len(json.loads(ZOO.read_text(encoding="utf-8"))["networks"])
    lines = [
        f"{len(checks)} of the zoo's {zoo} networks: {same:,} of {pictures:,} answers the same, no "
        f"probability more than {worst['max_abs_difference']} apart (`{worst['recipe']}`).",
        "",
        "| network | largest difference of a probability | same answers | classes answered | "
        "median of the answers' probabilities |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| `{row['recipe']}` | {row['max_abs_difference']} | {float(row['top1_agreement']):.0%} of "
            f"{row['pictures']} | {row['answers']} | {row['top_probability']} |"
            for row in checks
        ),
    ]
    return "\n".join(lines) + "\n"


def runs(checks: list[Row]) -> str:
    """A row for each file of a trained run."""
    lines = [
        "| run of | pictures | file | largest difference | same answers | top-1 error, the run's | "
        "beside the float32 weights |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| `{row['recipe']}` | {int(row['pictures']):,} of {row['data']} | {row['format']} | "
            f"{row['max_abs_difference']} | {float(row['top1_agreement']):.2%} | {row['top1_error']} %, "
            f"{row['original_top1_error']} % | {float(row['size']):.1%} |"
            for row in checks
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
