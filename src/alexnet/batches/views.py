"""What the network sees of an image: crops, flips, colour noise, the ten views ([P] §4.1)."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.draws import COLOURS, CROPS, normals, uniforms
from alexnet.batches.inner_loops import mirror_compiled
from alexnet.dataset.statistics import Statistics
from alexnet.ingredients import ColourNoise
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe


class View(NamedTuple):
    """A window of the prepared image: its upper left corner in pixels, and whether it is mirrored."""

    row: int
    column: int
    flip: bool = False


class Images(Protocol):
    """Prepared images by number: an array [N, H, W, 3], or what decodes them."""

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


class Windows(NamedTuple):
    """The views of a batch: corners int64 [N], mirrored bool [N]."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    flips: NDArray[np.bool_]

    def at(self, share: slice) -> "Windows":
        """Those of a share of the batch."""
        return Windows(self.rows[share], self.columns[share], self.flips[share])


def training_windows(
    recipe: Recipe, size: int, *, epoch: int, images: NDArray[np.int64], positions: NDArray[np.int64]
) -> Windows:
    """Windows for `images` (indices, [N]) that stand at `positions` of the epoch's order.

    Every offset from 0 to size + 2·pad − crop is as likely: 33 · 33 and two flips make 2,178 views of
    256 → 224, as in the code; the paper says 2,048. With `images_per_draw` 32 a row of images shares its
    draw, as the 2012 code does ([C] convdata.py).
    """
    keys = draw_keys(recipe, images, positions)
    draws = uniforms(recipe.seed, epoch, keys, stream=CROPS, count=3)  # [N, 3]
    room = size + 2 * recipe.pad - crop_of(recipe, size)
    if recipe.random_crop:
        corners = (draws[:, :2] * (room + 1)).astype(np.int64)
    else:
        corners = np.full((len(images), 2), room // 2, dtype=np.int64)
    flips = flips_of(recipe, draws[:, 2], epoch=epoch, keys=keys)
    return Windows(corners[:, 0], corners[:, 1], flips)


def flips_of(
    recipe: Recipe, draws: NDArray[np.float64], *, epoch: int, keys: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which views are mirrored, [N]; `draws` [N] are of this epoch, 0..1."""
    if recipe.flip == "alternate":  # an image is seen from both sides in every two epochs
        first = uniforms(recipe.seed, 0, keys, stream=CROPS, count=3)[:, 2] < 0.5
        return np.asarray(first ^ bool(epoch % 2))
    return np.asarray((draws < 0.5) & recipe.flip)


def draw_keys(recipe: Recipe, images: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whose draw each image takes, [N]: its own, or that of its row of `images_per_draw`."""
    return images if recipe.images_per_draw == 1 else positions // recipe.images_per_draw


def crop_of(recipe: Recipe, size: int) -> int:
    """Side of a view in pixels; a Problem where the prepared images are smaller."""
    crop = recipe.crop or size
    if crop > size:
        raise Problem(
            f"recipe {recipe.name} crops {crop} pixels but the packed images have {size}; "
            f"prepare them again with --size {crop} or more, or use --set crop={size}"
        )
    return crop


def colour_noise(
    noise: ColourNoise,
    statistics: Statistics,
    *,
    seed: int,
    epoch: int,
    images: NDArray[np.int64],
) -> NDArray[np.float64]:
    """What is added to each channel of each image, pixels 0..255: [N, 3]. One draw an image and epoch."""
    alphas = normals(seed, epoch, images, stream=COLOURS, count=3) * noise.deviation  # [N, 3]
    values = np.maximum(statistics.colour_eigenvalues, 0.0)
    # the paper's eigenvalues are those of pixels 0..1: λ / 255², and what they move is brought back by 255
    lengths = values / 255.0 if noise.form == "paper" else np.sqrt(values)
    # not a matrix product: that rounds an image's sum differently in another batch
    return np.asarray(((alphas * lengths)[:, None, :] * statistics.colour_vectors).sum(axis=2))


def gather(
    images: Images,
    indices: NDArray[np.int64],
    windows: Windows,
    crop: int,
    *,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Cut one window from each image: [N, crop, crop, 3], in `out` if given. Windows must lie inside."""
    views = np.empty((len(indices), crop, crop, 3), dtype=np.uint8) if out is None else out
    rows, columns, flips = (part.tolist() for part in windows)
    for view, index, row, column, flip in zip(views, indices.tolist(), rows, columns, flips, strict=True):
        place(images[index][row : row + crop, column : column + crop], view, flip)
    return views


def place(window: NDArray[np.uint8], view: NDArray[np.uint8], flip: bool) -> None:
    """Copy `window` [H, W, 3] to `view`, mirrored where `flip`.

    >>> view = np.empty((1, 2, 3), np.uint8)
    >>> place(np.uint8([[[1, 2, 3], [4, 5, 6]]]), view, True)
    >>> view.tolist()
    [[[4, 5, 6], [1, 2, 3]]]
    """
    if not flip:
        view[...] = window
    elif not mirror_compiled(window, view):
        for channel in range(3):  # NumPy would else run loops of three bytes: four times slower
            view[..., channel] = window[:, ::-1, channel]


def padded(images: NDArray[np.uint8], pad: int, colour: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Put a margin around each image, of `colour` [3] or its mirror image: [N, H + 2·pad, W + 2·pad, 3]."""
    if colour is None:
        return np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    count, height, width, channels = images.shape
    framed = np.empty((count, height + 2 * pad, width + 2 * pad, channels), dtype=np.uint8)
    framed[...] = colour
    framed[:, pad : pad + height, pad : pad + width] = images
    return framed


def cut_out(
    views: NDArray[np.uint8], side: int, colour: NDArray[np.uint8], draws: NDArray[np.float64]
) -> None:
    """Put a square of `colour` [3] into each of `views` [N, H, W, 3]; its centre by `draws` [N, 2], 0..1.

    Part of it may lie outside (DeVries, Taylor 2017).
    """
    rows, columns = (draws * views.shape[1:3]).astype(np.int64).T - side // 2
    for view, row, column in zip(views, rows.tolist(), columns.tolist(), strict=True):
        view[max(row, 0) : max(row + side, 0), max(column, 0) : max(column + side, 0)] = colour


def evaluation_views(name: str, size: int, crop: int) -> tuple[View, ...]:
    """The views of every image whose softmax outputs are averaged, none twice.

    `center`; `mirror`: the centre and its mirror image; `ten`: four corners, centre, and their mirrors
    ([P] §4.1); `nine`: a 3 × 3 grid, unmirrored, as cuda-convnet tests CIFAR-10.

    >>> [(view.row, view.column) for view in evaluation_views("ten", 256, 224)[:5]]
    [(0, 0), (0, 32), (16, 16), (32, 0), (32, 32)]
    """
    room = size - crop
    middle = room // 2
    corners = [(0, 0), (0, room), (middle, middle), (room, 0), (room, room)]
    windows: dict[str, list[View]] = {
        "center": [View(middle, middle)],
        "mirror": [View(middle, middle, flip) for flip in (False, True)],
        "ten": [View(*corner, flip) for flip in (False, True) for corner in corners],
        "nine": [View(row, column) for row in (0, middle, room) for column in (0, middle, room)],
    }
    if name not in windows:
        raise UsageProblem(f"no views named {name!r}; there are {', '.join(windows)}, and whole in evaluate")
    return tuple(dict.fromkeys(windows[name]))
