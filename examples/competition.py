"""A competition from its files to a submission: labels in a CSV, test pictures in a folder, a template.

    python examples/competition.py cifar10 ../shared/data competition --time 5m
    python examples/competition.py breeds  ../shared/data competition --time 10m

First it lays the files out as Kaggle does (`cifar10`: a label a row; `breeds`: Tiny ImageNet's animals, a
probability for each class), then it runs the commands one would type, printing each:

1. doctor: what is wrong with the pictures
2. prepare, a tenth held out, and train in the time given: how good is it?
3. prepare all pictures, and train two seeds of the same recipe on everything
4. predict the test pictures by the average of both, in the template's order

The truth about the test pictures, which a competition keeps, is in truth.csv here: the last line scores.
"""

import argparse
import csv
import io
import random
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

ARCHIVES = {"cifar10": "cifar10-jpeg.tar.gz", "breeds": "tiny-imagenet-50.tar.gz"}
SIZES = {"cifar10": 32, "breeds": 64}
ANIMALS = "n02"  # synsets of most of ImageNet's animals begin so
SEEDS = (0, 1)


def main() -> None:
    """Lay out, then run the commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=ARCHIVES)
    parser.add_argument("data", type=Path, help="folder of the archives")
    parser.add_argument("out", type=Path)
    parser.add_argument("--time", default="5m", help="of each training")
    parser.add_argument("--pictures", type=int, help="of each split, at most")
    words = parser.parse_args()
    folder = words.out / words.kind
    lay_out(words.data / ARCHIVES[words.kind], folder, words.kind, words.pictures)
    compete(folder, SIZES[words.kind], words.time)
    print(f"error on the test pictures: {100 * error(folder):.2f} %")


def compete(folder: Path, size: int, time: str) -> None:
    """The commands of a competitor, in order."""
    labels, packed, runs = folder / "labels.csv", folder / "packed", folder / "runs"
    run("doctor", labels, allowed=1)
    run("prepare", labels, packed / "held", "--size", size, "--val-fraction", 0.1)
    run("train", "auto", "--data", packed / "held", "--out", runs / "held", "--time", time)
    run("evaluate", runs / "held", "--views", "mirror")
    run("prepare", labels, packed / "all", "--size", size, "--val-fraction", 0)
    recipe = runs / "held" / "recipe.json"
    for seed in SEEDS:
        run("train", recipe, "--data", packed / "all", "--out", runs / f"all-{seed}", "--set", f"seed={seed}")
    first, *others = (runs / f"all-{seed}" for seed in SEEDS)
    averaged = [part for other in others for part in ("--with", other)]
    run(
        "predict", first, folder / "test", *averaged, "--views", "mirror",
        "--template", folder / "sampleSubmission.csv", "--submission", folder / "submission.csv",
    )  # fmt: skip


def run(*command: object, allowed: int = 0) -> None:
    """Print a command of `alexnet` and run it; `allowed` is an exit code that is no reason to stop."""
    words = [str(part) for part in command]
    print(f"\n$ alexnet {shlex.join(words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "alexnet", *words], check=False).returncode
    if code not in (0, allowed):
        sys.exit(code)


def lay_out(archive: Path, folder: Path, kind: str, most: int | None) -> None:
    """Write the competition's files: train/, test/, labels.csv, sampleSubmission.csv; and truth.csv."""
    if (folder / "truth.csv").exists():
        return
    splits: dict[str, list[tuple[str, bytes]]] = {"train": [], "test": []}
    for split, label, content in pictures(archive, kind):
        splits[split].append((label, content))
    chance = random.Random(0)
    named: dict[str, list[tuple[str, str]]] = {}
    for split, found in splits.items():
        chance.shuffle(found)
        (folder / split).mkdir(parents=True, exist_ok=True)
        for number, (_, content) in enumerate(found[:most], 1):
            (folder / split / f"{number}.jpg").write_bytes(content)
        named[split] = [(str(number), label) for number, (label, _) in enumerate(found[:most], 1)]
    classes = sorted({label for _, label in named["train"]})
    table(
        folder / "labels.csv", ("path", "label"), [(f"train/{n}.jpg", label) for n, label in named["train"]]
    )
    table(folder / "sampleSubmission.csv", *template(kind, [n for n, _ in named["test"]], classes))
    table(folder / "truth.csv", ("id", "label"), named["test"])


def pictures(archive: Path, kind: str) -> Iterator[tuple[str, str, bytes]]:
    """Split, class and contents of each picture; what the archive calls val is the test here."""
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = Path(member.name).parts
            if member.isfile() and member.name.lower().endswith((".jpg", ".jpeg")):
                split = "train" if "train" in parts else "test"
                label = next(part for part in parts[parts.index(split_name(parts)) + 1 :])
                if kind == "cifar10" or label.startswith(ANIMALS):
                    file = tar.extractfile(member)
                    assert file is not None
                    yield split, label, file.read()


def split_name(parts: tuple[str, ...]) -> str:
    """Which folder of a path is the split."""
    return next(part for part in parts if part in ("train", "val", "test"))


def template(kind: str, ids: list[str], classes: list[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The sample submission: a label a row, or a probability for each class."""
    if kind == "cifar10":
        return ("id", "label"), [(one, classes[0]) for one in ids]
    even = f"{1 / len(classes):.6f}"
    return ("id", *classes), [(one, *[even] * len(classes)) for one in ids]


def error(folder: Path) -> float:
    """Share of the test pictures that the submission has wrong: by label, or by the highest probability."""
    truth = dict(rows(folder / "truth.csv")[1:])
    header, *given = rows(folder / "submission.csv")
    by_label = len(header) == 2
    answers = {
        row[0]: row[1] if by_label else header[1 + max(range(len(row) - 1), key=lambda i: float(row[1 + i]))]
        for row in given
    }
    assert list(answers) == [row[0] for row in rows(folder / "sampleSubmission.csv")[1:]]
    return sum(answers[one] != label for one, label in truth.items()) / len(truth)


def rows(path: Path) -> list[list[str]]:
    """The rows of a CSV, its header first."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def table(path: Path, header: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    """Write a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


if __name__ == "__main__":
    main()
