import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from pictures import archive, classes, jpeg, write

from alexnet.dataset.doctor import Finding, Report, examine
from alexnet.dataset.findings import duplicate_findings
from alexnet.dataset.sources import open_source
from alexnet.problem import Problem

NAMES = [*classes(3, each=6, before="train/"), *classes(3, each=3, before="test/")]


def findings(root: Path) -> dict[str, Finding]:
    return {finding.kind: finding for finding in examine(open_source(root)).findings}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "letters", NAMES)


def test_a_healthy_source_has_no_findings(root: Path, tmp_path: Path) -> None:
    report = examine(open_source(root))
    counts = {"train": dict.fromkeys("abc", 6), "test": dict.fromkeys("abc", 3)}
    assert report == Report("letters", 27, counts, ())
    assert report.ok
    packed = examine(open_source(archive(tmp_path / "letters.tar", root)))
    assert (packed.counts, packed.findings) == (counts, ())


def spoil_bytes(root: Path) -> None:
    (root / "train/a/00.jpg").write_bytes(jpeg(0)[:300])
    (root / "test/b/01.jpg").write_bytes(b"no picture")


def plant(root: Path, names: list[str]) -> None:
    write(root, names, first=1000)


def copy(root: Path, one: str, other: str) -> None:
    shutil.copy(root / one, root / other)


FAULTS: dict[str, tuple[Callable[[Path], object], str, int, str]] = {
    "unreadable": (spoil_bytes, "error", 2, "train/a/00.jpg: Image is incomplete or truncated."),
    "missing class": (lambda root: plant(root, ["test/A/0.jpg"]), "error", 1, "A (test), train has a"),
    "absent class": (lambda root: shutil.rmtree(root / "test/b"), "warning", 1, "b (test)"),
    "similar names": (lambda root: plant(root, ["train/B /0.jpg"]), "warning", 1, "'B ' / 'b'"),
    "imbalance": (
        lambda root: plant(root, [f"train/a/more{number}.jpg" for number in range(60)]),
        "warning",
        2,
        "b: 6, the largest has 66",
    ),
    "empty class": (lambda root: (root / "train/empty").mkdir(), "warning", 1, "train/empty"),
    "hidden": (
        lambda root: plant(root, ["train/.ipynb_checkpoints/0.jpg"]),
        "warning",
        1,
        "train/.ipynb_checkpoints",
    ),
    "loose": (lambda root: plant(root, ["train/0.jpg"]), "warning", 1, "train/0.jpg"),
    "duplicate": (
        lambda root: copy(root, "train/a/02.jpg", "train/a/again.jpg"),
        "warning",
        1,
        "train/a/02.jpg = train/a/again.jpg",
    ),
    "leak": (
        lambda root: copy(root, "train/a/02.jpg", "test/a/00.jpg"),
        "error",
        1,
        "train/a/02.jpg = test/a/00.jpg",
    ),
    "two labels": (
        lambda root: copy(root, "train/a/02.jpg", "train/c/01.jpg"),
        "error",
        2,
        "train/a/02.jpg = train/c/01.jpg",
    ),
    "no training split": (lambda root: shutil.rmtree(root / "train"), "error", 1, "test"),
    "single class": (
        lambda root: [shutil.rmtree(root / name / letter) for name in ("train", "test") for letter in "bc"],
        "error",
        1,
        "a",
    ),
}


BESIDE = {"two labels": {"duplicate"}, "similar names": {"absent class"}}
"""What some faults bring with them."""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_planted_fault_is_found_and_named(root: Path, kind: str) -> None:
    fault, severity, count, example = FAULTS[kind]
    fault(root)
    found = findings(root)
    assert (found[kind].severity, found[kind].count) == (severity, count)
    assert example in found[kind].examples
    assert found[kind].why
    assert found[kind].advice
    assert examine(open_source(root)).ok == all(each.severity == "warning" for each in found.values())
    assert set(found) - {kind} <= BESIDE.get(kind, set())


def test_errors_come_first_and_the_report_is_json(root: Path) -> None:
    for kind in ("empty class", "leak", "unreadable"):
        FAULTS[kind][0](root)
    report = examine(open_source(root), workers=1)
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities)
    assert json.loads(json.dumps(asdict(report)))["findings"][0]["severity"] == "error"
    assert not report.ok


def test_a_few_leaks_among_thousands_are_a_warning() -> None:
    assert duplicate_findings("leak", 1, ["x = y"], pictures=999)[0].severity == "error"
    assert duplicate_findings("leak", 1, ["x = y"], pictures=1000)[0].severity == "warning"
    assert duplicate_findings("leak", 0, [], pictures=1000) == []


def test_sources_of_arrays_are_examined_too() -> None:
    report = examine(open_source("digits"))
    assert report.ok
    assert list(report.counts) == ["all"]
    assert sum(report.counts["all"].values()) == report.pictures == 1797


def test_a_source_that_lists_nothing_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\n")
    with pytest.raises(Problem, match="lists no pictures"):
        examine(open_source(tmp_path / "list.csv"))


def test_a_missing_file_of_a_csv_is_unreadable(tmp_path: Path) -> None:
    write(tmp_path, ["x.jpg"])
    (tmp_path / "list.csv").write_text("path,label\nx.jpg,a\nnone.jpg,b\n")
    assert findings(tmp_path / "list.csv")["unreadable"].examples == ("none.jpg: No such file or directory",)
