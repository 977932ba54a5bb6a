"""Measure the doctor: rows of results/scale.csv and results/doctor.csv.

Run: python results/record_doctor.py time|memory|planted|originals [FOLDER]

`time` is that of 10,000 real pictures, from the command; `memory` that of synthetic rows and a synthetic
manifest, each in a process of its own; `planted` what is found of faults planted in pictures of CIFAR-10, in
eight drawings; `originals` what is reported of all 60,000. Pictures are those of ALEXNET_DATA.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from record_scale import COLUMNS, KEY, RESULTS, TABLE, growing, make_sparse, row
from tables import Row, add

DATA = Path(os.environ.get("ALEXNET_DATA", RESULTS.parents[1] / "shared/data"))
FOUND = RESULTS / "doctor.csv"
CURVE = (1_000_000, 3_000_000, 10_000_000)
DRAWINGS = 8
PLANTED = {"truncated": 20, "near leak": 20, "duplicate": 40, "two labels": 40}
"""What the doctor must report of a drawing: a swapped label is an exact duplicate as well, and makes two."""


def main() -> None:
    """Measure one part and write its rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*PARTS, *CHILDREN])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rows", type=int)
    words = parser.parse_args()
    if words.part in CHILDREN:
        print(json.dumps(CHILDREN[words.part](words.folder, words.rows)))
        return
    with tempfile.TemporaryDirectory(dir=words.folder) as folder:
        rows = list(PARTS[words.part](Path(folder)))
    if words.part in ("time", "memory"):
        add(TABLE, COLUMNS, rows, key=KEY)
    else:
        add(FOUND, COLUMNS, rows, key=("what",))  # all that was found of a set, anew


def timed(folder: Path) -> Iterator[Row]:
    """10,000 small pictures, and 10,000 photographs, from the command, by the clock."""
    sets = {
        "CIFAR-10's test pictures": cifar(folder, "/test/"),
        "photographs of ImageNet": photographs(folder),
    }
    for name, pictures in sets.items():
        began = time.perf_counter()
        command = [sys.executable, "-m", "alexnet", "doctor", str(pictures), "--json"]
        report = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
        seconds = time.perf_counter() - began
        assert report["pictures"] == 10_000
        yield row(name, 10_000, "alexnet doctor, from the command", seconds, "s", "30")


def cifar(folder: Path, inside: str) -> Path:
    """CIFAR-10 in class folders, all of it or one split."""
    with tarfile.open(DATA / "cifar10-jpeg.tar.gz") as tar:
        tar.extractall(folder, [one for one in tar if inside in f"/{one.name}"], filter="data")
    return next(folder.rglob("test")).parent / inside.strip("/")


def photographs(folder: Path) -> Path:
    """10,000 of them out of 400, each 25 times with other bytes behind its end."""
    with tarfile.open(DATA / "imagenet-samples-400.tar") as tar:
        contents = [tar.extractfile(one).read() for one in tar if one.isfile()]  # type: ignore[union-attr]
    for number in range(10_000):
        path = folder / f"photographs/{number % 10}/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents[number % len(contents)] + number.to_bytes(4, "big"))
    return folder / "photographs"


def curve(folder: Path) -> Iterator[Row]:
    """How memory grows with the number of rows."""
    for what, child in (
        ("Doctor, comparing synthetic pictures", "rows"),
        ("Doctor, a synthetic manifest", "manifest"),
    ):
        for count in CURVE:
            found = in_process(child, folder, count)
            yield row(what, count, "memory grown", found["megabytes"], "MB", "300")
            yield row(what, count, "taken", found["seconds"], "s of a processor", "")


def in_process(child: str, folder: Path, count: int) -> dict[str, float]:
    """Measure one of `CHILDREN` in a process that starts now."""
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, __file__, child, str(folder), "--rows", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def compare_rows(folder: Path, count: int) -> dict[str, float]:
    """What the doctor does with its rows, of pictures that are noise; a thousand of them repeat."""
    from alexnet.dataset.examination.rows import temporary_rows
    from alexnet.dataset.examination.spotting import spot

    with temporary_rows() as rows:
        spot(_filled(rows, 70_000))  # what is imported and made only once
    with temporary_rows() as rows:
        _filled(rows, count)
        with growing() as found:
            spotted, aside = spot(rows)
        kinds = {one.words: one.count for one in spotted if isinstance(one.words, str)}
        assert (kinds["duplicate"], kinds["near duplicate"]) == (1000, 1000), kinds
        assert (aside.reasons > 0).sum() == 2000
    return found


