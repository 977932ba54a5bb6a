import itertools
import json
import re
import shlex
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import alexnet
from alexnet import cli
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.dataset.packed import open_packed
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.recipes import find
from alexnet.report.command import between, differences, preparing_command, training_command
from alexnet.report.kernels import first_layer_of
from alexnet.report.neighbours import spread_over_classes
from alexnet.report.section import made
from alexnet.run import Run, create_run, open_run
from alexnet.schedule import OneCycle
from alexnet.settings import override
from alexnet.settings import read as read_recipe
from alexnet.verbs.calibrate import calibrate
from alexnet.verbs.prepare import prepare
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.report import material as material_module
from alexnet.verbs.report import report
from alexnet.verbs.report.material import Material
from alexnet.verbs.starting import opened

SECTIONS = [
    "training", "data", "curves", "errors", "classes", "confusion", "calibration", "mistakes", "kernels",
    "neighbours", "speed", "card",
]  # fmt: skip
COMPARED = ["standing", "paired", "beside", "recipes", "differences", "believed"]
VOID = {"meta", "link", "img", "br", "hr", "input"}
NAMES = ("<script>alert(1)</script>", "🐈‍⬛ \"cat\" & 'dog'")
LIMIT = 5_000_000


class Page(HTMLParser):
    """What stands in a page; raises where its elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.headings: list[str] = []
        self.without_alt = 0
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        assert len(found) == len(attributes), f"{tag} has an attribute twice"
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attributes if name == "id"]
        self.references += [
            value or "" for name, value in attributes if name in ("src", "href", "srcset", "action", "poster")
        ]
        self.without_alt += tag == "img" and not found.get("alt")
        assert not [name for name in found if name.startswith("on") or name == "style"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID or self.tags[-1] == tag
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, words: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words += f" {words}"
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(self.open[-1])


def read(path: Path | str) -> tuple[str, Page]:
    text = Path(path).read_text(encoding="utf-8")
    return text, Page(text)


def told(result) -> str:
    """The words of a report, with single spaces."""
    return " ".join(read(result.file)[1].words.split())


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe(
        name="small", network="lenet", options={"image": 12}, channels=1, mean="channel",
        divide_by="deviation", epochs=3, batch=64, learning_rate=OneCycle(peak=0.05),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Path, recipe: Recipe) -> Path:
    """A run that makes some mistakes on grey digits of ten classes."""
    run = tmp_path_factory.mktemp("runs") / "small"
    alexnet.train(recipe, digits, run)
    return run


@pytest.fixture(scope="module")
def first(trained: Path, tmp_path_factory: pytest.TempPathFactory):
    return report(trained, out=tmp_path_factory.mktemp("reports") / "first.html")


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("index", "report.html"))
    return tmp_path / "run"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of two classes in colour whose names and files would be mischief in a page."""
    root, chance = tmp_path_factory.mktemp("odd"), np.random.default_rng(0)
    lines = ["path,label,split"]
    for split, count in (("train", 24), ("val", 10)):
        for number in range(count):
            label = number % 2
            name = f"{split}-{number}-<img src=x onerror=alert(1)>.png"
            pixels = chance.integers(0, 256, (12, 12, 3), np.uint8)
            pixels[..., label] //= 3
            Image.fromarray(pixels).save(root / name)
            quoted = NAMES[label].replace('"', '""')
            lines.append(f'{name},"{quoted}",{split}')
    (root / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    prepare(root / "list.csv", root / "packed", size=12)
    return root / "packed"


def fresh(recipe: Recipe, packed: Path, out: Path, *, steps: int = 0) -> Run:
    """A run of weights as they are drawn."""
    run = opened(recipe, open_packed(packed), out, None)
    run.save(dict(run.build().state_dict()), {}, {"steps": steps}, steps=steps)
    return run


def test_every_section_is_there_in_its_order(first):
    text, page = read(first.file)
    assert first.sections == SECTIONS
    assert first.missing == {}
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert len(set(page.ids)) == len(page.ids)
    assert page.without_alt == 0
    assert first.bytes == Path(first.file).stat().st_size == len(text.encode()) < LIMIT


def test_headings_go_down_one_level_at_a_time(first):
    levels = [int(name[1]) for name in read(first.file)[1].headings]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_nothing_outside_the_file_is_named(first):
    text, page = read(first.file)
    inside = {f"#{name}" for name in page.ids}
    assert [one for one in page.references if one not in inside and not one.startswith("data:")] == []
    assert not re.search(r"https?://|@import|url\(|<iframe|<object|<embed|<base", text)


def test_the_policy_allows_the_style_and_the_script_alone(first):
    text, page = read(first.file)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "default-src &#39;none&#39;" in policy[1]
    assert policy[1].count("sha256-") == 2
    assert page.tags.count("script") == 1
    assert page.tags.count("style") == 1


def test_the_same_run_gives_the_same_bytes_but_for_the_date(first, trained, tmp_path):
    again = report(trained, out=tmp_path / "again.html")
    texts = [Path(one.file).read_text(encoding="utf-8") for one in (first, again)]
    one, other = ([line for line in text.splitlines() if "Made on 20" not in line] for text in texts)
    assert one == other
    assert len(texts[0].splitlines()) == len(one) + 1


def test_figures_are_those_of_evaluate(first, trained):
    found = alexnet.evaluate(trained)
    words = told(first)
    assert f"top-1 error {found.top1_error:.2f} %" in words
    assert "{:.2f} … {:.2f}".format(*found.top1_interval) in words
    worst = max(found.per_class, key=lambda one: one.top1_error)
    assert f"Most errors: {worst.name} ({worst.top1_error:.1f} %)" in words
    assert f"answers {100 - found.top1_error:.1f} % of {found.images} pictures of val rightly" in words


def test_it_lies_in_the_run_folder_whole(run):
    result = report(run)
    assert Path(result.file) == run / "report.html"
    assert sorted(path.name for path in run.iterdir() if "report" in path.name) == ["report.html"]


def test_mischief_in_names_is_only_text(odd, tmp_path, recipe):
    small = override(recipe, ["channels=3", "epochs=1", "batch=8"])
    alexnet.train(small, odd, tmp_path / "run")
    result = report(tmp_path / "run")
    text, page = read(result.file)
    assert result.missing == {}
    assert page.tags.count("script") == 1
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert NAMES[0] in page.words
    assert NAMES[1] in page.words
    assert "top-5" not in told(result)


def test_words_name_the_classes(run, tmp_path):
    (tmp_path / "words.txt").write_text("3\tthree, the <third>\n", encoding="utf-8")
    assert "three, the <third>" in told(report(run, words=tmp_path / "words.txt"))


def test_a_thousand_classes_stay_small(tmp_path):
    chance = np.random.default_rng(0)
    lines = ["path,label,split"]
    for number in range(40):
        Image.fromarray(chance.integers(0, 256, (12, 12, 3), np.uint8)).save(tmp_path / f"{number}.png")
    for label in range(1000):
        lines += [
            f"{label % 40}.png,class number {label:04},train",
            f"{label % 39}.png,class number {label:04},val",
        ]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    prepare(tmp_path / "list.csv", tmp_path / "packed", size=12)
    recipe = Recipe(
        name="wide", network="lenet", options={"image": 12}, channels=3, epochs=1, learning_rate=0.01,
        mean="channel",
    )  # fmt: skip
    result = report(fresh(recipe, tmp_path / "packed", tmp_path / "run").path)
    text, _ = read(result.file)
    assert result.bytes < LIMIT
    assert "of 1000" in told(result)
    assert set(result.missing) == {"curves", "speed"}
    assert text.count("<tr>") > 2000


def test_without_a_split_to_measure_on_the_rest_is_there(tmp_path, digits, recipe):
    prepare("digits", tmp_path / "packed", size=12, val_fraction=0)
    alexnet.train(recipe, tmp_path / "packed", tmp_path / "run")
    result = report(tmp_path / "run")
    assert set(result.missing) == {"errors", "classes", "confusion", "calibration", "mistakes", "neighbours"}
    assert all("--val-fraction" in why for why in result.missing.values())
    assert "No validation loss was logged" in told(result)
    assert report(tmp_path / "run", data=digits).missing == {}


def test_an_untrained_run(tmp_path, digits, recipe):
    alexnet.train(override(recipe, ["epochs=0"]), digits, tmp_path / "run")
    result = report(tmp_path / "run")
    assert set(result.missing) == {"curves", "speed"}
    assert "no whole epoch" in result.missing["curves"]
    assert "not trained here" in result.missing["speed"]


def test_a_run_before_its_first_checkpoint(tmp_path, digits, recipe):
    opened(recipe, open_packed(digits), tmp_path / "run", None)
    result = report(tmp_path / "run")
    assert result.sections == ["training", "data", "card"]
    assert "holds no weights yet" in result.missing["errors"]


def test_a_run_of_weights_without_data(tmp_path, digits, recipe):
    pack = open_packed(digits)
    run = create_run(
        tmp_path / "run", recipe, classes=pack.classes,
        preprocessing=preprocessing_of(recipe, pack.statistics, 12, "crop"),
        dataset={"path": None, "fingerprint": None}, init={"path": "lenet.pth"},
    )  # fmt: skip
    run.save(dict(run.build().state_dict()), {}, {"steps": 0}, steps=0)
    result = report(run.path)
    assert result.sections == ["training", "kernels", "card"]
    assert "say what to evaluate it on with --data PACKED" in result.missing["data"]
    assert "lenet.pth" in told(result)
    assert set(report(run.path, data=digits).missing) == {"curves", "speed"}


def test_saved_scores_stand_in_for_a_pack_that_is_gone(run, digits, tmp_path):
    alexnet.evaluate(run)
    moved = json.loads((run / "model.json").read_text())
    moved["dataset"]["path"] = str(tmp_path / "gone")
    (run / "model.json").write_text(json.dumps(moved))
    result = report(run)
    assert set(result.missing) == {"data", "mistakes", "neighbours"}
    assert "gone" in result.missing["data"]
    shutil.rmtree(run / "scores")
    assert "errors" in report(run).missing


def test_a_network_without_a_convolution_has_no_kernels():
    section = made("kernels", "Kernels", lambda: first_layer_of(nn.Sequential(nn.Linear(2, 2)), "x"))
    assert section.facts is None
    assert section.missing == "this network has no convolution to show"


def test_what_doctor_found_is_told(run, tmp_path):
    found = tmp_path / "doctor.json"
    finding = {
        "kind": "blank", "severity": "warning", "count": 3, "examples": ["a/<b>.png"],
        "why": "nothing to see", "advice": "remove them",
    }  # fmt: skip
    found.write_text(json.dumps({"source": "pictures", "findings": [finding]}))
    words = told(report(run, doctor=found))
    assert "the examination of pictures in doctor.json" in words
    assert "3: nothing to see. For example a/<b>.png. Remove them" in words


def test_other_pictures_than_those_of_training_are_said(run, tmp_path):
    prepare("digits", tmp_path / "other", size=12, val_fraction=0.3)
    assert "not those that the run was trained on" in told(report(run, data=tmp_path / "other"))


def test_the_index_beside_the_run_is_used(run):
    assert "among all 1,438 training pictures" in told(report(run))
    alexnet.similar(run, from_="val", k=1)
    before = {path.name: path.stat().st_mtime_ns for path in (run / "index").iterdir()}
    assert "by the index beside the run, among all 1,438" in told(report(run))
    assert {path.name: path.stat().st_mtime_ns for path in (run / "index").iterdir()} == before


def test_neighbours_by_pixels_stand_below_those_by_features(first, trained):
    words = told(first)
    material = Material(asked_of(trained), None)
    numbers = spread_over_classes(material.shelf.labels, 5)
    truth = material.shelf.labels[numbers][:, None]
    by_features = (material.training.labels[material.neighbours(numbers, 6).numbers] == truth).sum(1)
    by_pixels = (material.training.labels[material.pixel_neighbours(numbers, 6).numbers] == truth).sum(1)
    lines = re.findall(r"by (features|pixels): (\d) of 6 of the same class", words)
    assert [int(same) for by, same in lines if by == "features"] == by_features.tolist()
    assert [int(same) for by, same in lines if by == "pixels"] == by_pixels.tolist()
    assert (
        f"{by_features.sum()} of 30 are of the same class by features, {by_pixels.sum()} by pixels" in words
    )


def test_agreement_is_that_of_similar(first, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    rows = alexnet.agreement(tmp_path / "run", queries=500)
    words = told(first)
    for row in rows:
        for mean, (low, high) in (
            (row.features, row.features_interval), (row.pixels, row.pixels_interval)
        ):  # fmt: skip
            assert f"{mean:.1f} % {low:.1f} … {high:.1f}".replace("-", "−") in words
    assert "Counted over 359 pictures of the measured split" in words


def test_neighbours_are_counted_among_fewer_where_there_are_too_many(run, monkeypatch):
    before = Material(asked_of(run), None).agreement()
    monkeypatch.setattr(material_module, "PIXELS", 600 * 3 * 12 * 12)
    fewer = Material(asked_of(run), None)
    assert len(fewer.compared_among) == 600
    assert fewer.agreement() != before
    words = told(report(run))
    assert "nearest, among 600 of them" in words
    assert "taken evenly, among 600 training pictures" in words
    alexnet.similar(run, from_="val", k=1)  # an index does not change what is counted
    assert Material(asked_of(run), None).agreement() == fewer.agreement()


def test_a_kept_temperature_is_told_with_what_it_did(run, digits, tmp_path):
    kept = calibrate(run)
    words = told(report(run))
    assert f"keeps a temperature of {kept.temperature.value:.3f}" in words
    assert "Its answers are divided by it" in words
    before, after = (100 * one.expected_error for one in (kept.before, kept.after))
    assert f"calibration error from {before:.1f} % to {after:.1f} % (each half of the pictures" in words
    assert "with the kept one" not in words  # never judged on the pictures that fitted it
    prepare("digits", tmp_path / "other", size=12, val_fraction=0.3)
    assert "with the kept one" in told(report(run, data=tmp_path / "other", out=tmp_path / "other.html"))
    document = json.loads((run / "calibration.json").read_text())
    (run / "calibration.json").write_text(json.dumps(document | {"steps": 1}))
    assert "no answer is given at it" in told(report(run))
    (run / "calibration.json").write_text("{}")
    assert "is damaged" in report(run).missing["calibration"]


def test_a_network_without_a_mistake(run, digits):
    packed = open_packed(digits)
    labels = torch.from_numpy(np.array(packed.split("val").labels))
    alexnet.evaluate(run)
    (path,) = (run / "scores").iterdir()
    from alexnet.evaluation.predictions import Predictions, load_predictions, save_predictions

    _, facts = load_predictions(path)
    sure = torch.nn.functional.one_hot(labels, 10).float() * 0.9 + 0.01
    save_predictions(Predictions(sure, labels), path, facts)
    result = report(run)
    assert result.missing == {}
    assert "None of 359 pictures was answered wrongly." in told(result)
    assert "No picture was answered wrongly." in told(result)


def test_two_runs_are_compared(run, trained, digits, recipe, tmp_path):
    other = override(recipe, ["epochs=1", "name=other", "momentum=0.5"])
    alexnet.train(other, digits, tmp_path / "other")
    result = report([run, tmp_path / "other"], out=tmp_path / "both.html")
    text, page = read(result.file)
    assert result.sections == COMPARED
    assert [name for name in page.ids if name in COMPARED] == COMPARED
    wrong = [alexnet.evaluate(one).top1_error for one in (run, tmp_path / "other")]
    words = told(result)
    assert f"{wrong[1] - wrong[0]:+.2f}".replace("-", "−") in words
    assert "momentum 0.9 0.5" in words
    assert "weight_decay" not in words
    assert text.count("<polyline") >= 3
    three = report([run, tmp_path / "other", trained], out=tmp_path / "three.html")
    assert three.missing == {}
    assert "raised by Holm’s rule" in told(three)


def test_runs_on_different_pictures_are_not_paired(run, odd, recipe, tmp_path):
    fresh(override(recipe, ["channels=3"]), odd, tmp_path / "odd")
    result = report([run, tmp_path / "odd"], out=tmp_path / "both.html")
    assert set(result.missing) == {"paired", "differences"}
    assert "different pictures or classes" in result.missing["paired"]


def test_a_run_that_cannot_be_measured_does_not_spoil_the_others(run, digits, recipe, tmp_path):
    opened(recipe, open_packed(digits), tmp_path / "empty", None)
    result = report([run, tmp_path / "empty"], out=tmp_path / "both.html")
    assert set(result.missing) == {"paired", "differences"}
    assert "empty: " in told(result)


@pytest.mark.parametrize(
    ("runs", "options", "words"),
    [
        (["nowhere"], {}, "no run at"),
        ([], {}, "at least one run"),
        (["RUN", "RUN"], {}, "named twice"),
        (["RUN"], {"split": "holidays"}, "no split 'holidays'"),
        (["RUN", "OTHER"], {"doctor": "doctor.json"}, "leave it out of a comparison"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_a_line(runs, options, words, run, trained, tmp_path):
    named = [{"RUN": run, "OTHER": trained}.get(name, name) for name in runs]
    with pytest.raises(Problem, match=words):
        report(named, out=tmp_path / "report.html", **options)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("name", ["alexnet-2012-64", "googlenet", "resnet20-short", "lenet-1998"])
def test_the_command_makes_the_recipe_again(name, run):
    opened_run = open_run(run)
    for changes in ((), ("epochs=7", "seed=5", 'frozen=["conv1.*"]')):
        wanted = override(find(name), changes)
        command = training_command(
            Run(run, wanted, opened_run.classes, opened_run.preprocessing, {"path": "a b"})
        )
        words = shlex.split(command)
        assert words[:3] == ["alexnet", "train", name]
        sets = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
        assert override(find(name), sets) == wanted
        assert words[words.index("--data") + 1] == "a b"
    own = shlex.split(training_command(opened_run))
    assert read_recipe(Path(own[2]).read_text(), "recipe") == opened_run.recipe


def test_the_recipe_is_told_by_what_differs(recipe):
    fields = {field.name: (field.value, field.default) for field in differences(recipe)}
    assert fields["mean"] == ("channel", "image")
    assert fields["epochs"] == ("3", None)
    assert fields["learning_rate"][0].startswith("one-cycle(peak=0.05")
    assert "momentum" not in fields
    assert between([recipe, override(recipe, ["epochs=4"])]) == [("epochs", ["3", "4"])]
    assert between([recipe, recipe]) == []


def test_the_pack_is_prepared_again(digits, tmp_path):
    words = shlex.split(preparing_command(open_packed(digits).description, "packed/digits"))
    assert words[:2] == ["alexnet", "prepare"]
    again = dict(zip(words[4::2], words[5::2], strict=True))
    prepare(
        "digits", tmp_path / "again", size=int(again["--size"]), fit=again["--fit"],
        encoding=again["--encoding"], seed=int(again["--seed"]), val_fraction=float(again["--val-fraction"]),
    )  # fmt: skip
    assert open_packed(tmp_path / "again").fingerprint == open_packed(digits).fingerprint


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
        try:
            cli.main()
        except SystemExit as end:
            out, err = capsys.readouterr()
            return int(end.code or 0), out, err
        raise AssertionError("main always ends the process")

    return run


def test_the_command(call, run, tmp_path):
    code, out, _ = call("report", run, "--json")
    document = json.loads(out)
    assert code == 0
    assert document.keys() == {"file", "bytes", "sections", "missing", "seconds"}
    assert document["sections"] == SECTIONS
    code, out, _ = call("report", run, "--out", tmp_path / "mine.html")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'mine.html'}: 12 sections")
    code, _, err = call("report", tmp_path)
    assert code == 1
    assert "no run at" in err
    code, _, err = call("report", run, "--split", "holidays")
    assert code == 2


def test_problems_are_raised_before_a_file_is_written(run, tmp_path):
    (tmp_path / "doctor.json").write_text("[]")
    with pytest.raises(Problem, match=r"alexnet doctor SOURCE --json > doctor\.json"):
        report(run, out=tmp_path / "x.html", doctor=tmp_path / "doctor.json")
    with pytest.raises(Problem, match="no packed data set at"):
        report(run, out=tmp_path / "x.html", data=tmp_path / "nowhere")
    assert list(tmp_path.glob("*.html")) == []
