from dataclasses import replace

import pytest
import torch

from alexnet.recipe import Recipe
from alexnet.verbs.advice import Circumstances, advice, circumstances, shares

FINE = Circumstances(
    device="cpu",
    processors=2,
    threads=2,
    workers=1,
    bfloat16_units=False,
    precision="float32",
    not_compiled=None,
)
BUSY = {"pictures": 1.0, "network": 95.0, "validation": 3.0, "saving": 1.0}


def test_shares_are_of_the_whole() -> None:
    assert shares({"pictures": 1.0, "network": 3.0}) == {"pictures": 0.25, "network": 0.75}
    assert shares({"pictures": 0.0}) == {"pictures": 0.0}


def test_where_nothing_helps_nothing_is_said() -> None:
    assert advice(shares(BUSY), FINE) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threads": 1}, "1 of 2 processors compute"),
        ({"bfloat16_units": True}, "--set precision=bfloat16"),
        ({"not_compiled": "there is no C compiler here"}, "since there is no C compiler here"),
    ],
)
def test_each_circumstance_has_its_advice(change: dict[str, object], words: str) -> None:
    (line,) = advice(shares(BUSY), replace(FINE, **change))
    assert words in line


@pytest.mark.parametrize(("part", "words"), [("pictures", "--workers 2"), ("validation", "smaller")])
def test_each_large_share_has_its_advice(part: str, words: str) -> None:
    (line,) = advice(shares(BUSY | {part: 60.0}), FINE)
    assert words in line
    assert "%" in line


def test_no_advice_on_what_the_training_does_not_use() -> None:
    other = replace(FINE, device="cuda", threads=1, not_compiled="no compiler")
    assert advice(shares(BUSY), other) == []
    assert advice(shares(BUSY), replace(FINE, bfloat16_units=True, precision="bfloat16")) == []


def test_circumstances_are_this_process(small: Recipe) -> None:
    here = circumstances(small, torch.device("cpu"), 3)
    assert here.threads == torch.get_num_threads()
    assert here.processors >= 1
    assert (here.workers, here.precision) == (3, "float32")
