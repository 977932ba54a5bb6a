import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet.dataset.decode import decode
from alexnet.dataset.examination.near import find_near, how_alike, perceptual_hashes, similar
from alexnet.dataset.examination.rendering import rendering
from alexnet.dataset.sources import open_source


def pictures(count: int, side: int = 32) -> list[np.ndarray]:
    """Photograph-like: noise at every scale, each from its own seed."""
    found = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        whole = np.zeros((side, side, 3))
        for cells in (2, 4, 8, 16):
            noise = random.integers(0, 256, (cells, cells, 3)).astype(np.uint8)
            whole += np.asarray(Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)) / cells
        found.append(np.clip(whole / whole.max() * 255, 0, 255).astype(np.uint8))
    return found


def again(picture: np.ndarray, quality: int = 75, scale: float = 1.0, brighter: float = 1.0) -> np.ndarray:
    """The same picture through JPEG, of another size, or brighter."""
    side = round(len(picture) * scale)
    image = Image.fromarray(np.clip(picture * brighter, 0, 255).astype(np.uint8)).resize((side, side))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def rendered(found: list[np.ndarray]) -> np.ndarray:
    return np.stack([rendering(picture) for picture in found])


COPIES = {
    "encoded anew": {"quality": 60},
    "larger": {"scale": 2.0},
    "smaller": {"scale": 0.75},
    "brighter": {"brighter": 1.1},
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_are_found_and_nothing_else(how: str) -> None:
    originals = pictures(300)
    copies = [again(picture, **COPIES[how]) for picture in originals[:60]]
    near = find_near(rendered(originals + copies), np.arange(360))
    by_group: dict[int, set[int]] = {}
    for group, place in zip(near.groups.group.tolist(), near.groups.members.tolist(), strict=True):
        by_group.setdefault(group, set()).add(place)
    wanted = [{number, 300 + number} for number in range(60)]
    assert sum(pair in by_group.values() for pair in wanted) >= 57  # 95 %
    assert all(group in wanted for group in by_group.values())


def test_only_the_places_asked_for_are_compared() -> None:
    found = pictures(40)
    near = find_near(rendered(found + found), np.r_[:20, 60:80])  # no copy among them
    assert len(near.groups.members) == 0
    near = find_near(rendered(found[:5] + found[:5]), np.arange(10))
    assert sorted(near.groups.members.tolist()) == list(range(10))


def test_plain_pictures_are_like_none() -> None:
    plain = np.full((4, 8, 8, 3), 128, np.uint8)
    plain[1:] += np.random.default_rng(0).integers(0, 2, (3, 8, 8, 3), np.uint8)
    assert not similar(plain[:2], plain[2:]).any()
    assert not len(find_near(plain, np.arange(4)).groups.members)


def test_hashes_are_of_the_luma_and_stable() -> None:
    found = rendered(pictures(50))
    hashes = perceptual_hashes(found)
    assert len(np.unique(hashes)) == 50
    assert (perceptual_hashes(np.clip(found * 0.9, 0, 255).astype(np.uint8)) != hashes).mean() < 0.7
    far = np.bitwise_count(hashes[:, None] ^ hashes[None])[np.triu_indices(50, 1)]
    assert 25 < far.mean() < 39  # as of coins


def test_pictures_that_are_alike_by_nature_must_be_more_alike() -> None:
    source = open_source("digits")
    digits = rendered([np.asarray(read()) for _, read in source.contents()])
    assert how_alike(digits, np.arange(len(digits))) > how_alike(rendered(pictures(300)), np.arange(300))
    assert len(find_near(digits, np.arange(len(digits))).groups.members) < 0.02 * len(digits)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_nothing_is_compared_without_an_error(count: int) -> None:
    assert len(find_near(rendered(pictures(3)), np.arange(count)).groups.members) == 0


def test_photographs_of_imagenet_are_all_different(data: Path) -> None:
    contents = open_source(data / "imagenet-samples-400.tar").contents()
    some = [decode(read()) for number, (_, read) in enumerate(contents) if number % 8 == 0]
    assert not len(find_near(rendered(some), np.arange(len(some))).groups.members)
