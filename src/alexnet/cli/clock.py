"""When the command began, and lengths of time as people write them."""

import re
import time

from alexnet.problem import UsageProblem

_BEGAN = time.monotonic()  # this module is imported first of all, a tenth of a second after the command
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def began() -> float:
    """When the command began, on `time.monotonic`'s clock."""
    return _BEGAN


def seconds(text: str) -> float:
    """A length of time in seconds; a UsageProblem says how to write one.

    >>> seconds("90"), seconds("20m"), seconds("1.5h")
    (90.0, 1200.0, 5400.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text)
    if found is None or found[2] not in SECONDS or float(found[1]) == 0:
        raise UsageProblem(f"--time {text}: write it as 90s, 20m or 1.5h")
    return float(found[1]) * SECONDS[found[2]]
