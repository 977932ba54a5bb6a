"""A training's first batch, begun before torch is there."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import alexnet
from alexnet.batches.loader import TrainingLoader
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.dataset.packed import open_packed
from alexnet.recipes import find
from alexnet.run import open_run
from alexnet.settings import override
from alexnet.verbs.ahead import begin

RECIPE, FEWER = "lenet-digits", ("epochs=0.1", "batch=32")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "packed"
    alexnet.prepare("digits", folder, size=28)
    return folder


def in_a_process(code: str, *words: object) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_what_was_begun_is_what_the_loader_hands_out(packed: Path, tmp_path: Path) -> None:
    begun = begin(RECIPE, packed, tmp_path / "run", assignments=FEWER, workers=2)()
    assert begun is not None
    recipe, opened = override(find(RECIPE), FEWER), open_packed(packed)
    assert (begun.recipe, begun.fingerprint) == (recipe, opened.fingerprint)
    preprocessing = preprocessing_of(recipe, opened.statistics, opened.size, opened.fit)
    plain = TrainingLoader(opened.split("train"), recipe, preprocessing, opened.statistics)
    for epoch in (0, 0, 1):  # begun, made anew, another
        pairs = list(zip(begun.loader(epoch), plain(epoch), strict=True))
        assert len(pairs) == plain.steps
        for ours, other in pairs:
            assert torch.equal(ours.images, other.images)
            assert torch.equal(ours.labels, other.labels)


def test_another_epoch_than_the_one_begun_is_made_anew(packed: Path, tmp_path: Path) -> None:
    begun = begin(RECIPE, packed, tmp_path / "run")()
    assert begun is not None
    first, second = next(begun.loader(1)), next(begun.loader(0, 2))
    assert not torch.equal(first.images, second.images)


def test_no_torch_is_needed(packed: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from alexnet.verbs.ahead import begin; "
        f"begun = begin({RECIPE!r}, sys.argv[1], sys.argv[2])(); "
        "print(begun.loader.batch, 'torch' in sys.modules)"
    )
    assert in_a_process(code, packed, tmp_path / "run").endswith(" False")


def test_where_nothing_can_be_known_nothing_is_begun(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert begin("auto", packed, out)() is None
    assert begin("no such recipe", packed, out)() is None
    assert begin(RECIPE, tmp_path / "nothing", out)() is None
    assert begin(RECIPE, packed, out, assignments=["no_such_field=1"])() is None
    assert begin(RECIPE, packed, out, device="cuda")() is None
    assert begin(RECIPE, "https://example.org/pack", out)() is None
    assert begin(RECIPE, packed, tmp_path)() is None  # something is there already
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert begin(RECIPE, packed, out)() is None


def test_the_command_trains_to_the_same_weights(packed: Path, tmp_path: Path) -> None:
    words = ["train", RECIPE, "--data", packed, "--out", tmp_path / "command"]
    words += [word for each in FEWER for word in ("--set", each)]
    code = (
        "from alexnet.batches import loader; "
        "begin = loader.TrainingLoader.begin; "
        "loader.TrainingLoader.begin = lambda *words: (print('begun'), begin(*words)); "
        "from alexnet.cli import main; main()"
    )
    assert in_a_process(code, *words).startswith("begun")
    alexnet.train(RECIPE, packed, tmp_path / "call", assignments=FEWER)
    one, other = (open_run(tmp_path / name).weights() for name in ("command", "call"))
    assert all(np.array_equal(one[name], other[name]) for name in other)


def test_training_does_not_import_torchs_compiler(packed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, alexnet; "
        "alexnet.train(sys.argv[1], sys.argv[2], sys.argv[3], assignments=sys.argv[4:]); "
        "print('torch._dynamo' in sys.modules, 'sympy' in sys.modules)"
    )
    words = [*FEWER, "optimizer=sgd-2012", "nesterov=false"]
    assert in_a_process(code, RECIPE, packed, tmp_path / "run", *words) == "False False"
