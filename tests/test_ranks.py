"""Several ranks come to what one process comes to; test_parallel.py has what needs no second process."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from torch import Tensor

from alexnet.problem import Problem
from alexnet.run import open_run
from alexnet.training.log import read_metrics
from alexnet.verbs.train import train

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(900)  # on a busy machine; else a minute


@pytest.fixture(scope="module")
def done(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What data_ranks.py has left."""
    out = tmp_path_factory.mktemp("ranks")
    pictures = out / "pictures"
    pictures.mkdir()
    for number, pixels in enumerate(load_digits().images[:7]):
        Image.fromarray((pixels * 15).astype(np.uint8)).save(pictures / f"{number}.png")
    (pictures / "3x.png").write_bytes(b"no picture")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "data_ranks.py"), str(digits), str(out)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800)
    assert ended.returncode == 0, ended.stderr
    codes = json.loads((out / "codes.json").read_text())
    assert set(codes["done"]) == {0}, ended.stderr
    assert (codes["lost"], codes["unmet"]) == ([0, 0, -9], [0, -9]), ended.stderr
    return out


def weights(run: Path) -> dict[str, Tensor]:
    checkpoint = open_run(run).checkpoint()
    assert checkpoint is not None
    return checkpoint.weights() | {
        f"optimizer {name}": value for name, value in checkpoint.optimizer().items()
    }


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The longest difference of two tensors of a name, beside that tensor's length."""
    assert one.keys() == other.keys()
    pairs = [(one[name].double(), other[name].double()) for name in one]
    return max(float((a - b).norm() / a.norm().clamp_min(1e-9)) for a, b in pairs)


@pytest.mark.parametrize(
    ("steps", "within"),
    [
        ("dropout of maps-float32-", 1e-5),
        ("dropout of maps-float64-", 1e-10),
        ("dropout of maps-float64-mix", 1e-10),
        ("dropout of the paper-float64-accumulate", 1e-10),
        ("side heads-float64-sync_batch_norm", 1e-10),
        ("batch norm-float64-sync_batch_norm", 1e-10),
    ],
)
def test_two_ranks_learn_what_one_process_learns(done: Path, steps: str, within: float) -> None:
    one, two = (load_file(done / f"{steps}-{ranks}.safetensors") for ranks in (1, 2))
    assert furthest(one, two) < within


@pytest.mark.parametrize(("ranks", "kind"), [(2, "plain"), (4, "plain"), (2, "mean")])
def test_a_training_over_ranks_ends_as_that_of_one(done: Path, ranks: int, kind: str) -> None:
    one, several = done / f"{kind}-1", done / f"{kind}-{ranks}"
    assert furthest(weights(one), weights(several)) < 1e-5
    mine, theirs = (read_metrics(run / "metrics.jsonl") for run in (one, several))
    assert [line["step"] for line in mine] == [line["step"] for line in theirs]
    assert mine[-1]["training_loss"] == pytest.approx(theirs[-1]["training_loss"], rel=1e-6)
    assert mine[-1]["top1_error"] == theirs[-1]["top1_error"]
    assert open_run(several).checkpoint().state["images"] == 22 * 63


def test_resumed_on_as_many_ranks_ends_bit_for_bit_the_same(done: Path) -> None:
    assert furthest(weights(done / "plain-4"), weights(done / "again-4")) == 0.0


def test_a_run_moves_from_four_ranks_to_one_to_two(done: Path) -> None:
    assert furthest(weights(done / "plain-1"), weights(done / "moved")) < 1e-5
    state = open_run(done / "moved").checkpoint().state
    assert (state["epoch"], state["steps"]) == (1, 22)


@pytest.mark.parametrize(
    "steps",
    [
        "shards of the paper's-float64-accumulate",
        "shards with batch norm-float64-sync_batch_norm",
        "update by sgd-float64-optimizer",
        "update by sgd-2012-float64-optimizer",
        "update by adamw-float64-optimizer",
        "update by rmsprop-float64-optimizer",
        "update by lars-float64-optimizer",
        "update by muon-float64-optimizer",
    ],
)
def test_weights_in_shards_learn_the_same(done: Path, steps: str) -> None:
    one, shards = (load_file(done / f"{steps}-{how}.safetensors") for how in ("1", "2-shards"))
    assert furthest(one, shards) < 1e-10


def test_a_run_in_shards_moves_from_four_ranks_to_two_to_one_and_back(done: Path) -> None:
    assert furthest(weights(done / "plain-1"), weights(done / "shards")) < 1e-5
    assert furthest(weights(done / "mean-1"), weights(done / "mean-shards")) < 1e-5
    state = open_run(done / "shards").checkpoint().state
    assert (state["epoch"], state["steps"]) == (1, 22)


def test_every_rank_writes_its_rows_and_nothing_that_could_run(done: Path) -> None:
    folder = done / "four-shards" / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == [
        "step-000000007.json",
        "step-000000007.optimizer",
        "step-000000007.weights",
    ]
    for kind in ("weights", "optimizer"):
        shards = sorted((folder / f"step-000000007.{kind}").iterdir())
        assert [path.suffix for path in shards] == [".json", *[".safetensors"] * 4]
        every = [load_file(path) for path in shards[1:]]  # refuses what is no such file
        rows = [len(tensor) for each in every for key, tensor in each.items() if key.startswith("fc5.weight")]
        assert len(rows) == 4
        assert sum(rows) == 120
    kept = open_run(done / "four-shards").checkpoint()
    assert len(kept.weight_files()) == 4


