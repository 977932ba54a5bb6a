"""Classes read off features: a probe and a vote, beside scikit-learn; few pictures to all."""

import numpy as np
import pytest
from pictures import classes, write
from sklearn.neighbors import KNeighborsClassifier

from alexnet.probing.readout import WARMTH, few_of_each, linear_probe, neighbours_vote
from alexnet.problem import Problem, UsageProblem
from alexnet.verbs.prepare import prepare
from alexnet.verbs.train import train
from alexnet.verbs.transfer import transfer


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 12)) * 2
    labels = np.arange(400) % 4
    return (centres[labels] + rng.normal(size=(400, 12))).astype(np.float32), labels


def test_the_vote_is_the_weighted_one_of_the_nearest(clouds):
    rows, labels = clouds
    found = neighbours_vote(rows[:300], labels[:300], rows[300:], k=7)

    def weights(distances):
        return np.exp(-(distances**2) / 2 / WARMTH)

    def unit(some):
        return some / np.linalg.norm(some, axis=1, keepdims=True)

    peer = KNeighborsClassifier(7, weights=weights, algorithm="brute").fit(unit(rows[:300]), labels[:300])
    assert np.array_equal(found, peer.predict(unit(rows[300:])))


def test_the_probe_separates_what_is_apart_and_guesses_what_is_noise(clouds):
    rows, labels = clouds
    assert (linear_probe(rows[:300], labels[:300], rows[300:]) == labels[300:]).mean() > 0.9
    noise = np.random.default_rng(1).normal(size=rows.shape).astype(np.float32)
    assert (linear_probe(noise[:300], labels[:300], noise[300:]) == labels[300:]).mean() < 0.5


def test_the_probe_does_not_mind_how_long_a_feature_is(clouds):
    rows, labels = clouds
    stretched = rows * np.float32([1e4, *[1] * 11])
    assert np.array_equal(
        linear_probe(rows[:300], labels[:300], rows[300:]),
        linear_probe(stretched[:300], labels[:300], stretched[300:]),
    )


def test_few_are_among_more_and_as_many_of_each():
    labels = np.array([0] * 30 + [1] * 4 + [2] * 9)
    few, more = few_of_each(labels, 3, seed=2), few_of_each(labels, 8, seed=2)
    assert set(few) <= set(more)
    assert np.bincount(labels[few]).tolist() == [3, 3, 3]
    assert np.bincount(labels[more]).tolist() == [8, 4, 8]
    assert not np.array_equal(few, few_of_each(labels, 3, seed=3))


@pytest.fixture
def learned(small, digits, tmp_path):
    """A run that has seen the bundled digits for an epoch."""
    train(small, digits, tmp_path / "run", assignments=["epochs=1"])
    return tmp_path / "run"


def test_a_run_is_read_on_other_classes(learned, tmp_path):
    source = write(tmp_path / "source", classes(3, each=9))
    prepare(source, tmp_path / "packed", size=12, val_fraction=1 / 3)
    rows = transfer(learned, tmp_path / "packed", shots=[1, 3], seeds=2)
    assert [(row.readout, row.shots, row.pictures, row.seeds) for row in rows] == [
        ("linear", 1, 3, 2), ("neighbours", 1, 3, 2), ("linear", 3, 9, 2), ("neighbours", 3, 9, 2),
        ("linear", None, 18, 1), ("neighbours", None, 18, 1),
    ]  # fmt: skip
    assert {row.images for row in rows} == {9}
    assert all(row.interval[0] - 1e-9 <= row.top1_error <= row.interval[1] + 1e-9 for row in rows)


def test_what_is_asked_wrongly_is_said(learned, digits):
    with pytest.raises(UsageProblem, match="1 or more"):
        transfer(learned, digits, shots=[0])
    with pytest.raises(Problem, match="no split 'there'"):
        transfer(learned, digits, on="there")
