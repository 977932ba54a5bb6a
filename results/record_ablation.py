"""Write what `alexnet ablate` found to results/ablation.csv, which docs/ablations.md shows.

Run: python results/record_ablation.py RUNS/ablation.json
"""

import csv
import datetime
import json
import sys
from pathlib import Path
from typing import Any

import torch
from record import RESULTS, commit, machine

COLUMNS = (
    "without", "top-1 error", "difference", "95 % interval", "top-5 difference", "top-5 interval", "time",
    "reading", "in 2012", "seeds", "images", "commit", "torch", "machine", "date",
)  # fmt: skip


def main() -> None:
    """Write the table."""
    rows = json.loads(Path(sys.argv[1]).read_text())
    with (RESULTS / "ablation.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat(row, rows[0]) for row in rows)


def flat(row: dict[str, Any], whole: dict[str, Any]) -> dict[str, object]:
    """One row of the study as text; time is a ratio to the whole recipe's."""
    return {
        "without": row["without"] or "nothing",
        "top-1 error": f"{row['top1_error']:.2f}",
        "difference": points(row["top1_difference"]),
        "95 % interval": interval(row["top1_difference"]),
        "top-5 difference": points(row["top5_difference"]),
        "top-5 interval": interval(row["top5_difference"]),
        "time": f"{row['seconds'] / whole['seconds']:.2f}",
        "reading": row["reading"],
        "in 2012": row["published"],
        "seeds": row["seeds"],
        "images": row["images"],
        "commit": commit(),
        "torch": torch.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }


def points(difference: dict[str, Any] | None) -> str:
    """A difference in points."""
    return f"{difference['points']:+.2f}" if difference else ""


def interval(difference: dict[str, Any] | None) -> str:
    """Its interval."""
    return f"{difference['interval'][0]:+.2f} … {difference['interval'][1]:+.2f}" if difference else ""


if __name__ == "__main__":
    main()
