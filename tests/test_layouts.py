"""`alexnet export --format safetensors`: the other library loads the file strictly and answers alike."""

import json
from pathlib import Path

import pictures
import pytest
import torch
from foreign_peers import CROP, SIZE, assert_close, empty_peer, normalised, recipe_for
from inception_peers import randomised
from safetensors import safe_open
from safetensors.torch import load_file

from alexnet.batches.preprocessing import Preprocessing
from alexnet.networks import create
from alexnet.networks.foreign import FOREIGN, Foreign
from alexnet.run import Run, create_run, open_run
from alexnet.verbs.export import export

QUICK = {"torchvision googlenet", "torchvision resnet18", "torchvision resnet50"}
CLASSES = ("asp", "bee", "cat", "dog")


def run_of(path: Path, foreign: Foreign) -> Run:
    """A run folder of our network with drawn weights, which reads pixels as the peer does."""
    torch.manual_seed(0)
    with torch.device("meta"):
        network = create(foreign.network, classes=len(CLASSES))
    state = randomised(network.to_empty(device="cpu")).state_dict()
    mean, divisor = (
        torch.tensor(values)[:, None, None] for values in (foreign.pixels.mean, foreign.pixels.divisor)
    )
    run = create_run(
        path,
        recipe_for(foreign),
        classes=CLASSES,
        preprocessing=Preprocessing(SIZE, "crop", CROP, 3, mean, divisor),
        dataset={"path": None, "fingerprint": None},
    )
    run.save(state, {}, {"steps": 0, "epoch": 0}, steps=0)
    return open_run(path)


@pytest.mark.parametrize(
    "foreign",
    [pytest.param(one, id=one.peer, marks=() if one.peer in QUICK else pytest.mark.slow) for one in FOREIGN],
)
def test_the_file_loads_there_strictly_and_answers_alike(foreign: Foreign, tmp_path: Path) -> None:
    run, file = run_of(tmp_path / "run", foreign), tmp_path / "weights.safetensors"
    folder = pictures.write(tmp_path / "pictures", pictures.classes(2, each=1))
    library, _ = foreign.peer.split()
    result = export(run, out=file, format="safetensors", layout=library, check=folder)
    assert (result.pictures, result.top1_agreement) == (2, 1.0)
    assert result.max_abs_difference < 1e-6
    with safe_open(file, "pt") as opened:
        told = opened.metadata()
    assert told["layout"] == foreign.peer
    assert tuple(json.loads(told["classes"])) == CLASSES

    theirs = empty_peer(foreign.peer, len(CLASSES))
    theirs.load_state_dict(load_file(file), strict=True, assign=True)
    views = torch.randint(0, 256, (2, CROP, CROP, 3), dtype=torch.uint8)
    with torch.inference_mode():
        assert_close(theirs.eval()(normalised(foreign.peer, views)), run.network()(run.preprocessing(views)))