def _filled(rows: object, count: int) -> object:
    from alexnet.dataset.examination.rows import ROW

    random = np.random.default_rng(0)
    for start in range(0, count, 1 << 16):
        block = np.zeros(min(1 << 16, count - start), ROW)
        block["digest"] = random.integers(0, 1 << 63, (len(block), 2))
        block["rendering"] = random.integers(0, 256, block["rendering"].shape, np.uint8)
        block["width"], block["height"], block["reason"] = 500, 375, -1
        if not start:
            block["digest"][1000:2000] = block["digest"][:1000]
            block["rendering"][3000:4000] = block["rendering"][2000:3000] ^ 3
        rows.append(block)  # type: ignore[attr-defined]
    return rows


def read_manifest(folder: Path, count: int) -> dict[str, float]:
    """The doctor's look at the manifest of a pack, whose pixels are a hole."""
    from alexnet.dataset.examination import examine_manifests

    examine_manifests(make_sparse(folder / "warm", 70_000, 1000))
    pack = make_sparse(folder / "pack", count, 1000)
    with growing() as found:
        report = examine_manifests(pack)
    assert report.pictures == count
    shutil.rmtree(pack)
    return found


def drawings(folder: Path) -> Iterator[Row]:
    """What is found of planted faults, in all drawings together, CIFAR's own near leaks among them."""
    from alexnet.dataset.examination import examine
    from alexnet.dataset.sources import open_source

    source, found = cifar(folder, "/"), Counter[str]()
    for seed in range(DRAWINGS):
        root = folder / f"planted{seed}"
        planted(source, root, seed)
        found.update({one.kind: one.count for one in examine(open_source(root)).findings})
    for kind, each in PLANTED.items():
        bound = each * DRAWINGS if kind != "near leak" else round(0.95 * each * DRAWINGS)
        count = found[kind] + (found["leak"] if kind == "near leak" else 0)
        yield row("2,000 pictures with planted faults", 2_000 * DRAWINGS, kind, count, "pictures", str(bound))


def planted(source: Path, root: Path, seed: int = 0) -> None:
    """2,000 pictures of CIFAR-10, a tenth of each class for testing, with twenty faults of each kind."""
    random = np.random.default_rng(seed)
    for split, each in (("train", 160), ("test", 40)):
        for folder in sorted((source / split).iterdir()):
            (root / split / folder.name).mkdir(parents=True)
            for path in random.choice(sorted(folder.iterdir()), each, replace=False):
                shutil.copy(path, root / split / folder.name / path.name)
    train = sorted((root / "train").rglob("*.jpg"))
    picked = [train[number] for number in random.choice(len(train), 80, replace=False)]
    for path in picked[:20]:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * random.uniform(0.3, 0.9))])
    for number, path in enumerate(picked[20:40]):
        with Image.open(path) as picture:
            target = root / "test" / path.parent.name / f"near{number}.jpg"
            picture.save(target, quality=int(random.integers(50, 96)))
    for number, path in enumerate(picked[40:60]):
        shutil.copy(path, path.with_name(f"again{number}.jpg"))
    names = sorted(folder.name for folder in (root / "train").iterdir())
    for number, path in enumerate(picked[60:]):
        other = names[(names.index(path.parent.name) + 1 + number % 9) % 10]
        shutil.copy(path, root / "train" / other / f"wrong{number}.jpg")


def originals(folder: Path) -> Iterator[Row]:
    """What is reported of the 60,000 originals, where next to nothing should be."""
    from alexnet.dataset.examination import examine
    from alexnet.dataset.sources import open_source

    report = examine(open_source(cifar(folder, "/")))
    assert report.ok
    for one in report.findings:
        yield row("CIFAR-10's originals", report.pictures, one.kind, one.count, "pictures", "")


PARTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "time": timed, "memory": curve, "planted": drawings, "originals": originals
}  # fmt: skip
CHILDREN: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "rows": compare_rows,
    "manifest": read_manifest,
}

if __name__ == "__main__":
    main()
