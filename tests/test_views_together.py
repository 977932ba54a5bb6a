"""Views that share the first convolution give what they give one by one."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alexnet.batches.preprocessing import Preprocessing, mean_apart
from alexnet.batches.views import View, Windows, evaluation_views, gather
from alexnet.evaluation.predictions import predict, predict_together
from alexnet.networks import create
from alexnet.networks.layers import CeilPad
from alexnet.networks.views_together import ViewsTogether, Window, parted

SIZE, CROP = 56, 40
CORNERS = ((0, 0), (0, 16), (8, 8), (16, 0), (16, 16))
TEN = [Window(*corner, flip) for flip in (False, True) for corner in CORNERS]


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        CeilPad(11, 4), nn.Conv2d(3, 8, 11, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 9 * 9, 5)
    )


def one_by_one(network: nn.Module, pictures: Tensor, mean: Tensor) -> list[Tensor]:
    answers = []
    for row, column, flip in TEN:
        view = pictures[:, :, row : row + CROP, column : column + CROP]
        answers.append(network((view.flip(3) if flip else view) - mean))
    return answers


@pytest.mark.parametrize("image", [False, True])
@torch.inference_mode()
def test_ten_views_equal_those_one_by_one(image: bool) -> None:
    network, pictures = small(), 100 * torch.rand(3, 3, SIZE, SIZE)
    mean = 20 * torch.rand(3, CROP, CROP) if image else torch.zeros(3, 1, 1)
    part = parted(network, TEN, size=SIZE, crop=CROP)
    assert part is not None
    assert part.outputs(CROP) == 9
    together = ViewsTogether(part, TEN, crop=CROP, mean=mean if image else None)
    answers = list(together(pictures))
    for found, right in zip(answers, one_by_one(network, pictures, mean), strict=True):
        torch.testing.assert_close(found, right, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_the_first_layer_is_computed_once_a_side(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    convolve = torch.nn.functional.conv2d
    monkeypatch.setattr(
        torch.nn.functional, "conv2d", lambda x, *more: shapes.append(tuple(x.shape)) or convolve(x, *more)
    )
    part = parted(small(), TEN, size=SIZE, crop=CROP)
    assert part is not None
    list(ViewsTogether(part, TEN, crop=CROP)(torch.rand(2, 3, SIZE, SIZE)))
    assert [shape for shape in shapes if min(shape[2:]) > 11] == [(2, 3, 59, 59)] * 2


def test_the_ten_views_of_the_paper_share_conv1() -> None:
    ten = [Window(*at, flip) for at in ((0, 0), (0, 32), (16, 16), (32, 0), (32, 32)) for flip in (0, 1)]
    for name in ("alexnet", "alexnet-2012"):
        part = parted(create(name, classes=2), ten, size=256, crop=224)
        assert part is not None
        assert part.outputs(224) == 55


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(3, 8, 5, stride=3), nn.ReLU()),  # corners are no multiples of 3
        nn.Sequential(nn.Conv2d(3, 8, 11, stride=4, padding=2), nn.ReLU()),  # zeros on all sides
        nn.Sequential(nn.ReLU(), nn.Conv2d(3, 8, 11, stride=4)),
        nn.Conv2d(3, 8, 11, stride=4),
    ],
)
def test_others_go_view_by_view(network: nn.Module) -> None:
    assert parted(network, TEN, size=SIZE, crop=CROP) is None


def test_few_views_are_not_worth_it() -> None:
    assert parted(small(), TEN[:1], size=SIZE, crop=CROP) is None
    assert parted(small(), [TEN[2], TEN[7]], size=SIZE, crop=CROP) is None


@pytest.mark.parametrize("side", [CROP, 1])
def test_scores_are_those_of_every_view_normalised_alone(side: int) -> None:
    network, mean = small(), 200 * torch.rand(3, side, side)
    images = np.random.default_rng(0).integers(0, 256, (7, SIZE, SIZE, 3), dtype=np.uint8)
    divisor = torch.tensor([50.0, 60.0, 70.0])[:, None, None]
    preprocessing = Preprocessing(SIZE, "crop", CROP, 3, mean, divisor)
    views, labels = evaluation_views("ten", SIZE, CROP), torch.zeros(7, dtype=torch.int64)

    def passed(view: View) -> list[Tensor]:
        every = Windows(*(np.full(7, value) for value in view))
        return [preprocessing(torch.from_numpy(gather(images, np.arange(7), every, CROP)))]

    right = predict(network, map(passed, views), labels)
    windows = [Window(*view) for view in views]
    part = parted(network, windows, size=SIZE, crop=CROP)
    assert part is not None
    pictures, rest = mean_apart(preprocessing)
    assert (rest is None) == (side == 1)
    answers = ViewsTogether(part, windows, crop=CROP, mean=rest)
    batches = [pictures(torch.from_numpy(images[:4])), pictures(torch.from_numpy(images[4:]))]
    found = predict_together(answers, batches, labels)
    torch.testing.assert_close(found.probabilities, right.probabilities, rtol=1e-4, atol=1e-6)
