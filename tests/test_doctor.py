import io
import json
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pictures import archive, classes, jpeg, write
from PIL import Image
from typer.testing import CliRunner

from alexnet.cli.app import app
from alexnet.dataset.examination import Finding, class_findings, examine, packs
from alexnet.dataset.examination import findings as findings_module
from alexnet.dataset.examination.figures import KNOWN
from alexnet.dataset.examination.findings import Words, same_finding
from alexnet.dataset.sources import Entry, PassedOver, Read, open_source, open_unlabelled
from alexnet.problem import Problem, UsageProblem
from alexnet.verbs.doctor import doctor

NAMES = [*classes(3, each=6, before="train/"), *classes(3, each=3, before="test/")]


def findings(root: Path) -> dict[str, Finding]:
    return {finding.kind: finding for finding in examine(open_source(root)).findings}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "letters", NAMES)


def test_a_healthy_source_has_no_findings(root: Path, tmp_path: Path) -> None:
    report = examine(open_source(root))
    counts = {"train": dict.fromkeys("abc", 6), "test": dict.fromkeys("abc", 3)}
    assert (report.source, report.pictures, report.counts, report.findings) == ("letters", 27, counts, ())
    assert report.ok
    assert report.to_set_aside == 0
    packed = examine(open_source(archive(tmp_path / "letters.tar", root)))
    assert (packed.counts, packed.findings) == (counts, ())


def spoil_bytes(root: Path) -> None:
    (root / "train/a/00.jpg").write_bytes(b"no picture")
    (root / "test/b/01.jpg").write_bytes(b"")


def plant(root: Path, names: list[str]) -> None:
    write(root, names, first=1000)


def copy(root: Path, one: str, other: str) -> None:
    (root / other).parent.mkdir(exist_ok=True)
    shutil.copy(root / one, root / other)


def again(root: Path, one: str, other: str) -> None:
    """The same picture, encoded anew."""
    with Image.open(root / one) as picture:
        picture.resize((48, 48), Image.Resampling.BICUBIC).save(root / other, quality=90)


def save(path: Path, picture: Image.Image, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


def noise(mode: str = "RGB", side: int = 20, seed: int = 99) -> Image.Image:
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (side, side, 4), np.uint8)).convert("RGB").convert(mode)


def turned() -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif}