def test_damaged_shards_are_told_in_one_line(done: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(done / "four-shards", run)
    first, second, *_ = open_run(run).checkpoint().weight_files()
    first.write_bytes(first.read_bytes()[:-100])
    with pytest.raises(Problem, match=r"^cannot read .*step-000000007\.weights: ") as told:
        open_run(run).weights()
    assert "\n" not in str(told.value)
    second.unlink()
    with pytest.raises(Problem, match=rf"step-000000007\.weights is damaged: {second.name} is missing"):
        open_run(run).weights()
    (second.parent / "index.json").write_text('{"files": ["../../model.json"]}')
    with pytest.raises(Problem, match=r"is damaged: model\.json is missing"):
        open_run(run).weights()


def test_what_a_kill_left_of_shards_is_not_trusted(done: Path, digits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(done / "four-shards", run)
    folder = run / "checkpoints"
    for left in ("step-000000022.weights", ".step-000000009.weights.partial"):
        shutil.copytree(folder / "step-000000007.weights", folder / left)
    assert train(run / "recipe.json", digits, run).steps == 22
    assert sorted(path.name for path in folder.iterdir()) == [
        "step-000000022.json",
        "step-000000022.optimizer.safetensors",
        "step-000000022.weights.safetensors",
    ]
    assert furthest(weights(done / "plain-1"), weights(run)) < 1e-5


def test_ranks_that_began_at_other_times_end_at_one_step(done: Path) -> None:
    steps = [json.loads((done / f"timed-{rank}.json").read_text()) for rank in (0, 1)]
    state = open_run(done / "timed").checkpoint().state
    assert steps == [state["steps"], state["planned"]]
    assert steps[0] == steps[1] >= 1  # one where the machine was too busy for more


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_answer_every_image_once(done: Path, ranks: int) -> None:
    (one,) = json.loads((done / "asked-1.json").read_text())
    several = json.loads((done / f"asked-{ranks}.json").read_text())
    assert several == [one] * ranks  # every rank knows all answers
    assert one["errors"][0] == 359  # not divisible
    assert [name for name, _, error in one["answers"] if error] == ["3x.png"]
    mine, theirs = (load_file(done / f"asked-{n}.safetensors") for n in (1, ranks))
    assert mine["features"].shape == theirs["features"].shape
    assert furthest(mine, theirs) < 1e-5


def torchrun(*words: object, restarts: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", str(restarts), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)


def killed(done: Path, digits: Path, out: Path, seed: int) -> None:
    """A rank dies at a random step; torchrun starts the job anew, and it ends as if nothing had been."""
    moments = random.Random(seed)
    rank, step, delay = moments.randrange(2), moments.randint(1, 19), moments.uniform(0, 0.02)
    dying = (HERE / "dying_rank.py", rank, step, delay)
    training = ("train", done / "plain-2" / "recipe.json", "--data", digits, "--out", out, "--save-every", 0)
    ended = torchrun(*dying, *training, restarts=1)
    assert ended.returncode == 0, ended.stderr
    assert f"rank {1 - rank} of 2 gave up " in ended.stderr
    assert f": rank {rank} ended, or hangs (" in ended.stderr
    assert furthest(weights(done / "plain-2"), weights(out)) == 0.0
    logs = [
        [{**line, "seconds": 0} for line in read_metrics(run / "metrics.jsonl")]
        for run in (done / "plain-2", out)
    ]
    assert logs[0] == logs[1]


def test_killed_at_a_random_step_the_restarted_job_ends_the_same(
    done: Path, digits: Path, tmp_path: Path
) -> None:
    killed(done, digits, tmp_path / "run", seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_killed_four_times_more(done: Path, digits: Path, tmp_path: Path, seed: int) -> None:
    killed(done, digits, tmp_path / "run", seed)


def test_the_others_name_a_lost_rank_and_what_they_were_doing(done: Path) -> None:
    for rank in (0, 1):
        said = (done / f"lost-{rank}.txt").read_text()
        assert said.startswith(f"rank {rank} of 3 gave up adding up gradients: rank 2 ended, or hangs (")


def test_a_rank_that_dies_on_its_way_is_named(done: Path) -> None:
    said = (done / "unmet.txt").read_text()
    assert said == "rank 0 of 2 could not meet the others: rank 1 did not come within 3 seconds"


def test_interrupted_all_stop_behind_one_step_and_one_says_so(
    done: Path, digits: Path, tmp_path: Path
) -> None:
    recipe, out = done / "plain-2" / "recipe.json", tmp_path / "run"
    ended = torchrun(HERE / "interrupted_ranks.py", 5, "train", recipe, "--data", digits, "--out", out)
    said = [line for line in ended.stderr.splitlines() if line.startswith("alexnet: ")]
    going_on = "interrupted; what was finished is kept, and the same command goes on from there"
    assert said == [f"alexnet: {going_on}"], ended.stderr
    state = open_run(out).checkpoint().state
    assert 5 <= state["steps"] < 22
    assert train(recipe, digits, out).steps == 22
    assert furthest(weights(done / "plain-2"), weights(out)) < 1e-5
