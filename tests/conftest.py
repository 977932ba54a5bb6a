import os
from pathlib import Path

import pytest
import torch

from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle
from alexnet.verbs.prepare import prepare

ROOT = Path(__file__).parent.parent
# programs that tests start
collect_ignore = ["column_runs.py", "data_ranks.py", "dying_rank.py", "interrupted_ranks.py", "zoo_ranks.py"]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # two test workers share two cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # so do the programs that tests start


@pytest.fixture(scope="session")
def data() -> Path:
    """Public data sets: ALEXNET_DATA, or beside the project."""
    folder = Path(os.environ.get("ALEXNET_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set ALEXNET_DATA")
    return folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's digits, packed at 12 pixels: 1,438 for training and 359 for validation."""
    packed = tmp_path_factory.mktemp("packed") / "digits"
    prepare("digits", packed, size=12, val_fraction=0.2)
    return packed


@pytest.fixture
def small() -> Recipe:
    """A recipe that takes a second or two on `digits`."""
    return Recipe(
        name="small",
        network="lenet",
        options={"image": 12},
        channels=1,
        pad=1,
        mean="channel",
        divide_by="deviation",
        epochs=2,
        batch=64,
        optimizer="sgd-2012",
        learning_rate=OneCycle(peak=0.05),
        weight_decay=0.0005,
    )
