"""Ask a server five times what it can answer for ten minutes, and write results/overload.csv.

A row tells of ten seconds.
Run: python -m benchmarks.overload [--minutes 10]   (nothing else should run beside it)
The server is `alexnet serve` of AlexNet with drawn weights, asked over loopback by this process for single
photographs at random times; its capacity is measured before, with every place taken and nobody refused.
`python results/draw.py serving-overload` draws docs/pictures/serving-overload.svg from it.
"""

import argparse
import csv
import datetime
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from alexnet.serving.desk import Pace
from benchmarks.asking import Told, at_pace, flat_out, request
from benchmarks.serving import TIMES, held, percentiles, pictures, server, untrained

RESULTS = Path(__file__).parent.parent / "results"
TABLE = RESULTS / "overload.csv"
EVERY = 10.0  # seconds of a row
COLUMNS = (
    "second", "asked", "answered", "refused", "answered_p50_ms", "answered_p99_ms", "refused_p50_ms",
    "refused_p99_ms", "memory_mib", "capacity", "commit", "torch", "machine", "date",
)  # fmt: skip


def main() -> None:
    """Measure, and write the table whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    contents = [request([one]) for one in pictures(64)]
    with tempfile.TemporaryDirectory() as folder, server(str(untrained(Path(folder)))) as (port, process):
        capacity = measured_capacity(port, contents)
        began, memory, ended = time.perf_counter(), [], threading.Event()

        def watch() -> None:
            while not ended.wait(1.0):
                memory.append((time.perf_counter(), held(process)))

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        told = at_pace(port, contents, a_second=TIMES * capacity, seconds=60 * minutes)
        ended.set()
        watching.join()
        assert process.poll() is None
    write(rows(told, memory, began, capacity))


def measured_capacity(port: int, contents: Sequence[bytes]) -> float:
    """Pictures a second with every place taken and nobody refused."""
    flat_out(port, contents, together=8)
    began = time.perf_counter()
    found = flat_out(port, [*contents] * 12, together=Pace().places)
    assert {one.status for one in found} == {200}
    return len(found) / (time.perf_counter() - began)


def rows(
    told: Sequence[Told], memory: Sequence[tuple[float, int]], began: float, capacity: float
) -> list[dict[str, object]]:
    """What was asked in each ten seconds, what became of it, and the memory at their end."""
    sys.path.insert(0, str(RESULTS))
    from record import commit, machine

    passport = {
        "capacity": f"{capacity:.1f}",
        "commit": commit(),
        "torch": torch.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }
    statuses = {one.status for one in told}
    assert statuses <= {200, 503}, statuses
    found = []
    for number in range(int((max(one.asked for one in told) - began) // EVERY)):
        start = began + number * EVERY
        here = [one for one in told if start <= one.asked < start + EVERY]
        answered, refused = ([one for one in here if one.status == status] for status in (200, 503))
        (low, high), (soon, late) = percentiles(answered), percentiles(refused)
        found.append({
            "second": round((number + 1) * EVERY),
            "asked": len(here),
            "answered": len(answered),
            "refused": len(refused),
            "answered_p50_ms": f"{low:.0f}",
            "answered_p99_ms": f"{high:.0f}",
            "refused_p50_ms": f"{soon:.1f}",
            "refused_p99_ms": f"{late:.1f}",
            "memory_mib": f"{[held for at, held in memory if at < start + EVERY][-1] / 2**20:.1f}",
        } | passport)  # fmt: skip
    return found


def write(found: Sequence[dict[str, object]]) -> None:
    """Write the table, whole."""
    partial = TABLE.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    partial.replace(TABLE)


if __name__ == "__main__":
    main()
