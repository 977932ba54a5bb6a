"""Answers for pictures from anywhere, and a competition's CSV of them."""

import csv
import io
import json
import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet.batches.preprocessing import Preprocessing
from alexnet.cli import main
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.run import create_run
from alexnet.verbs.predict import STDIN, Scored, predict
from alexnet.verbs.submission import read_template, submit


def drawn(path, seed):
    """A LeNet with drawn weights: what it says does not matter here."""
    recipe = Recipe(
        name="small", network="lenet", options={"image": 12}, channels=1, epochs=1, learning_rate=0.01,
        seed=seed,
    )  # fmt: skip
    how = Preprocessing(12, "crop", 12, 1, torch.full((1, 1, 1), 120.0), torch.full((1, 1, 1), 60.0))
    made = create_run(
        path,
        recipe,
        classes=("cat", "dog", "owl"),
        preprocessing=how,
        dataset={"path": None, "fingerprint": None},
    )
    made.save(made.build().state_dict(), {}, {"steps": 0, "epoch": 0}, steps=0)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("runs") / "drawn", seed=0)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("runs") / "other", seed=1)


@pytest.fixture
def pictures(tmp_path):
    """Three pictures and one that is damaged."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed, name in enumerate(("10.png", "2.png", "a1.png")):
        picture(seed).save(folder / name)
    (folder / "bad.png").write_bytes((folder / "2.png").read_bytes()[:60])
    return folder


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8))


class Stdin:
    def __init__(self, content):
        self.buffer = io.BytesIO(content)


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", Stdin(stdin))
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


def test_paths_come_by_standard_input(call, run, pictures):
    lines = f"{pictures / '2.png'}\n\n{pictures / 'gone.png'}\n{pictures / '10.png'}\n"
    code, out, _ = call("predict", run, "-", "--json-lines", "--top", 2, stdin=lines.encode())
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [answer["image"].rpartition("/")[2] for answer in answers] == ["2.png", "gone.png", "10.png"]
    assert [len(answer["top"] or ()) for answer in answers] == [2, 0, 2]
    assert answers[1]["error"] == "No such file or directory"


def test_a_picture_comes_by_standard_input(call, run, pictures):
    content = (pictures / "2.png").read_bytes()
    code, out, _ = call("predict", run, "-", "--json", stdin=content)
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["image"] == STDIN
    (expected,) = predict(run, [pictures / "2.png"])
    assert answer["top"] == expected.document()["top"]


def test_damaged_pictures_are_told_of_and_the_others_answered(run, pictures):
    answers = predict(run, [pictures], batch=2)
    assert [answer.image.rpartition("/")[2] for answer in answers] == ["10.png", "2.png", "a1.png", "bad.png"]
    assert [answer.error is None for answer in answers] == [True, True, True, False]
    assert all(sum(share for _, share in answer.top) == pytest.approx(1) for answer in answers[:3])
    alone = predict(run, [pictures / "a1.png"])
    assert [name for name, _ in alone[0].top] == [name for name, _ in answers[2].top]


def test_engines_answer_alike(run, pictures, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    expected = predict(run, [pictures / "2.png"])
    for engine in ("onnx", "openvino", "auto"):
        (answer,) = predict(run, [pictures / "2.png"], engine=engine, device="cpu")
        for (name, share), (same, other) in zip(answer.top, expected[0].top, strict=True):
            assert (name, share) == (same, pytest.approx(other, abs=1e-5))


def test_an_unknown_engine_is_one_line(call, run, pictures):
    code, _, err = call("predict", run, pictures, "--engine", "caffe")
    assert code == 2
    assert err == "alexnet: no engine 'caffe'; there are torch, onnx, openvino, auto\n"


def scored(*names):
    rows = np.random.default_rng(0).dirichlet(np.ones(3), len(names)).astype(np.float32)
    return [Scored(f"test/{name}", row) for name, row in zip(names, rows, strict=True)]


def template(folder, text):
    path = folder / "sample_submission.csv"
    path.write_text(text)
    return read_template(path)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


CLASSES = ("cat", "dog", "owl")


def test_labels_stand_in_the_order_that_the_template_asks(tmp_path):
    answers = scored("10.png", "2.png", "a1.png")
    asked = template(tmp_path, "id,species\n2,cat\na1.png,cat\n10,cat\n")
    result = submit(tmp_path / "mine.csv", answers, CLASSES, asked)
    best = {answer.name: CLASSES[answer.scores.argmax()] for answer in answers}
    assert rows_of(tmp_path / "mine.csv") == [
        ["id", "species"],
        ["2", best["test/2.png"]],
        ["a1.png", best["test/a1.png"]],
        ["10", best["test/10.png"]],
    ]
    assert (result.rows, result.guessed) == (3, [])


def test_probabilities_stand_in_the_columns_that_the_template_has(tmp_path):
    answers = scored("1.png", "2.png")
    asked = template(tmp_path, "image,owl,cat,dog\n2,0.3,0.3,0.3\n1,0.3,0.3,0.3\n")
    submit(tmp_path / "mine.csv", answers, CLASSES, asked)
    header, second, first = rows_of(tmp_path / "mine.csv")
    assert header == ["image", "owl", "cat", "dog"]
    for row, answer in ((first, answers[0]), (second, answers[1])):
        assert [float(share) for share in row[1:]] == pytest.approx(answer.scores[[2, 0, 1]].tolist())


def test_one_column_of_a_class_is_its_probability(tmp_path):
    answers = scored("1.png")
    submit(tmp_path / "mine.csv", answers, CLASSES, template(tmp_path, "id,dog\n1,0.5\n"))
    assert float(rows_of(tmp_path / "mine.csv")[1][1]) == pytest.approx(answers[0].scores[1])


def test_labels_are_numbers_where_the_templates_are(tmp_path):
    answers = scored("1.png")
    submit(tmp_path / "mine.csv", answers, CLASSES, template(tmp_path, "id,label\n1,0\n"))
    assert rows_of(tmp_path / "mine.csv")[1] == ["1", str(answers[0].scores.argmax())]
    digits = ("7", "8", "9")
    submit(tmp_path / "mine.csv", answers, digits, template(tmp_path, "id,label\n1,0\n"))
    assert rows_of(tmp_path / "mine.csv")[1] == ["1", digits[answers[0].scores.argmax()]]


def test_without_a_template_every_picture_has_a_row(tmp_path):
    answers = scored("b.png", "a.png")
    submit(tmp_path / "mine.csv", answers, CLASSES, None)
    assert [row[0] for row in rows_of(tmp_path / "mine.csv")] == ["id", "b", "a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\n1,cat\n7,cat\n", "asks for 1 ids that no picture has: 7"),
        ("id,cat,dog,bee\n1,0,0,0\n", "columns that are no classes of the run: bee"),
        ("id\n1\n", "no sample submission"),
        ("id,label\n1\n", "no sample submission"),
        ("", "no sample submission"),
        ("id,label\n1,cat\n", "several pictures have the id 1"),
    ],
)
def test_a_template_that_does_not_fit_is_one_line(text, said, tmp_path):
    names = ("1.png", "1.jpg") if "several" in said else ("1.png",)
    with pytest.raises(Problem, match=said):
        submit(tmp_path / "mine.csv", scored(*names), CLASSES, template(tmp_path, text))
    assert not (tmp_path / "mine.csv").exists()


def test_a_row_is_guessed_where_a_picture_cannot_be_read(call, run, pictures, tmp_path):
    (tmp_path / "t.csv").write_text("id,cat,dog,owl\nbad,0,0,0\n2,0,0,0\n")
    mine = tmp_path / "mine.csv"
    code, out, err = call("predict", run, pictures, "--submission", mine, "--template", tmp_path / "t.csv")
    assert code == 1
    assert "2 rows" in out
    assert "bad could not be read" in err
    _, bad, good = rows_of(mine)
    assert bad[1:] == ["0.3333333"] * 3
    assert sum(map(float, good[1:])) == pytest.approx(1)
    code, _, err = call("predict", run, pictures, "--template", tmp_path / "t.csv")
    assert code == 2
    assert "--submission FILE" in err


def test_several_runs_answer_by_their_average(run, other, pictures):
    names = sorted(path for path in pictures.iterdir() if path.stem != "bad")
    alone = [predict(one, names, top=3) for one in (run, other)]
    together = predict(run, names, others=[other], top=3)
    for both, *each in zip(together, *alone, strict=True):
        shares = [dict(answer.top) for answer in each]
        mean = {name: (shares[0][name] + shares[1][name]) / 2 for name in shares[0]}
        assert dict(both.top) == pytest.approx(mean, abs=1e-6)


def test_runs_of_other_classes_are_not_averaged(run, other, pictures, tmp_path):
    model = json.loads((other / "model.json").read_text())
    copy = tmp_path / "copy"
    shutil.copytree(other, copy)
    (copy / "model.json").write_text(json.dumps(model | {"classes": ["owl", "dog", "cat"]}))
    with pytest.raises(Problem, match="their classes differ"):
        predict(run, pictures, others=[copy])
