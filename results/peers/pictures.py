"""Write a set of the comparison from an archive of class folders: its first classes, their first pictures.

Run: python results/peers/pictures.py tiny-imagenet-50.tar.gz tiny20
     python results/peers/pictures.py cifar10-jpeg.tar.gz cifar10 --classes 10 --each 5000
"""

import argparse
import tarfile
from collections import Counter
from pathlib import Path, PurePosixPath

SPLITS = {"train": "train", "val": "val", "test": "val"}


def main() -> None:
    """Write what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--each", type=int, default=300, help="training pictures a class; all of validation")
    words = parser.parse_args()
    write(words.archive, words.folder, classes=words.classes, each=words.each)


def write(archive: Path, folder: Path, *, classes: int, each: int) -> None:
    """Copy train/CLASS/… and val/CLASS/… as they are; a test split becomes the one that is validated."""
    seen: Counter[str] = Counter()
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if not member.isfile() or len(parts) != 3 or parts[0] not in SPLITS:
                continue
            split, kind, name = SPLITS[parts[0]], *parts[1:]
            if split == "train":
                if (kind not in seen and len(seen) == classes) or seen[kind] == each:
                    continue
                seen[kind] += 1
            if kind in seen:
                path = folder / split / kind / name
                path.parent.mkdir(parents=True, exist_ok=True)
                file = tar.extractfile(member)
                assert file is not None
                path.write_bytes(file.read())


if __name__ == "__main__":
    main()
