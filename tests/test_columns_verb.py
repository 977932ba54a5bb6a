"""`alexnet train` in columns: the run of two ranks, of four, and of one process are the same run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import alexnet
from alexnet.cli.app import app
from alexnet.problem import UsageProblem
from alexnet.run import open_run
from alexnet.training.log import read_metrics
from alexnet.verbs.networks import exchanged
from alexnet.verbs.ranks import Layout

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def done(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What column_runs.py has left."""
    out = tmp_path_factory.mktemp("columns")
    command = [sys.executable, str(HERE / "column_runs.py"), str(digits), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stderr
    assert set(json.loads((out / "codes.json").read_text())) == {0}, ended.stderr
    return out


@pytest.mark.parametrize("name", ["two", "owt", "moved", "grid"])
def test_a_run_in_columns_is_that_of_one_process(done: Path, name: str) -> None:
    one, other = (open_run(done / each).checkpoint() for each in ("one", name))
    assert one is not None
    assert other is not None
    for mine, theirs in ((one.weights(), other.weights()), (one.optimizer(), other.optimizer())):
        assert {key: value.shape for key, value in mine.items()} == {
            key: value.shape for key, value in theirs.items()
        }
        for key, value in mine.items():
            assert float((theirs[key] - value).norm() / value.norm().clamp_min(1e-9)) < 1e-5, key
    assert one.state["losses"] == pytest.approx(other.state["losses"], rel=1e-5)
    last, latest = (read_metrics(done / each / "metrics.jsonl")[-1] for each in ("one", name))
    assert latest["top1_error"] == last["top1_error"]
    assert latest["validation_loss"] == pytest.approx(last["validation_loss"], rel=1e-5)


def test_a_run_in_columns_answers_as_any_run(done: Path) -> None:
    one, two = (alexnet.evaluate(done / name) for name in ("one", "two"))
    assert one.top1_error == two.top1_error
    assert two.images == 359


def test_a_network_without_columns_is_refused_before_anything_is_written(done: Path) -> None:
    for name in ("lenet", "resnet20"):
        said, written = json.loads((done / f"{name.removesuffix('20')}.json").read_text())
        assert said.startswith(f"{name} has no columns to put on 2 ranks: take a network of two columns")
        assert "\n" not in said
        assert not written


def test_ranks_that_do_not_divide_are_told(done: Path) -> None:
    said, written = json.loads((done / "three.json").read_text())
    assert said == "3 ranks do not divide into 2 columns; start a multiple of it"
    assert not written


def test_one_process_alone_has_no_columns(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="not divide into 2 columns"):
        alexnet.train("alexnet-2012-64", digits, tmp_path / "run", layout=Layout(columns=2))
    assert not (tmp_path / "run").exists()


def test_networks_tells_what_goes_over() -> None:
    told = exchanged("alexnet-2012", 2, batch=64)
    assert told["bytes"] == 64 * 4 * (2 * (128 * 169 + 128 * 36 + 2048 + 2048) + 500)
    assert told["parameters"] == [30_482_612, 30_482_612]
    assert told["by_images"] == 4 * 60_965_224
    shown = CliRunner().invoke(
        app, ["networks", "alexnet-owt", "--columns", "4", "--scheme", "owt", "--json"]
    )
    (gradients,) = [
        row for row in json.loads(shown.stdout)["exchange"]["layers"] if row["what"] == "gradients"
    ]
    # 2 · 3/4 of the 2,469,696 weights and biases of the convolutions
    assert gradients["backward"] == 4 * 2_469_696 * 3 // 2


def test_networks_shows_what_goes_over() -> None:
    shown = CliRunner().invoke(app, ["networks", "alexnet-2012", "--columns", "2"])
    assert ["conv3", "maps", "11.08", "11.08"] in [line.split() for line in shown.stdout.splitlines()]
    assert "31.32 MB in all" in shown.stdout
    with pytest.raises(UsageProblem, match="Name a network first"):
        CliRunner().invoke(app, ["networks", "--columns", "2"], catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("alexnet-2012", 1), "1 rank has nobody to send to"),
        (("alexnet-2012.fc6", 2), "alexnet-2012.fc6 has no columns"),
    ],
)
def test_networks_says_what_cannot_be_told(arguments: tuple[str, int], said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        exchanged(*arguments)
    with pytest.raises(UsageProblem, match="a batch of 10 images does not part evenly over 4 ranks"):
        exchanged("alexnet-owt", 4, scheme="owt", batch=10)
