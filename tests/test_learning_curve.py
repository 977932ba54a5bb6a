import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet import cli
from alexnet.batches.loader import TrainingLoader
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.dataset.classes import share_of_each
from alexnet.dataset.packed import open_packed
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.run import open_run
from alexnet.verbs.learning_curve import checked, learning_curve


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=80),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
    st.integers(0, 99),
)
def test_a_share_is_of_each_class_and_part_of_a_larger_one(
    labels: list[int], one: float, other: float, seed: int
) -> None:
    known = np.array(labels)
    small, large = (share_of_each(known, share, seed=seed) for share in sorted((one, other)))
    assert set(small) <= set(large)
    assert (np.diff(small) > 0).all()
    for label in set(labels):
        mine = int((known == label).sum())
        assert int((known[small] == label).sum()) == max(1, round(min(one, other) * mine))


def test_seeds_draw_different_pictures() -> None:
    labels = np.zeros(1000, np.int64)
    one, other = (share_of_each(labels, 0.5, seed=seed) for seed in (0, 1))
    assert 150 < len(set(one) & set(other)) < 350


def loaded(digits: Path, small: Recipe, **fields: object) -> TrainingLoader:
    packed = open_packed(digits)
    recipe = small.model_copy(update=fields)
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    return TrainingLoader(packed.split("train"), recipe, preprocessing, packed.statistics, workers=0)


@pytest.mark.parametrize("sampling", ["shuffled", "balanced"])
def test_the_loader_shows_the_share_and_nothing_else(digits: Path, small: Recipe, sampling: str) -> None:
    loader = loaded(digits, small, train_share=0.3, batch=10, sampling=sampling)
    chosen = share_of_each(loader.split.labels, 0.3, seed=small.seed)
    shown = {int(number) for epoch in range(6) for number in loader._order(epoch)}
    assert shown <= set(chosen.tolist())
    assert len(shown) > 0.9 * len(chosen)
    assert loader.steps == len(chosen) // 10
    assert sum(len(batch.labels) for batch in loader(0)) == 10 * loader.steps


def test_a_picture_is_cut_alike_whatever_the_share(digits: Path, small: Recipe) -> None:
    """Crops and flips belong to the picture: those of a share are those of the whole."""
    whole = loaded(digits, small, batch=1, flip=True)
    part = loaded(digits, small, batch=1, flip=True, train_share=0.05)
    views = {
        int(number): batch.images
        for number, batch in zip(whole._order(3)[: whole.steps], whole(3), strict=True)
    }
    for number, batch in zip(part._order(3)[: part.steps], part(3), strict=True):
        assert batch.images.equal(views[int(number)])


def test_the_curve_is_measured_fitted_and_gone_on_with(
    digits: Path, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = learning_curve(small, digits, tmp_path / "curve", shares=[1, 0.1, 0.4])
    assert [point.share for point in found.points] == [0.1, 0.4, 1]
    assert found.points[0].images < found.points[1].images < found.points[2].images == 1438
    assert found.points[0].top1_error > found.points[2].top1_error
    low, high = found.points[0].top1_interval
    assert low < found.points[0].top1_error < high
    assert found.law is not None
    assert found.twice is not None
    assert found.twice.images == 2 * 1438
    document = json.loads((tmp_path / "curve/learning-curve.json").read_text())
    assert document == json.loads(json.dumps(found.document()))
    assert "twice" not in document
    assert document["extrapolation"]["error"] == found.twice.error
    assert all(Path(picture).is_file() for picture in found.pictures)
    assert open_run(found.points[0].run).recipe.train_share == 0.1

    monkeypatch.setattr("alexnet.verbs.train.train_loop", None)  # what is trained is not trained again
    again = learning_curve(small, digits, tmp_path / "curve", shares=[0.1, 0.4])
    assert again.points == found.points[:2]
    assert again.twice is None, "a line through two points tells nothing of its error"


def test_shares_that_are_none_are_refused(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked([1, 0.5, 1]) == [0.5, 1]
    for wrong in ([], [0.0], [1.5]):
        with pytest.raises(UsageProblem, match="above 0"):
            checked(wrong)
    with pytest.raises(UsageProblem, match="take val"):
        learning_curve("lenet-digits", digits, tmp_path / "curve", split="train")
    words = [
        "learning-curve",
        "lenet-digits",
        "--data",
        str(digits),
        "--out",
        str(tmp_path),
        "--shares",
        "half",
    ]
    monkeypatch.setattr(sys, "argv", ["alexnet", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert "such as 0.1,0.5,1" in capsys.readouterr().err
