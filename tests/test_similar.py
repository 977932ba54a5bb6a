import inspect
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import alexnet
from alexnet import cli
from alexnet.cli import searching
from alexnet.dataset.packed import open_packed
from alexnet.evaluation.statistics import mean_interval
from alexnet.probing.autoencoder import STEPS
from alexnet.probing.features import HIDDEN
from alexnet.probing.search import brute_force
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.schedule import OneCycle
from alexnet.verbs.index import open_index
from alexnet.verbs.similar import asked_of, pixel_neighbours


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


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe(
        name="small",
        network="lenet",
        options={"image": 12},
        channels=1,
        mean="channel",
        divide_by="deviation",
        epochs=4,
        batch=64,
        learning_rate=OneCycle(peak=0.05),
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Path, recipe: Recipe) -> Path:
    run = tmp_path_factory.mktemp("runs") / "small"
    alexnet.train(recipe, digits, run)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy without index."""
    shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("index"))
    return tmp_path / "run"


@pytest.fixture
def shots(digits: Path, tmp_path: Path) -> Path:
    """Three pictures of the validation split, and one that cannot be read."""
    folder = tmp_path / "shots"
    folder.mkdir()
    split = open_packed(digits).split("val")
    for number in (3, 100, 300):
        Image.fromarray(split.pixels([number])[0]).save(folder / f"{number:03}.png")
    (folder / "999.png").write_bytes((folder / "003.png").read_bytes()[:60])
    return folder


def test_neighbours_are_those_of_brute_force(run: Path, digits: Path) -> None:
    index = open_index(asked_of(run))
    packed = open_packed(digits)
    found = alexnet.similar(run, from_="val", k=9)
    numbers = [35, 107, 179, 251, 323]  # five evenly over 359
    queries = index.queries(packed.split("val").pixels(numbers))
    expected = brute_force(np.load(run / "index/hidden-train.npy"), queries, 9)
    assert [one.image for one in found] == packed.split("val").sources(numbers)
    for one, row, away in zip(found, *expected, strict=True):
        assert one.neighbours is not None
        assert [each.source for each in one.neighbours] == packed.split("train").sources(row.tolist())
        assert [each.distance for each in one.neighbours] == away.tolist()
        labels = packed.split("train").labels[row]
        assert [each.name for each in one.neighbours] == [packed.classes[label] for label in labels]


def test_a_picture_of_the_pack_is_nearest_to_itself(run: Path, digits: Path) -> None:
    for one in alexnet.similar(run, from_="train", k=1):
        assert one.neighbours is not None
        assert one.neighbours[0].source == one.image
        assert one.neighbours[0].distance < 1e-5


def test_all_pictures_are_answered_and_the_unreadable_reported(call, run: Path, shots: Path) -> None:
    code, out, err = call("similar", run, shots, "-k", 3, "--json")
    answers = json.loads(out)
    assert code == 1
    assert [Path(one["image"]).name for one in answers] == ["003.png", "100.png", "300.png", "999.png"]
    assert [len(one["neighbours"]) for one in answers[:3]] == [3, 3, 3]
    assert answers[0]["neighbours"][0].keys() == {"source", "class", "distance"}
    assert answers[3]["neighbours"] is None
    assert answers[3]["error"]
    code, out, err = call("similar", run, shots / "003.png", shots / "999.png")
    assert code == 1
    assert "999.png" in err
    assert out.count("digits") >= 6 or len(out.splitlines()) >= 8
    code, out, _ = call("similar", run, shots / "999.png", "--json")
    assert (code, len(json.loads(out))) == (1, 1)


def test_more_neighbours_than_pictures(run: Path, digits: Path) -> None:
    (one, *_) = alexnet.similar(run, from_="val", k=5000)
    assert one.neighbours is not None
    assert len({each.source for each in one.neighbours}) == len(open_packed(digits).split("train"))


def test_a_layer_by_name(run: Path) -> None:
    assert all(one.neighbours for one in alexnet.similar(run, from_="val", layer="conv1"))
    assert (run / "index/conv1-train.npy").is_file()
    with pytest.raises(UsageProblem, match="conv1"):
        alexnet.similar(run, from_="val", layer="conv99")


def test_the_index_is_used_again_and_made_anew_for_other_weights(
    run: Path, digits: Path, recipe: Recipe
) -> None:
    features = run / "index/hidden-train.npy"
    alexnet.similar(run, from_="val")
    made = features.stat().st_mtime_ns, np.load(features)
    alexnet.codes(run, bits=16, steps=2)
    alexnet.similar(run, from_="val", codes=16)
    assert features.stat().st_mtime_ns == made[0]

    opened = open_run(run)
    checkpoint = opened.checkpoint()
    assert checkpoint is not None
    weights = {name: 0.5 * tensor for name, tensor in checkpoint.weights().items()}
    opened.save(weights, checkpoint.optimizer(), checkpoint.state, steps=checkpoint.state["steps"] + 1)
    alexnet.similar(run, from_="val")
    assert not np.array_equal(np.load(features), made[1])
    with pytest.raises(Problem, match="of other weights or data; learn them with `alexnet codes"):
        alexnet.similar(run, from_="val", codes=16)


def test_an_index_of_other_data_is_made_anew(run: Path, digits: Path, tmp_path: Path) -> None:
    alexnet.similar(run, from_="val")
    alexnet.prepare("digits", tmp_path / "other", size=12, val_fraction=0.5)
    alexnet.similar(run, from_="val", data=tmp_path / "other")
    told = json.loads((run / "index/hidden-train.json").read_text())
    assert told["dataset"] == open_packed(tmp_path / "other").fingerprint
    assert len(np.load(run / "index/hidden-train.npy")) == told["images"]


def test_an_index_that_was_interrupted_is_made_anew(run: Path) -> None:
    first = alexnet.similar(run, from_="val")
    (run / "index/hidden-train.json").unlink()
    (run / "index/hidden-train.int8.npz").unlink()
    assert alexnet.similar(run, from_="val") == first
    assert not list((run / "index").glob(".*"))


def test_codes_are_learned_kept_and_searched(call, run: Path) -> None:
    code, _, err = call("similar", run, "--from", "val", "--codes", "--bits", 32)
    assert code == 1
    assert f"alexnet codes {run} --bits 32" in err.splitlines()[-1]
    code, out, _ = call("codes", run, "--bits", 32, "--steps", 20, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["bits"], told["bytes_a_picture"]) == (32, 4)
    code, out, _ = call("similar", run, "--from", "val", "--codes", "--bits", 32, "--json")
    distances = [each["distance"] for one in json.loads(out) for each in one["neighbours"]]
    assert code == 0
    assert all(distance == int(distance) and 0 <= distance <= 32 for distance in distances)
    assert call("similar", run, "--from", "val", "--codes", "--bits", 32)[1].count(" bits") >= 5


def test_kinds_of_code_are_compared(call, run: Path) -> None:
    code, out, _ = call("codes", run, "--compare", "--bits", "16,128", "--seeds", 1, "--steps", 60, "--json")
    rows = {(row["way"], row["bits"]): row for row in json.loads(out)}
    width = open_index(asked_of(run)).features.shape[1]
    assert code == 0
    assert rows["exact", 32 * width]["recall"] == 100
    assert rows["learned", 128]["recall"] > rows["learned", 16]["recall"] > 20
    assert rows["principal axes", 16]["bytes_a_picture"] == 2
    if width < 128:
        assert rows["principal axes", 128]["recall"] is None
    low, high = rows["learned", 128]["recall_interval"]
    assert low < rows["learned", 128]["recall"] < high
    assert "recall at 100" in call("codes", run, "--compare", "--bits", "16", "--seeds", 1, "--steps", 2)[1]


def test_features_agree_with_the_class_as_often_as_counted(call, run: Path, digits: Path) -> None:
    code, out, _ = call("similar", run, "--agreement", "--json")
    rows = {row["k"]: row for row in json.loads(out)}
    assert code == 0
    assert list(rows) == [1, 6, 20]
    packed, index = open_packed(digits), open_index(asked_of(run))
    val, labels = packed.split("val"), packed.split("train").labels
    pixels = val.pixels(np.arange(len(val)))
    nearest = brute_force(np.load(run / "index/hidden-train.npy"), index.queries(pixels), 6).numbers
    assert rows[6]["queries"] == len(val)
    assert rows[6]["features"] == pytest.approx(100 * (labels[nearest] == val.labels[:, None]).mean())
    by_pixels = pixel_neighbours(index, pixels, 6).numbers
    assert rows[6]["pixels"] == pytest.approx(100 * (labels[by_pixels] == val.labels[:, None]).mean())
    low, high = rows[6]["difference_interval"]
    assert low < rows[6]["difference"] < high
    assert "of the same class" in call("similar", run, "--agreement")[1]


def test_intervals_hold_what_they_promise() -> None:
    draw = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        low, high = mean_interval(draw.binomial(6, 0.3, 200) / 6)[1]
        held += low < 0.3 < high
    assert 0.92 < held / 400 < 0.98


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_sheet_is_drawn(call, run: Path, shots: Path, tmp_path: Path, kind: str) -> None:
    sheet = tmp_path / f"sheets/neighbours.{kind}"
    code, _, _ = call("similar", run, "--from", "val", "--sheet", sheet, "-k", 2)
    assert code == 0
    assert sheet.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")
    if kind == "png":
        height, width = np.asarray(Image.open(sheet)).shape[:2]
        assert 700 < width < height < 1.5 * width
    assert call("similar", run, shots / "003.png", "--sheet", sheet, "-k", 1)[0] == 0  # of unknown class


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "--from val"),
        (["a.png", "--from", "val"], 2, "not both"),
        (["nowhere.png"], 1, "no picture at nowhere.png"),
        (["--from", "test"], 2, "no split 'test'"),
        (["--from", "val", "--split", "test"], 2, "no split 'test'"),
        (["--from", "val", "--sheet", "sheet.jpg"], 2, ".png or an .svg"),
        (["a.png", "--agreement"], 2, "without pictures"),
        (["--from", "val", "--layer", "fc99"], 2, "no layer 'fc99'"),
    ],
)
def test_what_is_at_fault_is_said_in_one_line(call, trained: Path, words: list[str], code: int, said: str):
    got, out, err = call("similar", trained, *words)
    assert (got, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_codes_of_odd_lengths_are_refused(call, trained: Path) -> None:
    assert call("codes", trained, "--bits", 12)[0] == 2
    assert call("codes", trained, "--bits", "16,32")[0] == 2
    assert call("codes", trained, "--bits", "many")[0] == 2


def test_the_command_learns_as_long_as_the_function() -> None:
    assert inspect.signature(searching.codes).parameters["steps"].default == STEPS


def test_a_network_that_diverged_is_told(run: Path) -> None:
    opened = open_run(run)
    checkpoint = opened.checkpoint()
    assert checkpoint is not None
    weights = {name: torch.full_like(tensor, torch.nan) for name, tensor in checkpoint.weights().items()}
    opened.save(weights, checkpoint.optimizer(), checkpoint.state, steps=checkpoint.state["steps"] + 1)
    with pytest.raises(Problem, match="not finite"):
        alexnet.similar(run, from_="val", layer=HIDDEN)
