"""Trainings that start from published weights, and runs of such weights as they are."""

import json
import sys
from pathlib import Path

import pytest
import torch
from foreign_peers import BY_PEER, CROP, SIZE, normalised, pack, peer_of, recipe_for

import alexnet
from alexnet import cli
from alexnet.dataset.decode import decode
from alexnet.dataset.resize import fit
from alexnet.problem import Problem, UsageProblem
from alexnet.run import open_run
from alexnet.verbs.starting import class_names


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def resnet18(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(peer_of("torchvision resnet18").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def seven(resnet18: Path) -> Path:
    """The same network for seven classes."""
    torch.save(peer_of("torchvision resnet18", 7).state_dict(), resnet18.with_name("seven.pth"))
    return resnet18.with_name("seven.pth")


# without data


def test_weights_without_data_make_a_run_that_predicts_and_evaluates(
    resnet18: Path, packed: Path, tmp_path: Path
) -> None:
    names, out = tmp_path / "names.txt", tmp_path / "run"
    names.write_text("d\nc\n\nb\na\n")
    recipe = recipe_for(BY_PEER["torchvision resnet18"], crop=None, epochs=90)
    for _ in range(2):  # the same command goes on
        assert alexnet.train(recipe, None, out, init=resnet18, classes=names).epochs == 0
    run = open_run(out)
    assert run.classes == ("d", "c", "b", "a")
    assert run.recipe.epochs == 0
    assert (run.preprocessing.size, run.preprocessing.crop) == (256, 224)

    folder = packed.with_name("pictures")
    path = folder / "a/00.jpg"
    (answer,) = alexnet.predict(out, [path])
    view = torch.from_numpy(fit(decode(path.read_bytes()), 256, "crop")[None, 16:240, 16:240])
    with torch.inference_mode():
        logits = peer_of("torchvision resnet18")(normalised("torchvision resnet18", view))
    shares = dict(zip(run.classes, logits.softmax(1)[0].tolist(), strict=True))
    assert dict(answer.top or ()) == pytest.approx(shares, abs=1e-4)

    with pytest.raises(UsageProblem, match="made without data; say what to evaluate it on with --data"):
        alexnet.evaluate(out)
    alexnet.prepare(str(folder), tmp_path / "packed", size=256, val_fraction=0.25)
    assert alexnet.evaluate(out, data=tmp_path / "packed").images == 4
    with pytest.raises(Problem, match="other classes or was made of a data set"):
        alexnet.train(recipe, None, out, init=resnet18, classes=["a", "b", "c", "d"])


def test_what_is_missing_or_too_much_without_data(
    resnet18: Path, seven: Path, packed: Path, tmp_path: Path
) -> None:
    recipe, out = recipe_for(BY_PEER["torchvision resnet18"]), tmp_path / "run"
    four = ["a", "b", "c", "d"]
    with pytest.raises(
        UsageProblem, match="needs --data PACKED; without it, --init FILE and --classes NAMES"
    ):
        alexnet.train(recipe, None, out, init=resnet18)
    with pytest.raises(UsageProblem, match="--classes is for weights without data"):
        alexnet.train(recipe, packed, out, init=resnet18, classes=four)
    with pytest.raises(Problem, match=r"3 names of classes, but .*resnet18\.pth tells 4 apart"):
        alexnet.train(recipe, None, out, init=resnet18, classes=four[:3])
    with pytest.raises(Problem, match="crops 300 pixels but"):
        alexnet.train(recipe, None, out, init=resnet18, classes=four, assignments=["crop=300"])
    with pytest.raises(Problem, match=r"other classes than .* with its 4, and epochs=0 would leave"):
        alexnet.train(recipe, packed, out, init=seven)
    with pytest.raises(UsageProblem, match="nothing to plan"):
        alexnet.plan(recipe)
    assert not out.exists()


def test_names_of_classes(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("tench\n great white shark \n\ncrane\n", encoding="utf-8")
    assert class_names(file) == class_names(str(file)) == ("tench", "great white shark", "crane")
    assert class_names(["a", "b"]) == ("a", "b")
    with pytest.raises(Problem, match="two classes are named 'crane'"):
        class_names(["crane", "tench", "crane"])
    with pytest.raises(Problem, match=r"cannot read .*nowhere"):
        class_names(tmp_path / "nowhere")


def test_the_command_makes_such_a_run(
    resnet18: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names, recipe = tmp_path / "names.txt", tmp_path / "recipe.json"
    names.write_text("a\nb\nc\nd\n")
    recipe.write_text(recipe_for(BY_PEER["torchvision resnet18"]).model_dump_json())
    words = ["train", recipe, "--init", resnet18, "--classes", names, "--out", tmp_path / "run", "--json"]
    monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert json.loads(capsys.readouterr().out)["steps"] == 0
    assert open_run(tmp_path / "run").classes == ("a", "b", "c", "d")


# training on


def test_training_goes_on_from_the_file_with_its_preprocessing(
    seven: Path, packed: Path, tmp_path: Path
) -> None:
    foreign, file = BY_PEER["torchvision resnet18"], tmp_path / "seven.pth"
    file.write_bytes(seven.read_bytes())
    recipe = recipe_for(foreign, epochs=1, batch=4, frozen=["conv*", "norm*"], mean="image")
    alexnet.train(recipe, packed, tmp_path / "run", init=file)
    alexnet.train(recipe, packed, tmp_path / "run", init=file)
    run = open_run(tmp_path / "run")
    assert run.preprocessing.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])
    assert run.preprocessing.divisor.flatten().tolist() == pytest.approx([58.395, 57.12, 57.375])
    assert (run.preprocessing.size, run.preprocessing.crop) == (SIZE, CROP)
    before, after = foreign.ours(peer_of(foreign.peer, 7).state_dict()), run.network().state_dict()
    convolutions = [name for name in after if name.endswith("weight") and "fc" not in name]
    assert all(torch.equal(before[name], after[name]) for name in convolutions)
    assert after["fc.weight"].shape == (4, 512)

    state = peer_of(foreign.peer, 7).state_dict()
    torch.save(state | {"fc.bias": state["fc.bias"] + 1}, file)
    with pytest.raises(Problem, match=r"was not started from .*seven\.pth as it is now"):
        alexnet.train(recipe, packed, tmp_path / "run", init=file)


def test_a_start_that_was_cut_short_goes_on_from_the_same_file_only(
    resnet18: Path, packed: Path, tmp_path: Path
) -> None:
    file, out, recipe = tmp_path / "copy.pth", tmp_path / "run", recipe_for(BY_PEER["torchvision resnet18"])
    file.write_bytes(resnet18.read_bytes())
    alexnet.train(recipe, packed, out, init=file)
    whole = open_run(out).network().state_dict()
    for checkpoint in (out / "checkpoints").iterdir():
        checkpoint.unlink()
    alexnet.train(recipe, packed, out)
    again = open_run(out).network().state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    for checkpoint in (out / "checkpoints").iterdir():
        checkpoint.unlink()
    state = peer_of("torchvision resnet18").state_dict()
    torch.save(state | {"fc.bias": state["fc.bias"] + 1}, file)
    with pytest.raises(Problem, match="was not started from"):
        alexnet.train(recipe, packed, out)


def test_a_recipe_for_another_network_is_refused_with_both_names(
    resnet18: Path, packed: Path, tmp_path: Path
) -> None:
    recipe = recipe_for(BY_PEER["torchvision resnet18"], network="resnet34")
    with pytest.raises(
        Problem,
        match=r"holds torchvision resnet18, here resnet18, .* is for resnet34: .*--set network=resnet18",
    ):
        alexnet.train(recipe, packed, tmp_path / "run", init=resnet18)
    alexnet.train(recipe, packed, tmp_path / "run", init=resnet18, assignments=["network=resnet18"])


def test_options_that_change_the_shapes_are_refused_before_a_folder_is_made(
    resnet18: Path, packed: Path, tmp_path: Path
) -> None:
    recipe = recipe_for(BY_PEER["torchvision resnet18"], options={"stem": "3x3"})
    said = r"conv1\.weight is \[64, 3, 7, 7\] and should be \[64, 3, 3, 3\]"
    with pytest.raises(Problem, match=said):
        alexnet.train(recipe, packed, tmp_path / "run", init=resnet18)
    assert not (tmp_path / "run").exists()
