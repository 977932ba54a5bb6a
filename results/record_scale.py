"""Measure packs of ImageNet's sizes: rows of results/scale.csv.

Run: python results/record_scale.py [--batch 128] [FOLDER]     (docs/write_scale.py makes the page of it)

The packs are sparse files in FOLDER (a temporary one by default): of 252 GB and 2.8 TB apparent size, their
pixels are holes, which the disk does not hold and the page cache gives as zeros; their manifests are whole.
So what is measured is everything but the disk. Each pack is measured by a process of its own.
"""

import argparse
import csv
import datetime
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

RESULTS = Path(__file__).parent
TABLE = RESULTS / "scale.csv"
COLUMNS = ("what", "pictures", "measure", "value", "unit", "bound", "commit", "torch", "machine", "date")
SETS = {"ILSVRC-2012": (1_281_167, 1_000), "ImageNet of 2011": (14_197_122, 21_841)}
SIDE = 256
ROWS = 1 << 16
BATCHES = 1_000


def main() -> None:
    """Measure both packs and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        print(json.dumps(measured(words.measure, words.batch)))
        return
    with tempfile.TemporaryDirectory(dir=words.folder) as folder:
        if data := cifar(Path(folder)):
            add([row("CIFAR-10's test pictures", 10_000, *doctored(data))])
        for name, (pictures, classes) in SETS.items():
            pack = make_sparse(Path(folder) / "pack", pictures, classes)
            found = in_process(pack, words.batch)
            add([row(name, pictures, *one) for one in told(found, words.batch)])
            for path in pack.iterdir():
                path.unlink()


def cifar(folder: Path) -> Path | None:
    """CIFAR-10's 10,000 test pictures in class folders, where the public data sets are at hand."""
    archive = Path(os.environ.get("ALEXNET_DATA", RESULTS.parents[1] / "shared/data")) / "cifar10-jpeg.tar.gz"
    if not archive.is_file():
        return None
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "cifar", [one for one in tar if "/test/" in f"/{one.name}"], filter="data")
    return next(folder.rglob("test"))


def doctored(pictures: Path) -> tuple[str, float, str, str]:
    """How long `alexnet doctor` takes, from the command."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "alexnet", "doctor", str(pictures), "--json"], capture_output=True)
    return "alexnet doctor, from the command, by the clock", time.perf_counter() - began, "s", "30"


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
    hashes = [f"{number:064x}" for number in numbers.tolist()]
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


def measured(pack: Path, batch: int) -> dict[str, float]:
    """Seconds and memory of what a training does with a pack before and while it computes.

    Seconds are of processor time, system calls included: where nothing waits for a disk, the clock of a
    machine with nothing else to do shows no more.
    """
    from alexnet.batches.loader import TrainingLoader
    from alexnet.batches.order import training_order
    from alexnet.batches.preprocessing import preprocessing_of
    from alexnet.dataset.packed import open_packed
    from alexnet.memory import keep_freed_memory
    from alexnet.recipes import find

    keep_freed_memory()
    found = {"imports": time.process_time(), "before": resident()["anonymous"]}
    began = time.process_time()
    packed = open_packed(pack)
    split = packed.split("train")
    assert split.images.shape[0] == len(split)
    found["open"] = time.process_time() - began
    recipe = find("alexnet-2012")
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    loader = TrainingLoader(split, recipe, preprocessing, packed.statistics, workers=1)
    next(iter(loader(0)))
    found["first batch"] = time.process_time() - began
    began = time.process_time()
    order = training_order(len(split), seed=0, epoch=1)
    found["order"] = time.process_time() - began
    found["grown"] = max(resident()["anonymous"], peak()) - found["before"]
    found |= read_at_random(pack / "train.npy", order, batch, int(os.environ.get("BATCHES", BATCHES)))
    found["grown after reading"] = resident()["anonymous"] - found["before"]
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


def resident() -> dict[str, float]:
    """Megabytes of this process: its own, and of files that are mapped."""
    status = Path("/proc/self/status").read_text()
    kinds = {"anonymous": "RssAnon", "files": "RssFile"}
    return {kind: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for kind, name in kinds.items()}  # type: ignore[index]


def peak() -> float:
    """The most that this process had at any time without mapped files, megabytes; at least what it has."""
    status = Path("/proc/self/status").read_text()
    most = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
    return most - resident()["files"]


def told(found: dict[str, float], batch: int) -> Iterator[tuple[str, float, str, str]]:
    """Measures as rows: name, value, unit, and what it must not pass."""
    seconds = "s of a processor"
    yield "opening", found["open"], seconds, "1"
    whole = found["imports"] + found["first batch"]
    yield "first batch of a training, from the command", whole, seconds, "2"
    yield "of that: opening and the first batch", found["first batch"], seconds, ""
    yield "of that: Python and its libraries, most of it torch", found["imports"], seconds, ""
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


def add(new: list[dict[str, str]]) -> None:
    """Put rows into scale.csv in place of older ones of the same measure."""
    key = ("what", "pictures", "measure")
    old = list(csv.DictReader(TABLE.open())) if TABLE.exists() else []
    fresh = {tuple(one[name] for name in key) for one in new}
    kept = [one for one in old if tuple(one[name] for name in key) not in fresh]
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *new])


if __name__ == "__main__":
    main()
