"""Several networks that answer as one, by the average of their probabilities ([P] §6 averages five)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from alexnet.problem import Problem
from alexnet.serving.classifier import Classifier
from alexnet.serving.engines import Engine, Pictures, Scores


def ensemble(classifiers: Sequence[Classifier]) -> Classifier:
    """The average of `classifiers` as one; a Problem where they answer or see otherwise than the first."""
    first, *others = classifiers
    for other in others:
        if other.classes != first.classes:
            raise Problem(f"{other.path} and {first.path} cannot be averaged: their classes differ")
        seen = [(one.size, one.crop, one.fit) for one in (first, other)]
        if seen[0] != seen[1]:
            raise Problem(
                f"{other.path} and {first.path} cannot be averaged: size, crop and fit of what they see are "
                f"{seen[1]} and {seen[0]}"
            )
    if not others:
        return first
    answers = [one.answer for one in classifiers]
    return replace(first, answer=partial(_mean, answers), chosen=f"the average of {len(answers)} networks")


def _mean(answers: Sequence[Engine], views: Pictures) -> Scores:
    return np.asarray(np.mean([answer(views) for answer in answers], axis=0), np.float32)
