"""The verbs evaluate, calibrate and compare, and what the command line makes of them."""

import csv
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import alexnet
from alexnet import cli
from alexnet.dataset.packed import open_packed
from alexnet.evaluation.predictions import Predictions, load_predictions, save_predictions
from alexnet.evaluation.temperature import cross_fitted, fit_temperature, tempered
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.schedule import OneCycle
from alexnet.verbs.calibrate import calibrate
from alexnet.verbs.compare import compare, distinct
from alexnet.verbs.evaluate import evaluate, unmirrored
from alexnet.verbs.precise import precise


def recipe(seed: int) -> Recipe:
    return Recipe(
        name="small", network="lenet", options={"image": 12}, channels=1, mean="channel",
        divide_by="deviation", epochs=2, batch=64, seed=seed, learning_rate=OneCycle(peak=0.05),
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        alexnet.train(recipe(seed), digits, folder / f"seed{seed}")
        evaluate(folder / f"seed{seed}")
    return [folder / "seed0", folder / "seed1"]


@pytest.fixture
def run(runs: list[Path], tmp_path: Path) -> Path:
    """A run that may be written into."""
    return Path(shutil.copytree(runs[0], tmp_path / "run"))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


def saved(run: Path) -> Predictions:
    (path,) = (run / "scores").glob("*-val-center.safetensors")
    return load_predictions(path)[0]


def test_evaluation_tells_classes_confusions_and_calibration(call, runs: list[Path]) -> None:
    code, out, _ = call("evaluate", runs[0], "--json")
    found = json.loads(out)
    predictions = saved(runs[0])
    assert code == 0
    assert found["per_class"][3].keys() >= {"class", "precision", "recall", "f1", "top5_error", "answered"}
    assert sum(one["answered"] for one in found["per_class"]) == 359
    worst = found["most_confused"][0]
    label, answered = int(worst["class"]), int(worst["answered"])
    taken = (predictions.labels == label) & (predictions.probabilities.argmax(1) == answered)
    assert worst["images"] == int(taken.sum())
    assert found["most_confused_pairs"][0]["images"] >= worst["images"]
    assert 0 <= found["calibration"]["expected_error"] <= 1
    assert isinstance(found["calibration"]["by_chance"], bool)
    assert sum(one["images"] for one in found["calibration"]["bins"]) == 359
    assert "predictions" not in found


def test_words_say_the_same(call, runs: list[Path]) -> None:
    code, out, _ = call("evaluate", runs[0], "--per-class", "--precision", "0.8")
    assert code == 0
    assert "calibration error" in out
    assert "confused most" in out
    assert "mean over classes" in out
    assert "promised for others" in out
    assert "area under risk and coverage" in out


def test_the_matrix_is_written_in_every_kind(runs: list[Path], call, tmp_path: Path) -> None:
    for kind in ("json", "csv", "png", "svg"):
        code, _, _ = call("evaluate", runs[0], "--confusion", tmp_path / f"deep/c.{kind}", "--json")
        assert code == 0
    counts = np.array(json.loads((tmp_path / "deep/c.json").read_text())["counts"])
    assert counts.sum() == 359
    with (tmp_path / "deep/c.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["right class", *map(str, range(10))]
    assert [[int(cell) for cell in row[1:]] for row in rows] == counts.tolist()
    with Image.open(tmp_path / "deep/c.png") as picture:
        assert min(picture.size) > 400
    assert (tmp_path / "deep/c.svg").read_text().startswith("<?xml")
    code, _, _ = call(
        "evaluate", runs[0], "--confusion", tmp_path / "o.json", "--order", "clusters", "--json"
    )
    other = json.loads((tmp_path / "o.json").read_text())
    places = [int(name) for name in other["classes"]]
    assert sorted(places) == list(range(10))
    assert np.array_equal(np.array(other["counts"]), counts[np.ix_(places, places)])


def test_reliability_is_drawn(runs: list[Path], call, tmp_path: Path) -> None:
    code, _, _ = call("evaluate", runs[0], "--reliability", tmp_path / "r.png", "--json")
    assert code == 0
    with Image.open(tmp_path / "r.png") as picture:
        assert picture.size[0] > picture.size[1] > 400
    code, _, err = call("evaluate", runs[0], "--reliability", tmp_path / "r.csv")
    assert code == 2
    assert ".png, .svg" in err


def test_a_wanted_precision_is_reached_on_these_and_promised_for_others(runs: list[Path]) -> None:
    found = evaluate(runs[0])
    told = precise(found, 0.8).document()
    sure, right = found.predictions.probabilities.max(1)
    kept = sure.double() > told["seen"]["above"]
    assert told["seen"]["answered"] == int(kept.sum())
    assert told["seen"]["precision"] == pytest.approx(
        100 * float((right == found.predictions.labels)[kept].double().mean())
    )
    assert told["seen"]["precision"] >= 80
    assert told["promised"]["answered"] <= told["seen"]["answered"]
    assert len(told["per_class"]) == 10
    json.dumps(told)
    for wrong in (0.0, 1.0, 95.0):
        with pytest.raises(UsageProblem, match=r"such as 0\.95"):
            precise(found, wrong)


def test_a_temperature_is_fitted_kept_and_reported_on_other_pictures(run: Path, digits: Path) -> None:
    found = calibrate(run)
    predictions = saved(run)
    kept = json.loads((run / "calibration.json").read_text())
    assert kept["temperature"] == found.temperature.value == fit_temperature(predictions).value
    assert kept["images"] == 359
    assert kept["dataset"] == open_packed(digits).fingerprint
    assert kept["steps"] == open_run(run).checkpoint().state["steps"]  # type: ignore[union-attr]
    assert kept["versions"].keys() >= {"alexnet", "torch"}
    _, halves = cross_fitted(predictions)
    assert found.halves == tuple(half.value for half in halves)
    assert "other half" in found.how
    elsewhere = calibrate(run, fit_on="val", report_on="train")
    assert elsewhere.how == "fitted on val, reported on train"
    assert elsewhere.after.images == 1438
    with pytest.raises(UsageProblem, match="learned by heart"):
        calibrate(run, fit_on="train")


def test_predict_divides_by_the_temperature_and_says_so(
    run: Path, digits: Path, call, tmp_path: Path
) -> None:
    picture = tmp_path / "one.png"
    Image.fromarray(np.array(open_packed(digits).split("val").images[5])).save(picture)
    code, out, err = call("predict", run, picture, "--top", 10, "--json")
    before = {one["class"]: one["probability"] for one in json.loads(out)[0]["top"]}
    assert "temperature" not in err

    code, out, _ = call("evaluate", run, "--fit-temperature", "--json")
    temperature = json.loads(out)["temperature"]["temperature"]["value"]
    assert code == 0
    code, out, err = call("predict", run, picture, "--top", 10, "--json")
    after = {one["class"]: one["probability"] for one in json.loads(out)[0]["top"]}
    assert f"temperature {temperature:.3f}" in err
    shares = torch.tensor([[before[str(label)] for label in range(10)]])
    expected = tempered(shares.clamp_min(1e-6), temperature)[0]
    assert [after[str(label)] for label in range(10)] == pytest.approx(expected.tolist(), abs=2e-3)

    document = json.loads((run / "calibration.json").read_text())
    (run / "calibration.json").write_text(json.dumps(document | {"steps": 1}))
    code, out, err = call("predict", run, picture, "--top", 10, "--json")
    assert {one["class"]: one["probability"] for one in json.loads(out)[0]["top"]} == before
    assert "fit it again" in err


def test_a_temperature_is_of_one_run_and_one_view(runs: list[Path], call) -> None:
    for words in ((*runs,), (runs[0], "--views", "mirror")):
        code, _, err = call("evaluate", *words, "--fit-temperature")
        assert code == 2
        assert "one run and one view" in err


def test_mirrored_views_of_a_run_that_saw_none_are_named(runs: list[Path], call) -> None:
    code, out, err = call("evaluate", runs[0], "--views", "mirror", "--json")
    (note,) = json.loads(out)["notes"]
    assert code == 0
    assert "trained without mirrored pictures" in note
    assert f"alexnet: {note}\n" in err
    assert evaluate(runs[0]).notes == []
    opened = open_run(runs[0])
    mirrored = replace(opened, recipe=opened.recipe.model_copy(update={"flip": True}))
    assert unmirrored([mirrored], "ten") == []
    assert len(unmirrored([opened, opened], "ten")) == 2


def test_a_network_of_nan_is_wrong_everywhere_and_has_no_calibration(run: Path) -> None:
    (path,) = (run / "scores").glob("*-val-center.safetensors")
    predictions, facts = load_predictions(path)
    save_predictions(
        Predictions(torch.full_like(predictions.probabilities, float("nan")), predictions.labels), path, facts
    )
    found = evaluate(run)
    assert found.top1_error == 100
    assert found.calibration is None
    assert found.most_confused == []
    assert found.document()["calibration"] is None


def test_runs_are_compared_on_the_same_pictures(runs: list[Path], call) -> None:
    code, out, _ = call("compare", *runs, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["runs"][0]["top1_error"] <= found["runs"][1]["top1_error"]
    (pair,) = found["pairs"]
    wrong = [saved(one).probabilities.argmax(1) != saved(one).labels for one in runs]
    assert pair["mcnemar"]["only_first"] == int((wrong[0] & ~wrong[1]).sum())
    assert pair["difference"]["points"] == pytest.approx(
        100 * (float(wrong[1].double().mean()) - float(wrong[0].double().mean()))
    )
    assert pair["noise"] == (pair["adjusted_p"] >= 0.05)
    code, out, _ = call("compare", *runs)
    assert pair["reading"] in out
    assert "McNemar" in out


def test_runs_of_other_data_are_refused_in_one_line(run: Path, runs: list[Path], call) -> None:
    model = json.loads((run / "model.json").read_text())
    model["dataset"]["fingerprint"] = "0" * 64
    (run / "model.json").write_text(json.dumps(model))
    code, _, err = call("compare", runs[0], run)
    assert code == 1
    assert err.count("\n") == 1
    assert "--data PACKED" in err
    assert (
        compare([runs[0], run], data=model["dataset"]["path"]).pairs[0].reading == "this difference is noise"
    )
    with pytest.raises(Problem, match="two runs or more"):
        compare([run])
    with pytest.raises(UsageProblem, match="named twice"):
        distinct([run, run])
