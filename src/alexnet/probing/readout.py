"""Classes read off features without training the network: a linear probe, and a vote of neighbours.

Alain, Bengio, "Understanding intermediate layers using linear classifier probes" (2016); the vote is that of
Wu, Xiong, Yu, Lin, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination" (2018), §3.4.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from alexnet.probing.features import FEATURES
from alexnet.probing.search import nearest

I64 = NDArray[np.int64]
STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0)
"""Inverse strengths of the probe's decay that are compared."""

HELD = 5  # one of so many pictures of a class is held out to compare them
USUAL = 0.01  # where a class has too few to hold any out
WARMTH = 0.07
"""Of the vote: a neighbour's weight is exp(cosine / 0.07)."""

TURNS = 300  # of L-BFGS, at most


def linear_probe(features: FEATURES, labels: I64, queries: FEATURES) -> I64:
    """Labels [B] of `queries` [B, F] by multinomial logistic regression on `features` [N, F], standardised.

    The decay is the one that does best on a fifth of `features` held out, class by class.
    """
    centre, spread = features.mean(0), features.std(0) + 1e-6
    rows, asked = (features - centre) / spread, (queries - centre) / spread
    return np.asarray(_fitted(rows, labels, _strength(rows, labels)).predict(asked), np.int64)


def neighbours_vote(features: FEATURES, labels: I64, queries: FEATURES, k: int = 20) -> I64:
    """Labels [B] of `queries` [B, F] by their `k` nearest of `features` [N, F] by cosine; ties by label."""
    rows, asked = _directions(features), _directions(queries)
    found = nearest(rows, asked, min(k, len(rows)))
    cosines = 1 - found.distances**2 / 2
    weights = np.exp((cosines - 1) / WARMTH)  # [B, k]
    votes = np.zeros((len(asked), int(labels.max()) + 1))
    np.add.at(votes, (np.arange(len(asked))[:, None], labels[found.numbers]), weights)
    return np.asarray(votes.argmax(1), np.int64)


def few_of_each(labels: I64, shots: int, *, seed: int) -> I64:
    """Numbers of `shots` pictures of each class (all of one that has fewer), in order.

    Those of a class that come first by `seed` are taken, so that fewer are among more.

    >>> few_of_each(np.array([0, 1, 0, 1, 1]), 1, seed=0).size
    2
    """
    order = np.random.default_rng((seed, len(labels))).permutation(len(labels))
    taken = [order[labels[order] == label][:shots] for label in np.unique(labels)]
    return np.sort(np.concatenate(taken))


def _strength(rows: FEATURES, labels: I64) -> float:
    held = np.sort(np.concatenate([np.flatnonzero(labels == label)[::HELD] for label in np.unique(labels)]))
    kept = np.setdiff1d(np.arange(len(labels)), held)
    if np.bincount(labels)[np.unique(labels)].min() < HELD:
        return USUAL
    right = [
        (_fitted(rows[kept], labels[kept], strength).predict(rows[held]) == labels[held]).mean()
        for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmax(right))]


def _fitted(rows: FEATURES, labels: I64, strength: float) -> LogisticRegression:
    with warnings.catch_warnings():  # where it has not come to rest it answers all but alike
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=TURNS).fit(rows, labels)


def _directions(rows: FEATURES) -> FEATURES:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)
