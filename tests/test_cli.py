import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet import cli
from alexnet.networks import NETWORKS
from alexnet.recipe import Recipe


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
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    import alexnet
    from alexnet.schedule import OneCycle

    recipe = Recipe(
        name="small",
        network="lenet",
        options={"image": 12},
        channels=1,
        mean="channel",
        divide_by="deviation",
        epochs=3,
        batch=64,
        learning_rate=OneCycle(peak=0.05),
    )
    run = tmp_path_factory.mktemp("runs") / "small"
    alexnet.train(recipe, digits, run)
    return run


def test_networks_counts_what_the_paper_has(call) -> None:
    code, out, _ = call("networks", "--json")
    zoo = {one["name"]: one for one in json.loads(out)}
    assert code == 0
    assert list(zoo) == list(NETWORKS)
    assert zoo["alexnet"]["parameters"] == 60_965_224
    assert zoo["alexnet"]["multiply_adds"] == 724_406_816
    assert zoo["alexnet"]["input"] == [3, 224, 224]


def test_one_network_layer_by_layer(call) -> None:
    code, out, _ = call("networks", "alexnet", "--json")
    document = json.loads(out)
    layers = {layer["name"]: layer for layer in document["layers"]}
    assert code == 0
    assert layers["conv1"]["output"] == [96, 55, 55]
    assert sum(layer["parameters"] for layer in layers.values()) == document["parameters"]
    code, out, _ = call("networks", "alexnet")
    assert "60,965,224" in out
    assert "61.9%" in out  # fc6's share


