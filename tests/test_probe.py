"""`alexnet probe` over networks of several families, grey and colour, as a function and as a command."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import alexnet
from alexnet import cli
from alexnet.dataset.packed import open_packed
from alexnet.networks import create, last_layers
from alexnet.probing.features import hidden_features
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import Run, open_run
from alexnet.verbs.prepare import prepare
from alexnet.verbs.probe import PROBES, Choice
from alexnet.verbs.probe.chosen import spread
from alexnet.verbs.probe.whole import weight_of_heads
from alexnet.verbs.starting import opened

FAMILIES = {  # channels, crop, a convolution by name
    "alexnet-2012-64": (3, 56, "conv3"),
    "lenet": (1, 28, "conv3"),
    "vgg-32": (3, 32, "conv2_1"),
    "resnet20": (3, 32, "conv1"),
    "googlenet-64": (3, 64, "conv2"),
}
VAL = Choice("val", 2)
KINDS = {"png": b"\x89PNG", "svg": b"<?xml", "json": b"{"}


def draw(root: Path) -> Path:
    """Two classes of pictures in two splits: a disc on grey, a band on noise."""
    chance = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :64]
    for split, count in (("train", 16), ("val", 6)):
        for name in ("band", "disc"):
            for number in range(count):
                pixels = np.full((64, 64, 3), 110, np.uint8) + chance.integers(0, 9, (64, 64, 3), np.uint8)
                row, column = chance.integers(16, 48, 2)
                where = (
                    (rows - row) ** 2 + (columns - column) ** 2 < 100
                    if name == "disc"
                    else rows // 8 % 2 == 0
                )
                pixels[where] = chance.integers(0, 256, 3)
                path = root / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> dict[str, Run]:
    """A run of each family as if one step had been taken, on a pack of its own size."""
    folder, made = tmp_path_factory.mktemp("runs"), {}
    for name, (channels, crop, _) in FAMILIES.items():
        size = 64 if crop > 32 else crop
        if not (packed := folder / f"packed-{size}").exists():
            prepare(pictures, packed, size=size)
        recipe = Recipe(
            name=name, network=name, channels=channels, crop=crop, mean="channel", divide_by=64, epochs=2,
            learning_rate=0.01, seed=3,
        )  # fmt: skip
        run = opened(recipe, open_packed(packed), folder / name, None)
        torch.manual_seed(7)
        weights = create(name, classes=2, channels=channels, seed=6).state_dict()
        run.save(dict(weights), {}, {"steps": 1}, steps=1)
        lines = [{"epoch": 1, "step": 1, "training_loss": 0.5, "validation_loss": 0.6, "top1_error": 40.0,
                  "top5_error": 0.0}, {"epoch": 2, "step": 2, "training_loss": 0.3, "validation_loss": 0.9,
                  "top1_error": 50.0, "top5_error": 0.0}]  # fmt: skip
        run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
        made[name] = run
    return made


def whole(files: list[str]) -> None:
    """The three files of a probe are there and are what they are called."""
    assert [Path(file).suffix[1:] for file in files] == list(KINDS)
    for file in map(Path, files):
        assert file.read_bytes().startswith(KINDS[file.suffix[1:]])
        assert not file.with_name(f".{file.name}.partial").exists()


OPTIONS = {
    "activations": {"choice": Choice("val", 1)},
    "units": {"count": 3, "unit": (0, 1)},
    "top5": {"choice": VAL},
    "mistake": {"choice": VAL},
    "saliency": {"choice": VAL},
    "gradcam": {"choice": VAL},
    "occlusion": {"choice": VAL},
    "gradients": {"count": 4},
    "texture": {"grids": (2,), "count": 6},
}


@pytest.mark.parametrize("what", PROBES)
def test_every_probe_of_the_network_of_2012(what, runs, tmp_path):
    result = alexnet.probe(runs["alexnet-2012-64"], what, out=tmp_path, **OPTIONS.get(what, {}))
    whole(result.files)
    assert json.loads(Path(result.files[2]).read_text()) == json.loads(json.dumps(result.document()))
    assert result.words


@pytest.mark.parametrize("what", ["activations", "units", "gradcam"])
@pytest.mark.parametrize("name", ["vgg-32", "resnet20", "googlenet-64"])
def test_the_other_families(name, what, runs, tmp_path):
    layer = {"layer": FAMILIES[name][2]} if what in ("activations", "units", "gradcam") else {}
    options = OPTIONS.get(what, {}) | layer
    whole(alexnet.probe(runs[name], what, out=tmp_path, **options).files)


def test_two_columns_are_told_apart_and_tested(runs, tmp_path):
    found = alexnet.probe(runs["alexnet-2012-64"], "kernels", out=tmp_path).numbers
    row = found["rows"][0]
    assert row["columns"] == 2
    assert len(row["column_means"]) == 2
    assert found["p_value"] == row["p_value"] > 0.01  # drawn, not trained
    weights = runs["alexnet-2012-64"].weights()["conv1.weight"]
    assert [kernel["norm"] for kernel in row["kernels"]] == pytest.approx(
        weights.flatten(1).norm(dim=1).tolist(), abs=1e-5
    )


def test_several_runs_are_tested_together(runs, tmp_path):
    path = str(runs["alexnet-2012-64"].path)
    found = alexnet.probe(path, "kernels", [path], out=tmp_path)
    assert len(found.numbers["rows"]) == 2
    assert "over 2 runs" in found.words[-1]


def test_over_time_shows_the_start_and_says_which_checkpoints_there_are(runs, tmp_path):
    run = runs["lenet"]
    found = alexnet.probe(run, "kernels", out=tmp_path, over_time=True)
    titles = [row["title"] for row in found.numbers["rows"]]
    assert titles == ["before training", "after 1 steps"]
    start = run.build().state_dict()["conv1.weight"].flatten(1).norm(dim=1)
    norms = [kernel["norm"] for kernel in found.numbers["rows"][0]["kernels"]]
    assert norms == pytest.approx(start.tolist(), abs=1e-5)
    assert "checkpoints after 1 steps" in found.words[-1]
    with pytest.raises(UsageProblem, match="one run"):
        alexnet.probe(run, "kernels", [run.path], out=tmp_path, over_time=True)


def test_activations_are_what_the_layer_answers_to_the_prepared_view(runs, tmp_path):
    run = runs["vgg-32"]
    found = alexnet.probe(run, "activations", out=tmp_path, choice=Choice("val", 1), layer="conv1_1").numbers
    part = open_packed(run.dataset["path"]).split("val")
    number = part.sources(range(len(part))).index(found["image"])
    pixels = torch.from_numpy(np.array(part.pixels([number])))
    weights = run.weights()
    maps = torch.nn.functional.conv2d(
        run.preprocessing(pixels), weights["conv1_1.weight"], weights.get("conv1_1.bias"), padding=1
    )[0]
    assert [each["mean"] for each in found["maps"]] == pytest.approx(maps.mean((1, 2)).tolist(), abs=1e-4)


def test_a_file_is_prepared_and_known_by_its_folder(runs, pictures, tmp_path):
    run = runs["vgg-32"]
    files = [pictures / "val" / "disc" / "0.png", pictures / "val" / "band" / "1.png"]
    told = alexnet.probe(run, "top5", files, out=tmp_path).numbers["pictures"]
    assert [each["class"] for each in told] == ["disc", "band"]
    answers = alexnet.predict(run.path, files)
    for one, answer in zip(told, answers, strict=True):
        assert answer.top is not None
        assert [each["class"] for each in one["top"]] == [name for name, _ in answer.top]
        assert one["top"][0]["probability"] == pytest.approx(answer.top[0][1], abs=1e-5)
        assert one["top1_right"] == (one["top"][0]["class"] == one["class"])


def test_wrong_ones_are_wrong(runs, tmp_path):
    told = alexnet.probe(runs["vgg-32"], "top5", out=tmp_path, choice=Choice("val", 3, wrong=True)).numbers
    assert [each["top1_right"] for each in told["pictures"]] == [False] * 3


def test_off_centre_ones_are_right_and_off_the_middle(runs, tmp_path):
    found = alexnet.probe(runs["vgg-32"], "top5", out=tmp_path, choice=Choice("train", 3, off_centre=True))
    for each in found.numbers["pictures"]:
        assert each["top1_right"]
        assert max(abs(side - 16) for side in each["middle"]) > 2


def test_units_find_what_a_full_pass_finds(runs, tmp_path):
    run = runs["lenet"]
    found = alexnet.probe(run, "units", out=tmp_path, layer="conv3", unit=(4,), count=2).numbers
    assert found["field"][0]["size"] > 5
    part = open_packed(run.dataset["path"]).split("train")
    network, kept = run.network(), []
    network.get_submodule("conv3").register_forward_hook(lambda *given: kept.append(given[2]))
    with torch.no_grad():
        network(run.preprocessing(torch.from_numpy(part.pixels(range(len(part))))))
    values, order = kept[0][:, 4].flatten(1).amax(1).sort(descending=True, stable=True)
    patches = found["units"][0]["patches"]
    assert [each["source"] for each in patches] == part.sources(order[:2].tolist())
    assert [each["value"] for each in patches] == pytest.approx(values[:2].tolist(), rel=1e-4)


def test_a_mistake_stands_beside_the_nearest_of_both_classes(runs, tmp_path):
    run = runs["vgg-32"]
    choice = Choice("val", 1, wrong=True)
    (told,) = alexnet.probe(run, "mistake", out=tmp_path, choice=choice).numbers["pictures"]
    assert not told["right"]
    assert {told["answer"]["class"], told["other"]["class"]} == {"band", "disc"}
    for side in ("answer", "other"):
        distances = [each["distance"] for each in told[side]["nearest"]]
        assert distances == sorted(distances)
        assert len(distances) == 6
        assert all(f"/{told[side]['class']}/" in f"/{each['source']}" for each in told[side]["nearest"])


def test_a_training_picture_is_nearest_to_itself(runs, pictures, tmp_path):
    file = pictures / "train" / "disc" / "3.png"
    (told,) = alexnet.probe(runs["lenet"], "mistake", [file], out=tmp_path).numbers["pictures"]
    (side,) = (told[key] for key in ("answer", "other") if told[key]["class"] == "disc")
    assert side["nearest"][0]["source"].endswith("disc/3.png")
    assert side["nearest"][0]["distance"] == pytest.approx(0.0, abs=1e-3)


def test_hidden_features_are_what_the_last_layer_reads():
    network = create("alexnet-2012-32", classes=4).eval()
    images = torch.randn(2, 3, 28, 28)
    features = hidden_features(network, images)
    last = network.get_submodule(last_layers(network)[-1])
    with torch.no_grad():
        torch.testing.assert_close(last(features), network(images))


def test_spread_covers_a_split_evenly():
    assert spread(2500, 50).tolist() == [25 + 50 * place for place in range(50)]
    assert spread(2, 10).tolist() == [0, 1]


def test_heads_are_weighed(runs):
    assert weight_of_heads(runs["googlenet-64"]) == pytest.approx(1.6)
    assert weight_of_heads(runs["vgg-32"]) == 1.0


def test_gradients_against_a_plain_network(runs, tmp_path):
    found = alexnet.probe(runs["resnet20"], "gradients", out=tmp_path, count=4, against="plain20").numbers
    titles = [one["title"] for one in found["networks"]]
    assert titles == ["resnet20, before training", "plain20, before training"]
    assert all(len(one["layers"]) == 20 for one in found["networks"])


def test_texture_counts_and_its_changes(runs, tmp_path):
    found = alexnet.probe(runs["vgg-32"], "texture", out=tmp_path, count=8, split="train").numbers
    by = {one["pictures_are"]: one for one in found["changes"]}
    assert list(by) == [
        "as they are", "grey", "2 × 2 patches shuffled", "4 × 4 patches shuffled", "edges", "silhouettes",
    ]  # fmt: skip
    assert by["edges"]["images"] == 8
    assert by["silhouettes"]["images"] <= 8
    assert found["chance"] == 50.0


@pytest.mark.parametrize(
    ("what", "things", "options", "words"),
    [
        ("colours", (), {}, "no probe named 'colours'; there are kernels, "),
        ("activations", (), {"choice": VAL, "layer": "conv3"}, "one picture at a time, not 2"),
        ("activations", (), {"choice": Choice("val", 1), "layer": "conv9"}, "there are .*conv1_1"),
        ("units", (), {"layer": "conv1_1", "unit": (3, 99)}, "no unit 99; it has 32: 0 … 31"),
        ("units", (), {"layer": "conv9"}, "there are .*conv1_1"),
        ("gradcam", (), {"choice": VAL, "layer": "fc8"}, "answers no maps"),
        ("top5", (), {}, "name pictures, or take them from a split"),
        ("top5", ("a.png",), {"choice": Choice(wrong=True)}, "look through a split"),
        ("top5", (), {"choice": Choice("test")}, "no split 'test'"),
        ("mistake", (), {"choice": VAL, "truth": "dog"}, "no class 'dog'; it knows band, disc"),
        ("occlusion", (), {"choice": VAL, "patch": 40}, "<= 32"),
        ("gradients", (), {"against": "plain9"}, "no network named 'plain9'"),
        ("texture", (), {"grids": (20,)}, "take a grid of"),
        ("texture", ("a.png",), {}, "takes neither pictures nor further runs"),
        ("curves", (), {"layer": "conv1"}, "unexpected keyword argument 'layer'"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_what_there_is(what, things, options, words, runs, tmp_path):
    with pytest.raises(UsageProblem, match=words):
        alexnet.probe(runs["vgg-32"], what, things, out=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_words_name_the_classes(runs, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("band\tstripe, stripes\ndisc\tround thing\n")
    said = alexnet.probe(runs["vgg-32"], "mistake", out=tmp_path, words=words, choice=Choice("val", 1)).words
    assert "stripe" in said[0] or "round thing" in said[0]
    words.write_text("band stripe\n")
    with pytest.raises(Problem, match="a class, a tab and its name"):
        alexnet.probe(runs["vgg-32"], "curves", out=tmp_path, words=words)


def test_side_heads_answer_in_training_only(runs, tmp_path):
    (side,) = last_layers(runs["googlenet-64"].build())[:1]
    with pytest.raises(UsageProblem, match="in training only"):
        alexnet.probe(runs["googlenet-64"], "activations", out=tmp_path, choice=Choice("val", 1), layer=side)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


COMMANDS = {
    "kernels": ["--over-time"],
    "activations": ["--from", "val", "--layer", "conv1", "--most", "4"],
    "units": ["--layer", "conv1", "--unit", "0,2", "--count", "2"],
    "top5": ["--from", "val", "--count", "2"],
    "mistake": ["--from", "val", "--count", "1"],
    "saliency": ["--from", "val", "--count", "1"],
    "gradcam": ["--from", "val", "--count", "1", "--layer", "conv1"],
    "occlusion": ["--from", "val", "--count", "1", "--patch", "14", "--stride", "14"],
    "gradients": ["--count", "2", "--against", "lenet"],
    "texture": ["--grids", "2", "--count", "2"],
    "curves": [],
}


@pytest.mark.parametrize("what", COMMANDS)
def test_every_probe_is_a_command_and_takes_a_grey_network(what, call, runs):
    run = runs["lenet"].path
    code, out, _ = call("probe", run, what, *COMMANDS[what], "--json")
    document = json.loads(out)
    assert code == 0
    assert document["probe"] == what
    assert {Path(file).parent for file in document["files"]} == {run / "probes"}
    whole(document["files"])


def test_every_probe_has_a_command():
    assert list(COMMANDS) == list(PROBES)


def test_the_path_is_printed_and_words_say_what_was_found(call, runs):
    code, out, _ = call("probe", runs["lenet"].path, "curves")
    assert code == 0
    assert "over-fits since epoch 1" in " ".join(out.split())
    assert "curves.png" in out


def test_faults_have_their_exit_codes(call, runs, tmp_path):
    run = runs["lenet"].path
    code, _, err = call("probe", run, "activations", "--from", "val", "--layer", "conv9")
    assert code == 2
    assert "there are conv1" in err
    assert call("probe", run, "units", "--unit", "a,b")[0] == 2
    assert call("probe", run, "colours")[0] == 2
    code, _, err = call("probe", run)
    assert code == 2
    assert "kernels, activations, units" in err
    assert call("probe", tmp_path, "kernels")[0] == 1
    code, _, err = call("probe", run, "top5", tmp_path / "none.png")
    assert code == 1
    assert "no picture at" in err


def test_a_run_without_weights_or_without_an_epoch(runs, tmp_path):
    source = runs["lenet"]
    recipe = source.recipe
    empty = opened(recipe, open_packed(source.dataset["path"]), tmp_path / "empty", None)
    with pytest.raises(Problem, match="no weights yet"):
        alexnet.probe(empty.path, "kernels")
    with pytest.raises(Problem, match="no whole epoch yet"):
        alexnet.probe(open_run(empty.path), "curves")
