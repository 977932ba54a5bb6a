"""Changes of pictures keep what they say they keep; the reading follows its written rule."""

import numpy as np
import pytest

from alexnet.probing.texture import edges, greyed, shuffled, silhouettes
from alexnet.probing.texture_reading import Changed, reading, texture_figure
from alexnet.problem import UsageProblem


def noise(count: int = 3, side: int = 13) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def patches_of(picture: np.ndarray, grid: int) -> list[bytes]:
    side = len(picture) // grid
    return [
        picture[row * side : (row + 1) * side, column * side : (column + 1) * side].tobytes()
        for row in range(grid)
        for column in range(grid)
    ]


@pytest.mark.parametrize("grid", [2, 3, 4])
def test_shuffled_patches_are_the_same_in_other_places(grid):
    pictures = noise()
    made = shuffled(pictures, grid)
    for before, after in zip(pictures, made, strict=True):
        old, new = patches_of(before, grid), patches_of(after, grid)
        assert sorted(old) == sorted(new)
        assert all(one != other for one, other in zip(old, new, strict=True))
    whole = 13 // grid * grid
    np.testing.assert_array_equal(made[:, whole:], pictures[:, whole:])
    np.testing.assert_array_equal(made[:, :, whole:], pictures[:, :, whole:])


def test_a_shuffle_belongs_to_the_picture_and_the_seed():
    pictures = noise(1).repeat(2, axis=0)
    made = shuffled(pictures, 3, numbers=[7, 8])
    assert not np.array_equal(made[0], made[1])
    np.testing.assert_array_equal(shuffled(pictures[:1], 3, numbers=[8])[0], made[1])
    assert not np.array_equal(shuffled(pictures[:1], 3, seed=1, numbers=[8])[0], made[1])


@pytest.mark.parametrize("grid", [1, 5])
def test_grids_that_leave_no_patches_are_refused(grid):
    with pytest.raises(UsageProblem, match=r"grid of 2 … 4"):
        shuffled(noise(), grid)


def test_grey_has_equal_channels_and_the_luma():
    made = greyed(noise())
    assert (made == made[..., :1]).all()
    luma = noise() @ np.array([0.299, 0.587, 0.114])
    assert np.abs(made[..., 0] - luma).max() <= 0.5 + 1e-3


def square(side: int = 24, top: int = 6, size: int = 10) -> np.ndarray:
    picture = np.full((1, side, side, 3), 40, np.uint8)
    picture[0, top : top + size, top : top + size] = (220, 180, 60)
    return picture


def test_edges_of_a_square_are_its_outline():
    black = edges(square())[0, ..., 0] == 0
    inside = black[8:14, 8:14]
    outside = black.copy()
    outside[4:18, 4:18] = False
    assert not inside.any()
    assert not outside.any()
    assert black[5:8, 10].sum() == black[14:17, 10].sum() == 1  # one pixel thin
    assert black[10, 5:8].sum() == black[10, 14:17].sum() == 1


def test_a_picture_of_one_colour_has_no_edge():
    assert (edges(np.full((1, 9, 9, 3), 90, np.uint8)) == 255).all()


def test_the_silhouette_of_a_square_is_the_square():
    drawn, sensible = silhouettes(square())
    expected = np.zeros((24, 24), dtype=bool)
    expected[6:16, 6:16] = True
    assert sensible.tolist() == [True]
    assert ((drawn[0, ..., 0] == 0) != expected).sum() <= 4  # its corners are rounded


def test_silhouettes_of_nothing_of_edges_and_of_noise_mean_nothing():
    blank = np.full((1, 24, 24, 3), 90, np.uint8)
    band = np.full((1, 24, 24, 3), 90, np.uint8)
    band[:, :12] = 200  # half of the border is as much thing as ground
    for pictures in (blank, band, square(top=2, size=3)):
        assert silhouettes(pictures)[1].tolist() == [False]


def changed(name: str, leaves: str, right: int, pictures: int = 1000) -> Changed:
    return Changed(name, leaves, pictures, right, right)


@pytest.mark.parametrize(
    ("whole", "coarse", "fine", "edge", "shape", "says"),
    [
        (800, 790, 500, 300, 200, "texture carries more than shape: 50.0 % (4 × 4) against 30.0 % (edges)"),
        (800, 790, 200, 300, 500, "shape carries more than texture: 20.0 % (4 × 4) against 50.0 %"),
        (800, 790, 300, 310, 200, "cannot be told apart"),
        (100, 100, 100, 100, 100, "not above chance on the pictures"),
        (800, 790, 100, 90, 95, "neither texture alone nor shape alone"),
    ],
)
def test_the_reading_follows_its_rule(whole, coarse, fine, edge, shape, says):
    made = [
        changed("as they are", "nothing", whole), changed("2 × 2", "texture", coarse),
        changed("4 × 4", "texture", fine), changed("edges", "shape", edge),
        changed("silhouettes", "shape", shape),
    ]  # fmt: skip
    assert says in reading(made, 10)


def test_without_shapes_there_is_nothing_to_compare():
    made = [changed("as they are", "nothing", 9, 10), changed("2 × 2", "texture", 9, 10),
            changed("silhouettes", "shape", 0, 0)]  # fmt: skip
    assert "nothing to compare" in reading(made, 2)
    assert made[2].document()["accuracy"] == 0.0


def test_the_figure_has_a_row_a_change(tmp_path):
    made = [changed("as they are", "nothing", 9), changed("2 × 2 patches shuffled", "texture", 9)]
    figure = texture_figure("title", made, [noise(3), noise(2)], classes=2, says="words")
    figure.savefig(tmp_path / "texture.png")
    pictures = [axis for part in figure.subfigs for axis in part.get_axes() if axis.images] or [
        axis for axis in figure.axes if axis.images
    ]
    assert len(pictures) == 5
