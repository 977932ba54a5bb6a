"""`alexnet serve` beside its own engine offline, and what it does when more is asked than it can answer.

Both go from the bytes of the same ILSVRC photographs to probabilities by AlexNet at 224 pixels with drawn
weights: decoded and fitted by as many threads, answered in batches of at most 32 by as many. The server is a
process of its own, and so is the client that asks it, so these two share the processors that the engine alone
has for itself. `python -m benchmarks.overload` is the long form of the last part.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import IO

import numpy as np
import torch

from alexnet.batches.preprocessing import Preprocessing
from alexnet.dataset.pool import ahead, default_workers
from alexnet.recipes import find
from alexnet.run import create_run
from alexnet.serving.classifier import open_classifier
from alexnet.serving.desk import Pace
from benchmarks.asking import Told, at_pace, flat_out, request
from benchmarks.photographs import photographs
from benchmarks.table import Row, compared
from benchmarks.workers import interleaved_workers

PICTURES = 192  # of a round
ROUNDS = 5
LONE = 40
PACED_SECONDS = 20.0
OVERLOAD_SECONDS = 20.0
LISTENING = re.compile(r'"listening", "url": "http://127.0.0.1:(\d+)"')
TIMES = 5  # its capacity, asked of it in the last part


def rows() -> Iterator[Row]:
    """Throughput, latency, overload."""
    with tempfile.TemporaryDirectory() as folder:
        run = str(untrained(Path(folder)))
        with server(run) as (port, process):
            for each, together in ((8, 6), (1, Pace().places), (1, 32)):
                alternatives = {"ours": (served, (port, each, together)), "peer": (offline, (run,))}
                times, _ = interleaved_workers(alternatives, ROUNDS)
                capacity = PICTURES / median(times["ours"])
                what = f"serving, AlexNet, {together} requests at once of {each}"
                yield compared(what, "the engine alone, offline", times, f"{capacity:.0f}", "images/s")
            yield from latencies(port, capacity, process)


def latencies(port: int, capacity: float, process: "subprocess.Popen[str]") -> Iterator[Row]:
    """Alone, at half load, with every place taken, at several times what it can answer."""
    contents = [request([one]) for one in pictures(64)]
    flat_out(port, contents, together=8)
    lone = percentiles(flat_out(port, contents[:LONE], together=1))
    half = percentiles(at_pace(port, contents, a_second=capacity / 2, seconds=PACED_SECONDS))
    yield told("serving, a lone request, p50", lone[0], "ms")
    yield told("serving, at half load, p99", half[1], "ms")
    yield told("serving, at half load, p99 in p50 of a lone request", half[1] / lone[0], "times")
    full = percentiles(flat_out(port, contents * 8, together=Pace().places))
    yield told("serving, every place taken and nobody refused, p99", full[1], "ms")
    before = held(process)
    found = at_pace(port, contents, a_second=TIMES * capacity, seconds=OVERLOAD_SECONDS)
    answered, refused = ([one for one in found if one.status == status] for status in (200, 503))
    assert len(answered) + len(refused) == len(found), {one.status for one in found}
    seconds = max(one.asked + one.seconds for one in found) - min(one.asked for one in found)
    many = f"serving, at {TIMES} times capacity"
    yield told(f"{many}, asked", len(found) / OVERLOAD_SECONDS, "images/s")
    yield told(f"{many}, answered", len(answered) / seconds, "images/s")
    yield told(f"{many}, p99 of those answered", percentiles(answered)[1], "ms")
    yield told(f"{many}, p50 of a refusal", percentiles(refused)[0], "ms")
    yield told(f"{many}, p99 of a refusal", percentiles(refused)[1], "ms")
    yield told("serving, memory more after that", (held(process) - before) / 2**20, "MiB")


def told(what: str, value: float, unit: str) -> Row:
    """One row without a peer."""
    return {"what": what, "ours": f"{value:.3g}", "unit": unit, "rounds": 1}


def percentiles(found: list[Told]) -> tuple[float, float]:
    """The middle and the 99th of a hundred, milliseconds."""
    each = quantiles([1000 * one.seconds for one in found], n=100)
    return each[49], each[98]


def served(port: int, each: int, together: int) -> Callable[[], object]:
    """Ask a server for all pictures, so many a request and so many requests at once."""
    contents = pictures(PICTURES)
    requests = [request(contents[start : start + each]) for start in range(0, PICTURES, each)]

    def work() -> None:
        found = flat_out(port, requests, together=together)
        assert {one.status for one in found} == {200}

    return work


def offline(run: str) -> Callable[[], object]:
    """The same engine without a server: decoded ahead, in batches of 32."""
    classifier, contents = open_classifier(run), pictures(PICTURES)

    def work() -> None:
        prepared = ahead(classifier.prepare, contents, default_workers())
        batch = []
        for picture in prepared:
            batch.append(picture)
            if len(batch) == 32:
                classifier.scores(np.stack(batch))
                batch = []

    return work


def untrained(folder: Path) -> Path:
    """A run folder of AlexNet with drawn weights: speed does not depend on them."""
    preprocessing = Preprocessing(256, "crop", 224, 3, torch.full((3, 1, 1), 120.0), torch.ones(3, 1, 1))
    classes = tuple(f"class {number}" for number in range(1000))
    nowhere = {"path": None, "fingerprint": None}
    run = create_run(
        folder / "alexnet", find("alexnet"), classes=classes, preprocessing=preprocessing, dataset=nowhere
    )
    run.save(run.build().state_dict(), {}, {"steps": 0}, steps=0)
    return run.path


def pictures(count: int) -> list[bytes]:
    """The first photographs, as files."""
    found = []
    with tarfile.open(photographs()) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None and len(found) < count:
                found.append(file.read())
    return found


@contextmanager
def server(run: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """`alexnet serve` in a process of its own: its port, and the process."""
    command = [sys.executable, "-m", "alexnet", "serve", run, "--port", "0"]
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads would fill
        process = subprocess.Popen(command, stderr=log, text=True)
        try:
            yield _port(process, log), process
        finally:
            process.terminate()
            process.wait(60)


def _port(process: "subprocess.Popen[str]", log: IO[str]) -> int:
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        log.seek(0)
        if found := LISTENING.search(log.read()):
            return int(found[1])
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def held(process: "subprocess.Popen[str]") -> int:
    """Bytes of memory that a process has for itself now."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    found = re.search(r"RssAnon:\s+(\d+)", status)
    return 1024 * int(found[1]) if found else 0
