"""Turns, scales, squeezes, shears and shifts of training views: about the middle, each image's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from alexnet.batches.affine import backward, move
from alexnet.ingredients import Affine
from alexnet.problem import UsageProblem
from alexnet.recipes import find
from alexnet.settings import override

SIDE = 32
MARGIN = np.uint8([10, 120, 200])
WHOLE = Affine(turn=20, scale=(0.8, 1.3), squeeze=0.2, shear=0.3, shift=0.1)


@pytest.fixture
def picture():
    smooth = np.random.default_rng(3).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return Image.fromarray(smooth).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("affine", "drawn", "peer"),
    [
        (Affine(turn=30), {0: 0.5}, {"angle": 15.0}),
        (Affine(turn=30), {0: -1.0}, {"angle": -30.0}),
        (Affine(scale=(0.5, 2.0)), {1: 1.0}, {"scale": 2.0}),
        (Affine(scale=(0.5, 2.0)), {1: -0.5}, {"scale": 0.5**0.5}),
        (Affine(shift=0.25), {4: -0.5, 5: 1.0}, {"translate": [8, -4]}),
        (Affine(shear=np.tan(0.3)), {3: -1.0}, {"shear": [np.rad2deg(0.3), 0.0]}),
        (
            Affine(turn=10, scale=(0.9, 0.9), shift=0.125), {0: 1.0, 4: 1.0},
            {"angle": 10.0, "scale": 0.9, "translate": [0, 4]},
        ),
    ],
)  # fmt: skip
def test_each_is_torchvisions(picture, affine, drawn, peer):
    words = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]} | peer
    theirs = transforms.affine(
        picture, interpolation=InterpolationMode.BILINEAR, fill=MARGIN.tolist(), **words
    )
    draws = np.zeros((1, 6))
    for place, value in drawn.items():
        draws[0, place] = value
    if affine.scale[0] == affine.scale[1]:
        draws[0, 1] = 0.7  # whatever is drawn
    (row,) = backward(affine, draws, SIDE, SIDE).tolist()
    ours = picture.transform(
        picture.size, Image.Transform.AFFINE, row, Image.Resampling.BILINEAR, fillcolor=(10, 120, 200)
    )
    apart = np.abs(np.asarray(ours).astype(int) - np.asarray(theirs).astype(int))
    assert (apart > 1).mean() < 0.005  # rounding decides at the very edge


def test_a_squeeze_is_wider_by_what_it_is_lower():
    ((a, b, _, d, e, _),) = backward(Affine(squeeze=0.25), np.array([[0, 0, 1.0, 0, 0, 0]]), SIDE, SIDE)
    assert (a, e) == pytest.approx((1 / 1.25, 1.25))
    assert (b, d) == pytest.approx((0, 0))


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_areas_grow_by_the_square_of_the_scale_alone_and_the_middle_goes_where_the_shift_says(draws):
    ((a, b, c, d, e, f),) = backward(WHOLE, np.array([draws]), SIDE, 2 * SIDE).tolist()
    scale = 0.8 * (1.3 / 0.8) ** ((draws[1] + 1) / 2)
    assert a * e - b * d == pytest.approx(1 / scale**2)
    x, y = SIDE + 0.1 * draws[5] * 2 * SIDE, SIDE / 2 + 0.1 * draws[4] * SIDE
    assert (a * x + b * y + c, d * x + e * y + f) == pytest.approx((SIDE, SIDE / 2))


def test_nothing_asked_for_changes_nothing(picture):
    views = np.stack([np.asarray(picture)] * 3)
    moved = views.copy()
    move(moved, Affine(), np.arange(3), MARGIN, seed=0, epoch=0)
    assert np.array_equal(moved, views)


def test_what_comes_in_has_the_colour_of_the_margin(picture):
    views = np.asarray(picture)[None].copy()
    move(views, Affine(scale=(0.5, 0.5)), np.arange(1), MARGIN, seed=0, epoch=0)
    assert (views[0, :7] == MARGIN).all()
    assert (views[0, :, -7:] == MARGIN).all()
    assert (views[0, 9:23, 9:23] != MARGIN).any(axis=2).mean() > 0.9


def test_the_draw_is_the_images_own(picture):
    views = np.stack([np.asarray(picture)] * 6)
    together, alone, other = views.copy(), views.copy(), views.copy()
    move(together, WHOLE, np.arange(6), MARGIN, seed=1, epoch=2)
    for i in (4, 0, 5, 1, 3, 2):
        move(alone[i : i + 1], WHOLE, np.arange(i, i + 1), MARGIN, seed=1, epoch=2)
    assert np.array_equal(together, alone)
    assert len(np.unique(together.reshape(6, -1), axis=0)) == 6
    move(other, WHOLE, np.arange(6), MARGIN, seed=1, epoch=3)
    assert not (other == together).all(axis=(1, 2, 3)).any()


def test_a_recipe_takes_it_and_refuses_what_is_none():
    recipe = find("lenet-mnist")
    changed = override(recipe, ['affine={"turn":12,"scale":[0.9,1.1]}', "affine.turn=15"])
    assert changed.affine == Affine(turn=15, scale=(0.9, 1.1))
    for wrong in ('{"scale":[1.2,0.8]}', '{"scale":[0,1]}', '{"turn":-3}', '{"shift":0.7}', '{"zoom":2}'):
        with pytest.raises(UsageProblem, match="affine"):
            override(recipe, [f"affine={wrong}"])