FAULTS: dict[str, tuple[Callable[[Path], object], str, int, str]] = {
    "unreadable": (spoil_bytes, "error", 2, "train/a/00.jpg: not a JPEG"),
    "truncated": (
        lambda root: (root / "train/a/00.jpg").write_bytes(jpeg(0)[:300]),
        "error",
        1,
        "train/a/00.jpg: Image is incomplete or truncated.",
    ),
    "wrong extension": (
        lambda root: save(root / "train/a/x.jpg", noise(), format="PNG"), "note", 1, "train/a/x.jpg",
    ),
    "turned": (lambda root: save(root / "train/a/x.jpg", noise(), **turned()), "note", 1, "train/a/x.jpg"),
    "CMYK": (lambda root: save(root / "train/a/x.jpg", noise("CMYK")), "note", 1, "train/a/x.jpg"),
    "palette": (lambda root: save(root / "train/a/x.png", noise("P")), "note", 1, "train/a/x.png"),
    "alpha": (lambda root: save(root / "train/a/x.png", noise("RGBA")), "note", 1, "train/a/x.png"),
    "16 bits": (
        lambda root: save(root / "train/a/x.png", Image.fromarray(np.eye(20, dtype=np.uint16) * 65000)),
        "note",
        1,
        "train/a/x.png",
    ),
    "grey": (lambda root: save(root / "train/a/x.png", noise("L")), "note", 1, "train/a/x.png"),
    "animated": (
        lambda root: save(
            root / "train/a/x.webp", noise(), save_all=True, append_images=[noise(seed=98)], lossless=True
        ),
        "note",
        1,
        "train/a/x.webp",
    ),
    "tiny": (lambda root: save(root / "train/a/x.png", noise(side=4)), "warning", 1, "train/a/x.png"),
    "huge": (
        lambda root: save(root / "train/a/x.jpg", noise(side=8).resize((5001, 5001))),
        "warning",
        1,
        "train/a/x.jpg",
    ),
    "blank": (
        lambda root: save(root / "train/a/x.png", Image.new("RGB", (20, 20), "tan")),
        "warning",
        1,
        "train/a/x.png",
    ),
    "missing class": (lambda root: plant(root, ["test/A/0.jpg"]), "error", 1, "A (test), train has a"),
    "absent class": (lambda root: shutil.rmtree(root / "test/b"), "warning", 1, "b (test)"),
    "similar names": (
        lambda root: plant(root, [f"train/B /{number}.jpg" for number in range(5)]),
        "warning",
        1,
        "'B ' / 'b'",
    ),
    "imbalance": (
        lambda root: plant(root, [f"train/a/more{number}.jpg" for number in range(60)]),
        "warning",
        2,
        "b: 6, the largest has 66",
    ),
    "few pictures": (
        lambda root: [(root / f"train/a/0{number}.jpg").unlink() for number in range(2)],
        "warning",
        1,
        "a: 4",
    ),
    "no class": (
        lambda root: plant(root, [f"train/__MACOSX/{number}.jpg" for number in range(6)]),
        "error",
        1,
        "__MACOSX",
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
    "near duplicate": (
        lambda root: again(root, "train/a/02.jpg", "train/a/again.jpg"),
        "warning",
        1,
        "train/a/02.jpg = train/a/again.jpg",
    ),
    "near leak": (
        lambda root: again(root, "train/a/02.jpg", "test/a/00.jpg"),
        "error",
        1,
        "train/a/02.jpg = test/a/00.jpg",
    ),
    "near two labels": (
        lambda root: again(root, "train/a/02.jpg", "train/c/01.jpg"),
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
}  # fmt: skip


BESIDE = {
    "two labels": {"duplicate"},
    "near two labels": {"near duplicate"},
    "similar names": {"absent class"},
    "no class": {"absent class"},
    "16 bits": {"grey"},
}
"""What some faults bring with them."""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_planted_fault_is_found_and_named(root: Path, kind: str) -> None:
    fault, severity, count, example = FAULTS[kind]
    fault(root)
    found = findings(root)
    assert (found[kind].severity, found[kind].count) == (severity, count)
    assert any(each.startswith(example) for each in found[kind].examples)
    assert found[kind].why
    assert found[kind].advice
    assert examine(open_source(root)).ok == all(each.severity != "error" for each in found.values())
    assert set(found) - {kind} <= BESIDE.get(kind, set())


def test_every_finding_there_may_be_says_why_it_matters_and_what_to_do() -> None:
    words = [
        each
        for module in (class_findings, findings_module, packs)
        for value in vars(module).values()
        for each in (value.values() if isinstance(value, dict) else [value])
    ]
    words = [each[1] if isinstance(each, tuple) and len(each) == 2 else each for each in words]
    found = {each.kind: each for each in words if isinstance(each, Words)}
    assert set(FAULTS) <= set(found)
    page = (Path(__file__).parents[1] / "docs/doctor.md").read_text(encoding="utf-8")
    for kind, each in found.items():
        assert len(each.why.split()) > 4, kind
        assert len(each.advice.split()) >= 3, kind
        assert f"`{kind}`" in page, kind


def test_errors_come_first_and_the_report_is_json(root: Path) -> None:
    for kind in ("empty class", "turned", "leak", "unreadable"):
        FAULTS[kind][0](root)
    report = examine(open_source(root), workers=1)
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities, key=("error", "warning", "note").index)
    assert set(severities) == {"error", "warning", "note"}
    assert json.loads(json.dumps(asdict(report)))["findings"][0]["severity"] == "error"
    assert not report.ok


def test_a_few_leaks_among_thousands_are_a_warning() -> None:
    assert same_finding("leak", 1, ["x = y"], pictures=999)[0].severity == "error"
    assert same_finding("leak", 1, ["x = y"], pictures=1000)[0].severity == "warning"
    assert same_finding("near leak", 9, ["x = y"], pictures=1000)[0].severity == "warning"
    assert same_finding("leak", 0, [], pictures=1000) == []


def test_the_list_names_what_to_set_aside_and_the_pictures_stay(root: Path, tmp_path: Path) -> None:
    for kind in ("unreadable", "leak", "near duplicate", "blank"):
        FAULTS[kind][0](root)
    (root / "train/b/new\nline.jpg").write_bytes(b"?")
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    report = examine(open_source(root), list_to=tmp_path / "bad.txt")
    lines = [line.split("\t") for line in (tmp_path / "bad.txt").read_text().splitlines()]
    assert dict(lines) == {
        "train/a/00.jpg": "unreadable",
        "test/b/01.jpg": "unreadable",
        "train/a/02.jpg": "leak",  # of the training split: the test split stays whole
        "train/a/again.jpg": "near duplicate",
        "train/a/x.png": "blank",
        "train/b/new\\nline.jpg": "unreadable",
    }
    assert len(lines) == report.to_set_aside == 6
    assert {path: path.read_bytes() for path in root.rglob("*.*")} == before
    for name, _ in lines:
        (root / name.replace("\\n", "\n")).unlink()
    assert {each.kind for each in examine(open_source(root)).findings} == {"few pictures"}


def test_sources_of_arrays_are_examined_too() -> None:
    report = examine(open_source("digits"))
    assert report.ok
    assert {finding.kind for finding in report.findings} <= {"near duplicate"}
    assert list(report.counts) == ["all"]
    assert sum(report.counts["all"].values()) == report.pictures == 1797


def test_figures_stand_beside_the_well_known_sets(root: Path) -> None:
    report = examine(open_source(root))
    figures = report.figures
    assert (figures.pictures, figures.classes) == ({"train": 18, "test": 9}, 3)
    assert (figures.smallest_class, figures.largest_class) == (6, 6)
    sides = [Image.open(io.BytesIO(path.read_bytes())).size for path in root.rglob("*.jpg")]
    assert figures.width == pytest.approx(np.mean([width for width, _ in sides]))
    assert figures.height == pytest.approx(np.mean([height for _, height in sides]))
    assert figures.bytes == sum(path.stat().st_size for path in root.rglob("*.jpg"))
    assert figures.packed_bytes == 27 * 256 * 256 * 3
    totals = {one.name: one.total for one in KNOWN}
    assert totals == {"MNIST": 70_000, "CIFAR-10": 60_000, "ILSVRC-2012": 1_431_167}


def test_pictures_of_no_class_are_examined_for_themselves(tmp_path: Path) -> None:
    write(tmp_path / "all", ["1.jpg", "deep/er/2.jpg", "3.jpg"])
    save(tmp_path / "all/4.png", Image.new("RGB", (20, 20)))
    report = doctor(tmp_path / "all", unlabelled=True)
    assert report.counts == {"all": {"": 4}}
    assert {finding.kind for finding in report.findings} == {"blank", "grey"}
    assert report.figures.classes == 0
    with pytest.raises(Problem, match="no folder, tar or zip"):
        open_unlabelled(tmp_path / "nowhere")


def test_some_classes_alone(root: Path) -> None:
    FAULTS["unreadable"][0](root)  # in a and b
    report = doctor(root, classes=["c", "b"])
    assert report.counts == {"train": {"b": 6, "c": 6}, "test": {"b": 3, "c": 3}}
    assert [finding.count for finding in report.findings] == [1]
    with pytest.raises(UsageProblem, match="no class 'd'"):
        doctor(root, classes=["d"])


def test_a_source_that_lists_nothing_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\n")
    with pytest.raises(Problem, match="lists no pictures"):
        examine(open_source(tmp_path / "list.csv"))


def test_a_missing_file_of_a_csv_is_unreadable(tmp_path: Path) -> None:
    write(tmp_path, ["x.jpg"])
    (tmp_path / "list.csv").write_text("path,label\nx.jpg,a\nnone.jpg,b\n")
    assert findings(tmp_path / "list.csv")["unreadable"].examples == ("none.jpg: No such file or directory",)


class Endless:
    """A source of as many pictures as are asked for, none of which can be read, each for its own reason."""

    name, native_size = "endless", None

    def __init__(self, count: int) -> None:
        self.count = count

    def entries(self) -> Iterator[Entry]:
        for number in range(self.count):
            yield Entry(f"{number % 100}/{number}.jpg", "train", str(number % 100), 1000)

    def contents(self, start: int = 0) -> Iterator[tuple[Entry, Read]]:
        def fail(number: int) -> Read:
            def read() -> bytes:
                raise Problem(f"reason {number}")

            return read

        for number, entry in enumerate(self.entries()):
            yield entry, fail(number)

    def titles(self) -> dict[str, str]:
        return {}

    def passed_over(self) -> PassedOver:
        return PassedOver()


def test_no_picture_stays_in_memory_as_an_object(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        examine(Endless(count), workers=1, list_to=tmp_path / "bad.txt")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(500)  # what is imported and built only once
    small, large = peak(2_000), peak(7_000)
    # of each one more: a byte each in the list to set aside, and a few numbers each while they are compared
    assert (large - small) / 5_000 < 40
    assert len((tmp_path / "bad.txt").read_text().splitlines()) == 7_000


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "results"))
    return __import__("record_doctor")


