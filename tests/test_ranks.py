"""Several ranks come to what one process comes to; test_parallel.py has what needs no second process."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from torch import Tensor

from alexnet.run import open_run
from alexnet.training.log import read_metrics

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
    assert codes["lost"] == [0, 0, -9], ended.stderr
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


def test_weights_in_shards_learn_the_same_and_open_on_one_process(done: Path) -> None:
    assert furthest(weights(done / "plain-1"), weights(done / "shards")) < 1e-5


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


def killed(done: Path, digits: Path, out: Path, seed: int) -> None:
    """A rank dies at a random step; torchrun starts the job anew, and it ends as if nothing had been."""
    moments = random.Random(seed)
    rank, step, delay = moments.randrange(2), moments.randint(1, 19), moments.uniform(0, 0.02)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", str(HERE / "dying_rank.py"), str(rank), str(step), str(delay)]
    command += ["train", str(done / "plain-2" / "recipe.json"), "--data", str(digits), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*command, "--save-every", "0"], env=environment, capture_output=True, text=True, timeout=400
    )
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
