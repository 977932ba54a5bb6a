"""Measure packs of ImageNet's sizes: rows of results/scale.csv.

Run: python results/record_scale.py [--batch 128] [--only SET] [--make] [FOLDER]

The packs are sparse files in FOLDER, where they stay (a temporary one by default): of 252 GB and 2.8 TB
apparent size, their pixels are holes, which the disk does not hold and the page cache gives as zeros; their
manifests are whole. So what is measured is everything but the disk. Each pack is measured by a process of its
own. docs/write_scale.py makes the page of it.
"""

import argparse
import datetime
import gc
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tables import add

RESULTS = Path(__file__).parent
TABLE = RESULTS / "scale.csv"
KEY = ("what", "pictures", "measure")
COLUMNS = (*KEY, "value", "unit", "bound", "commit", "torch", "machine", "date")
SETS = {"ILSVRC-2012": (1_281_167, 1_000), "ImageNet of 2011": (14_197_122, 21_841)}
SIDE = 256
ROWS = 1 << 16
BATCHES = 1_000


def main() -> None:
    """Measure the packs and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--only", choices=SETS)
    parser.add_argument(
        "--make", action="store_true", help="Make the packs in FOLDER, and measure another time."
    )
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        print(json.dumps(measured(words.measure, words.batch)))
        return
    with tempfile.TemporaryDirectory() if words.folder is None else nullcontext(words.folder) as folder:
        for name in [words.only] if words.only else SETS:
            pack = Path(folder) / name.replace(" ", "-")
            if not (pack / "dataset.json").exists():
                make_sparse(pack, *SETS[name])
            if not words.make:
                commanded(pack)  # once for the system's cache of files
                found = in_process(pack, words.batch) | commanded(pack)
                rows = [row(name, SETS[name][0], *one) for one in told(found, words.batch)]
                add(TABLE, COLUMNS, rows, key=KEY)


def make_sparse(pack: Path, pictures: int, classes: int, side: int = SIDE) -> Path:
    """A raw pack whose pixels are a hole and whose manifest is whole, its labels shuffled."""
    from alexnet.dataset.manifest import SCHEMA
    from alexnet.dataset.packed import FORMAT_VERSION
    from alexnet.dataset.raw import NPY_HEADER, npy_header
    from alexnet.dataset.statistics import measure

    pack.mkdir(parents=True, exist_ok=True)
    with (pack / "train.npy").open("wb") as file:
        file.write(npy_header(pictures, side))
        file.truncate(NPY_HEADER + pictures * side * side * 3)
    with pq.ParquetWriter(pack / "train.parquet", SCHEMA, compression="zstd") as writer:
        for start in range(0, pictures, ROWS):
            writer.write_table(rows(np.arange(start, min(start + ROWS, pictures)), classes, side))
    measure(np.arange(2 * side * side * 3, dtype=np.uint32).astype(np.uint8).reshape(2, side, side, 3)).save(
        pack / "statistics.npz"
    )
    description = {
        "format_version": FORMAT_VERSION,
        "classes": [f"n{number:08}" for number in range(classes)],
        "size": side,
        "fit": "crop",
        "encoding": "raw",
        "splits": {"train": pictures},
        "grey": False,
        "fingerprint": "0" * 64,
    }
    (pack / "dataset.json").write_text(json.dumps(description))
    return pack


def rows(numbers: np.ndarray, classes: int, side: int) -> pa.Table:
    """Manifest rows of pictures by number, as preparing would write them."""
    from alexnet.dataset.manifest import SCHEMA
    from alexnet.dataset.raw import NPY_HEADER

    labels = (numbers * 2_654_435_761 >> 7) % classes
    synsets = [f"n{label:08}" for label in labels.tolist()]
    hashes = [hashlib.sha256(b"%d" % number).hexdigest() for number in numbers.tolist()]
    every = np.ones(len(numbers), np.int64)
    return pa.Table.from_pydict(
        {
            "source": [f"{one}/{one}_{number}.JPEG" for one, number in zip(synsets, numbers, strict=True)],
            "label": labels,
            "class": synsets,
            "sha256": hashes,
            "width": every * 500,
            "height": every * 375,
            "done": ["crop"] * len(numbers),
            "status": ["packed"] * len(numbers),
            "reason": [None] * len(numbers),
            "offset": NPY_HEADER + numbers * side * side * 3,
            "length": every * side * side * 3,
            "packed_sha256": hashes,
        },
        schema=SCHEMA,
    )


def in_process(pack: Path, batch: int, batches: int = BATCHES) -> dict[str, float]:
    """Measure a pack in a process that starts now."""
    command = [sys.executable, __file__, "--measure", str(pack), "--batch", str(batch)]
    environment = os.environ | {"BATCHES": str(batches)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def commanded(pack: Path) -> dict[str, float]:
    """Seconds by the clock from the call of `alexnet train` until its first batch is made, and in use."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "alexnet-2012", "--data", str(pack), "--out", f"{folder}/run"]
        began = time.perf_counter()
        command = [sys.executable, str(RESULTS.parent / "benchmarks" / "first_batch.py"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {moment: each - began for moment, each in json.loads(done.stdout).items()}


def measured(pack: Path, batch: int) -> dict[str, float]:
    """Seconds and memory of what a training does with a pack before and while it computes.

    Seconds are of processor time, system calls included: where nothing waits for a disk, the clock of a
    machine with nothing else to do shows no more.
    """
    from alexnet.batches.loader import TrainingLoader
    from alexnet.batches.normalisation import normalisation_of
    from alexnet.batches.order import training_order
    from alexnet.dataset.packed import open_packed
    from alexnet.memory import keep_freed_memory
    from alexnet.recipes import find

    keep_freed_memory()
    found = {"imports": time.process_time()}
    before = own()
    with growing() as grown:
        began = time.process_time()
        packed = open_packed(pack)
        split = packed.split("train")
        assert split.images.shape[0] == len(split)
        found["open"] = time.process_time() - began
        recipe = find("alexnet-2012")
        preprocessing = normalisation_of(recipe, packed.statistics, packed.size, packed.fit)
        loader = TrainingLoader(split, recipe, preprocessing, packed.statistics, workers=1)
        loader.begin(0)
        found["first batch"] = time.process_time() - began
        del loader  # with its batches and its order, as when an epoch ends
        gc.collect()  # what it has begun refers to it
        began = time.process_time()
        order = training_order(len(split), seed=0, epoch=1)
        found["order"] = time.process_time() - began
    found["grown"] = grown["megabytes"]
    found |= read_at_random(pack / "train.npy", order, batch, int(os.environ.get("BATCHES", BATCHES)))
    found["grown after reading"] = own() - before
    return found


def read_at_random(path: Path, order: np.ndarray, batch: int, batches: int) -> dict[str, float]:
    """Pictures a second: cut from the map as a training does, and read by the system into a buffer."""
    from alexnet.batches.views import Windows, gather
    from alexnet.dataset.raw import advised

    images = advised(np.load(path, mmap_mode="r"))
    each, seconds = SIDE * SIDE * 3, {"cut": 0.0, "read": 0.0}
    buffer, views = bytearray(each), np.empty((batch, 224, 224, 3), np.uint8)
    corners = np.full(batch, 16)
    windows = Windows(corners, corners, corners % 2)
    with path.open("rb", buffering=0) as file:
        for number in range(batches):
            indices = order[number * batch : (number + 1) * batch]
            if number % 2:  # the two take turns, each on pictures of its own
                began = time.process_time()
                gather(images, indices, windows, 224, out=views)
                seconds["cut"] += time.process_time() - began
            else:
                began = time.process_time()
                for index in indices.tolist():
                    os.preadv(file.fileno(), [buffer], 128 + index * each)
                seconds["read"] += time.process_time() - began
    return {kind: batches // 2 * batch / taken for kind, taken in seconds.items()}


@contextmanager
def growing() -> Iterator[dict[str, float]]:
    """How much memory of its own this process takes at most while it is in here, and processor time."""
    found, done = {"megabytes": 0.0}, threading.Event()
    before, began = own(), time.process_time()

    def watch() -> None:
        while not done.wait(0.005):
            found["megabytes"] = max(found["megabytes"], own() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        found["megabytes"] = max(found["megabytes"], own() - before)
        found["seconds"] = time.process_time() - began


def own() -> float:
    """Megabytes of this process; pages of mapped files are the system's."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def told(found: dict[str, float], batch: int) -> Iterator[tuple[str, float, str, str]]:
    """Measures as rows: name, value, unit, and what it must not pass."""
    seconds = "s of a processor"
    yield "opening", found["open"], seconds, "1"
    whole = found["imports"] + found["first batch"]
    yield "first batch of a training, from the command", whole, seconds, "2"
    yield "of that: opening and the first batch", found["first batch"], seconds, ""
    yield "of that: Python and its libraries", found["imports"], seconds, ""
    yield "the same by the clock, while `alexnet train` imports torch", found["made"], "s", "2"
    yield "by the clock, until the loop has it", found["handed out"], "s", ""
    yield "order of an epoch", found["order"], seconds, "2"
    yield "memory grown by all that", found["grown"], "MB", "300"
    yield f"{BATCHES:,} random batches of {batch}: cut from the map", found["cut"], "pictures/s", ""
    yield "the same read into a buffer by the system", found["read"], "pictures/s", ""
    yield "memory grown after those", found["grown after reading"], "MB", "300"


def row(what: str, pictures: int, measure: str, value: float, unit: str, bound: str) -> dict[str, str]:
    """One row of the table, with what a figure needs to be believed."""
    import torch
    from record import commit, machine

    figure = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    values: tuple[Any, ...] = (what, pictures, measure, figure, unit, bound, commit(), torch.__version__)
    values += (machine(torch.get_num_threads()), datetime.date.today().isoformat())
    return dict(zip(COLUMNS, map(str, values), strict=True))


if __name__ == "__main__":
    main()
