"""Distortions of training views: of the paper's kinds and strengths, each image's own."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as transforms

from alexnet.batches.distortions import DISTORTIONS_OF, distort
from alexnet.batches.views import cut_out

GREY = (127, 127, 127)


@pytest.fixture
def picture(rng):
    smooth = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return Image.fromarray(smooth).resize((32, 32), Image.Resampling.BICUBIC)


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize(
    ("number", "peer"),
    [
        (6, lambda image, s: transforms.adjust_brightness(image, 1 + 0.99 * s)),
        (7, lambda image, s: transforms.adjust_saturation(image, 1 + 0.99 * s)),
        (8, lambda image, s: transforms.adjust_contrast(image, 1 + 0.99 * s)),
        (9, lambda image, s: transforms.adjust_sharpness(image, 1 + 0.99 * s)),
        (10, lambda image, s: transforms.posterize(image, 8 - round(6 * abs(s)))),
        (12, lambda image, s: transforms.autocontrast(image)),
        (13, lambda image, s: transforms.equalize(image)),
        (5, lambda image, s: transforms.rotate(image, 135 * s, fill=[127, 127, 127])),
        (3, lambda image, s: transforms.affine(
            image, angle=0, translate=[-round(16 * s), 0], scale=1, shear=[0, 0], fill=[127, 127, 127])),
    ],
)  # fmt: skip
@pytest.mark.parametrize("strength", [-1.0, -0.3, 0.0, 0.6, 1.0])
def test_each_is_torchvisions(picture, number, peer, strength):
    ours = pixels(DISTORTIONS_OF[number](picture, strength, GREY))
    assert np.array_equal(ours, pixels(peer(picture, strength)))


def test_no_strength_changes_nothing_but_by_the_two_that_have_none(picture):
    for number, distortion in enumerate(DISTORTIONS_OF[:12]):
        if number != 11:  # solarizing at 255 turns pure white over
            assert np.array_equal(pixels(distortion(picture, 0.0, GREY)), pixels(picture)), number


def test_a_shear_keeps_the_middle_and_fills_the_corners(picture):
    sheared = pixels(DISTORTIONS_OF[1](picture, 1.0, GREY))
    assert (sheared[0, 0] == GREY).all() or (sheared[0, -1] == GREY).all()
    assert np.abs(sheared[16, 2:-2] - pixels(picture)[16, 2:-2]).max() < 60


def test_the_draw_is_the_images_own(rng):
    views = rng.integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)
    keys, margin = np.arange(6), np.uint8([1, 2, 3])
    together, alone = views.copy(), views.copy()
    distort(together, keys, margin, seed=1, epoch=2)
    for i in (4, 0, 5, 1, 3, 2):
        distort(alone[i : i + 1], keys[i : i + 1], margin, seed=1, epoch=2)
    assert np.array_equal(together, alone)
    other = views.copy()
    distort(other, keys, margin, seed=1, epoch=3)
    assert not np.array_equal(together, other)


def test_every_kind_is_as_likely(rng):
    views = np.broadcast_to(np.uint8([10, 200, 90]), (3000, 8, 8, 3)).copy()
    before = views.copy()
    distort(views, np.arange(3000), np.uint8([0, 0, 0]), seed=0, epoch=0)
    changed = (views != before).reshape(3000, -1).any(1).mean()
    assert 0.4 < changed < 0.9  # a plain picture is changed by half of the kinds and more


def test_a_cutout_is_a_square_of_the_colour_and_may_hang_over_the_edge():
    views = np.zeros((3, 10, 10, 3), np.uint8)
    cut_out(views, 4, np.uint8([9, 8, 7]), np.array([[0.5, 0.5], [0.0, 0.0], [0.99, 0.5]]))
    assert [(view == (9, 8, 7)).all(2).sum() for view in views] == [16, 4, 12]
    assert (views[0, 3:7, 3:7] == (9, 8, 7)).all()


def test_torch_is_left_alone(picture):
    state = torch.get_rng_state()
    distort(np.asarray(picture)[None].copy(), np.arange(1), np.uint8(GREY), seed=0, epoch=0)
    assert torch.equal(state, torch.get_rng_state())