@pytest.fixture(scope="session")
def cifar(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cifar")
    with tarfile.open(data / "cifar10-jpeg.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    return next(path.parent for path in folder.rglob("train"))


@pytest.mark.slow
def test_faults_planted_in_cifar_are_found(cifar: Path, tmp_path: Path, recording: ModuleType) -> None:
    recording.planted(cifar, tmp_path / "planted")
    expected = recording.PLANTED
    assert sum(1 for _ in (tmp_path / "planted/test").rglob("*.jpg")) == 420
    report = examine(open_source(tmp_path / "planted"))
    found = {finding.kind: finding.count for finding in report.findings}
    assert {kind: found[kind] for kind in ("truncated", "duplicate", "two labels")} == {
        kind: count for kind, count in expected.items() if kind != "near leak"
    }
    assert 19 <= found["near leak"] <= 22  # CIFAR-10 has some of its own
    assert found.get("leak", 0) == 0
    assert {finding.kind for finding in report.findings if finding.severity == "error"} == {
        "near leak", "two labels"
    }  # fmt: skip


@pytest.mark.parametrize("child", ["rows", "manifest"])
@pytest.mark.parametrize("count", [300_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
def test_ten_million_rows_never_sit_in_memory(
    tmp_path: Path, recording: ModuleType, child: str, count: int
) -> None:
    found = recording.in_process(child, tmp_path, count)
    # what is sorted and looked at together, and of each row a few bytes at most; ten million are 190 MB
    assert found["megabytes"] < 90 + 10 * count / (1 << 20)


@pytest.mark.slow
def test_false_alarms_on_the_originals_of_cifar_are_few(cifar: Path) -> None:
    """Every pair reported was looked at by eye (docs/doctor.md): they are copies of each other."""
    report = examine(open_source(cifar))
    found = {finding.kind: finding.count for finding in report.findings}
    assert set(found) <= {"near duplicate", "near leak", "grey"}
    assert found["near leak"] + found["near duplicate"] < 0.012 * 60_000
    assert report.ok


def test_the_command_prints_tables_or_json_and_writes_the_list(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    FAULTS["leak"][0](root)
    (root / "words.txt").write_text("a\tthe first letter\n")
    words = ["doctor", str(root), "--list", str(tmp_path / "bad.txt")]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 1
    assert (tmp_path / "bad.txt").read_text() == "train/a/02.jpg\tleak\n"
    for part in (
        "a the first letter",
        "1,431,167",
        "error leak (1)",
        "train/a/02.jpg = test/a/00.jpg",
        "bad.txt",
    ):
        assert part in " ".join(shown.stdout.split())
    assert max(len(line.rstrip()) for line in shown.stdout.splitlines()) <= 80
    document = json.loads(CliRunner().invoke(app, [*words, "--json", "--classes", "b,c"]).stdout)
    assert document["ok"]
    assert document["counts"]["train"] == {"b": 6, "c": 6}
    assert document["figures"]["packed_size"] == 256
