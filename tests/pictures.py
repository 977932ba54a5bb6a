"""Small sources that the tests of the data set make for themselves."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def jpeg(seed: int, height: int = 20, width: int = 26) -> bytes:
    """A picture that no other seed gives."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 2, width // 2, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((width, height)).save(file, "JPEG")
    return file.getvalue()


def write(root: Path, names: Iterable[str], *, first: int = 0) -> Path:
    """A folder with a different picture under each name, their seeds counted from `first`."""
    for seed, name in enumerate(names, first):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed, 16 + seed % 7, 18 + seed % 5))
    return root


def classes(count: int, *, each: int, before: str = "") -> list[str]:
    """Names of pictures in class folders: a/00.jpg, a/01.jpg, ... b/00.jpg, ..."""
    return [f"{before}{letter}/{number:02}.jpg" for letter in "abcdefgh"[:count] for number in range(each)]


def archive(path: Path, root: Path, before: str = "") -> Path:
    """A tar of a folder, packed if its name says so, members in the folder's order."""
    with tarfile.open(path, "w:gz" if path.suffix != ".tar" else "w") as tar:
        for file in sorted(root.rglob("*")):
            tar.add(file, before + file.relative_to(root).as_posix(), recursive=False)
    return path


def contents(pack: Path) -> dict[str, bytes]:
    """Every file of a folder, for comparison."""
    return {
        file.relative_to(pack).as_posix(): file.read_bytes() for file in pack.rglob("*") if file.is_file()
    }