def test_the_whole_way_as_json(call, digits: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(
        Recipe(
            name="r", network="lenet", options={"image": 12}, channels=1, epochs=1, learning_rate=0.01
        ).model_dump_json()
    )
    code, out, _ = call("train", recipe, "--data", digits, "--out", tmp_path / "run", "--json")
    assert code == 0
    assert json.loads(out).keys() >= {
        "run", "epochs", "steps", "seconds", "images_per_second",
        "data_seconds", "compute_seconds", "top1_error", "top5_error",
    }  # fmt: skip
    code, out, _ = call("evaluate", tmp_path / "run", "--views", "mirror", "--json")
    assert code == 0
    document = json.loads(out)
    assert document.keys() >= {
        "images", "views", "top1_error", "top1_interval", "top5_error", "top5_interval", "per_class",
    }  # fmt: skip
    assert document["per_class"][0]["class"] == "0"


def test_several_runs_are_averaged_with_weights_from_another_split(call, trained: Path, digits: Path) -> None:
    code, out, _ = call("evaluate", trained, trained, "--weights-from", "train", "--json")
    assert code == 0
    assert len(json.loads(out)["weights"]) == 2
    code, _, err = call("evaluate", trained, trained, "--weights-from", "val")
    assert code == 2
    assert "search them on another split" in err


def test_predict_answers_all_and_reports_the_unreadable(call, trained: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "a good one.png", tmp_path / "bad.png"
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(good)
    bad.write_bytes(good.read_bytes()[:40])
    code, out, _ = call("predict", trained, tmp_path, "--top", 3, "--json")
    answers = json.loads(out)
    assert code == 1
    assert [answer["image"] for answer in answers] == [str(good), str(bad)]
    assert len(answers[0]["top"]) == 3
    assert answers[0]["error"] is None
    assert answers[1]["top"] is None
    assert answers[1]["error"]
    code, out, _ = call("predict", trained, tmp_path / "a*.png")
    assert code == 0
    assert "%" in out


def test_a_picture_is_answered_as_in_evaluation(call, trained: Path, digits: Path, tmp_path: Path) -> None:
    from alexnet.dataset.packed import open_packed
    from alexnet.evaluation.predictions import load_predictions

    code, _, _ = call("evaluate", trained, "--json")
    (saved,) = (trained / "scores").glob("*-val-center.safetensors")
    predictions, _ = load_predictions(saved)
    images = open_packed(digits).split("val").images
    for number in (0, 7, 100):
        Image.fromarray(np.array(images[number])).save(tmp_path / f"{number:03d}.png")
    code, out, _ = call("predict", trained, tmp_path, "--top", 10, "--json")
    assert code == 0
    for answer, number in zip(json.loads(out), (0, 7, 100), strict=True):
        expected = predictions.probabilities[number]
        for one in answer["top"]:
            assert one["probability"] == pytest.approx(expected[int(one["class"])].item(), abs=1e-5)


def test_a_dry_run_trains_nothing(call, digits: Path, tmp_path: Path) -> None:
    words = ("train", "lenet-digits", "--data", digits, "--set", "options.image=12", "--dry-run")
    code, out, _ = call(*words, "--json")
    plan = json.loads(out)
    assert code == 0
    assert plan["steps"] == plan["epochs"] * (1438 // 64)
    assert plan["seconds"] > 0
    assert len(plan["schedule"]) == plan["epochs"]
    code, out, _ = call(*words)
    assert "ILSVRC-2012" in out
    assert "five to six days" in out


def rewritten(run: Path, to: Path, **changes: object) -> Path:
    shutil.copytree(run, to)
    model = json.loads((to / "model.json").read_text())
    (to / "model.json").write_text(json.dumps(model | changes))
    return to


def test_a_run_of_another_format_or_a_damaged_one_is_named(call, trained: Path, tmp_path: Path) -> None:
    other = rewritten(trained, tmp_path / "other", format=7)
    code, _, err = call("evaluate", other)
    assert code == 1
    assert "format 7" in err
    torn = rewritten(trained, tmp_path / "torn")
    (weights,) = (torn / "checkpoints").glob("*.weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    code, _, err = call("evaluate", torn, "--views", "mirror")
    assert code == 1
    assert "cannot read" in err
    (torn / "model.json").write_text("{")
    assert call("evaluate", torn)[0] == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train", "lenett", "--data", "x", "--out", "y"], 2, "no recipe named 'lenett'"),
        (["train", "lenet-mnist", "--data", "x", "--out", "y"], 1, "alexnet prepare"),
        (
            ["train", "lenet-mnist", "--data", "x", "--out", "y", "--set", "epoch=1"],
            2,
            "did you mean 'epochs'",
        ),
        (["train", "lenet-mnist"], 2, "--data PACKED and --out RUN"),
        (["train", "lenet-mnist", "--dry-run", "--device", "mars"], 1, "no device 'mars'"),
        (["networks", "alexnett"], 2, "did you mean 'alexnet'"),
        (["evaluate", "nowhere"], 1, "no run at nowhere"),
        (["prepare", "nowhere", "packed"], 1, "nowhere"),
        (["prepare", "digits", "packed", "--encoding", "zip"], 2, "zip"),
        (["prepare", "digits", "packed", "--fit", "bend"], 2, "bend"),
        (["juggle"], 2, "No such command"),
        (["prepare"], 2, "Missing argument"),
    ],
)
def test_what_is_at_fault_is_said_in_one_line(
    call, words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    got, out, err = call(*words)
    assert (got, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_is_quick_and_every_verb_has_an_example(call) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "alexnet", "--help"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "torch" not in {line.rsplit("|")[-1].strip() for line in shown.stderr.splitlines()}
    for verb in ("demo", "doctor", "prepare", "train", "evaluate", "predict", "networks", "ablate"):
        assert verb in shown.stdout
        code, out, _ = call(verb, "--help")
        assert code == 0
        assert f"alexnet {verb}" in out


def test_doctor_fails_where_training_would_be_spoilt(call, tmp_path: Path) -> None:
    for split, shade in (("train", 10), ("val", 10)):
        for name in ("cat", "dog"):
            folder = tmp_path / "pictures" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                colour = shade + 40 * number + (100 if name == "dog" else 0)
                Image.new("RGB", (8, 8), (colour, 0, 0)).save(folder / f"{number}.png")
    code, out, _ = call("doctor", tmp_path / "pictures", "--json")
    assert code == 1
    assert not json.loads(out)["ok"]
    shutil.rmtree(tmp_path / "pictures" / "val")
    code, out, _ = call("doctor", tmp_path / "pictures")
    assert code == 0


def test_help_leaves_out_what_it_does_not_use_and_nothing_else_misses_it() -> None:
    light = "from alexnet.cli.light_help import UNUSED, import_lightly; import_lightly(); import sys; "
    light += "assert 'typer.rich_utils' in sys.modules; assert not set(UNUSED) & set(sys.modules); "
    show = "import sys; from rich.console import Console; from rich.markdown import Markdown; "
    show += "from alexnet.cli import main; Console().print(Markdown('# still here')); "
    show += "sys.argv = ['alexnet', '--help']; main()"
    shown = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for code in (light + show, show.replace("from alexnet", "import typer.rich_utils; from alexnet"))
    ]
    assert "still here" in shown[0]
    assert shown[0] == shown[1]
