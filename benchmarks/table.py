"""Rows of results/speed.csv: what was timed, beside whom, and the ratio of their times."""

from statistics import median

from benchmarks.timing import ratio

Row = dict[str, object]
COLUMNS = (
    "room",
    "what",
    "peer",
    "ratio",
    "quartiles",
    "ours",
    "unit",
    "rounds",
    "commit",
    "torch",
    "machine",
    "date",
)


def compared(what: str, peer: str, times: dict[str, list[float]], ours: str, unit: str) -> Row:
    """One row from the seconds of "ours" and "peer" in each round."""
    middle, low, high = ratio(times["peer"], times["ours"])
    quartiles = f"{low:.2f} … {high:.2f}"
    return {
        "what": what,
        "peer": peer,
        "ratio": f"{middle:.2f}",
        "quartiles": quartiles,
        "ours": ours,
        "unit": unit,
        "rounds": len(times["ours"]),
    }


def rate(what: str, count: int, times: list[float], unit: str = "images/s") -> Row:
    """One row without a peer: how many a second, by the median round."""
    return {"what": what, "ours": f"{count / median(times):.0f}", "unit": unit, "rounds": len(times)}
