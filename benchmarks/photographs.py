"""The photographs that rooms measure on."""

import os
import tarfile
from pathlib import Path


def photographs() -> Path:
    """Four hundred pictures of ILSVRC-2012 in one tar; `ALEXNET_DATA` says where data lies."""
    folder = Path(os.environ.get("ALEXNET_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
    found = folder / "imagenet-samples-400.tar"
    if not found.exists():
        raise SystemExit(f"no {found}: set ALEXNET_DATA to the folder of imagenet-samples-400.tar")
    return found


def in_two_classes(folder: Path) -> Path:
    """The photographs as files of two classes by turns, so that each class has many."""
    with tarfile.open(photographs()) as tar:
        for number, member in enumerate(entry for entry in tar if entry.isfile()):
            there = folder / ("even", "odd")[number % 2] / Path(member.name).name
            there.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None
            there.write_bytes(content.read())
    return folder
