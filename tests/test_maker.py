import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from alexnet.batches import maker
from alexnet.batches.maker import DeviceMaker, Maker, Plan, maker_of
from alexnet.batches.preprocessing import Preprocessing, preprocessing_of
from alexnet.dataset.statistics import measure
from alexnet.recipe import Recipe
from alexnet.schedule import Constant

IMAGES = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), dtype=np.uint8)
NOISE = np.random.default_rng(1).normal(0, 20, (70, 3)).astype(np.float32)
SHRINK = 1.1


@pytest.fixture
def preprocessing() -> Preprocessing:
    recipe = Recipe(name="r", network="n", epochs=1, learning_rate=Constant(start=0.1), divide_by=58.0)
    return preprocessing_of(recipe, measure(IMAGES), 8, "crop")


def plan(first: int, last: int, *, noisy: bool) -> Plan:
    def cut(share: slice, views: NDArray[np.uint8]) -> None:
        views[...] = IMAGES[first:last][share]

    return Plan(last - first, cut, NOISE[first:last] if noisy else None)


PLANS = [plan(0, 32, noisy=True), plan(32, 64, noisy=False), plan(64, 70, noisy=True)]


def expected(preprocessing: Preprocessing) -> list[torch.Tensor]:
    views, noise = torch.from_numpy(IMAGES), torch.from_numpy(NOISE)
    return [
        preprocessing(views[:32], noise[:32], SHRINK),
        preprocessing(views[32:64]),
        preprocessing(views[64:], noise[64:], SHRINK),
    ]


@pytest.mark.parametrize("kind", [Maker, DeviceMaker])
@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("piece", [1, 5 * 3 * 64, 2**20])
def test_batches_are_those_of_the_plain_form(
    preprocessing: Preprocessing,
    kind: type[Maker | DeviceMaker],
    workers: int,
    piece: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maker, "PIECE", piece)
    found = list(kind(preprocessing, 32, SHRINK)(PLANS, workers))
    assert len(found) == 3
    for one, other in zip(found, expected(preprocessing), strict=True):
        assert torch.equal(one, other)
        assert one.is_contiguous(memory_format=torch.channels_last)


def test_memory_is_that_of_three_batches_and_never_that_of_one_still_held(
    preprocessing: Preprocessing,
) -> None:
    make = Maker(preprocessing, 32, SHRINK)
    kept, addresses = [], set()
    for number, images in enumerate(make(PLANS * 10, workers=2)):
        addresses.add(images.data_ptr())
        if number in (4, 9):
            kept.append(images[:3, 1])  # a view of a batch that the reader goes on holding
    assert len(addresses) <= 3 + len(kept)
    first, second = (expected(preprocessing)[number % 3][:3, 1] for number in (4, 9))
    assert torch.equal(kept[0], first)
    assert torch.equal(kept[1], second)


def test_an_accelerator_converts_itself(preprocessing: Preprocessing) -> None:
    assert isinstance(maker_of(preprocessing, 4), Maker)
    assert isinstance(maker_of(preprocessing.to(torch.device("meta")), 4), DeviceMaker)
