"""The photographs that rooms measure on."""

import os
from pathlib import Path


def photographs() -> Path:
    """Four hundred pictures of ILSVRC-2012 in one tar; `ALEXNET_DATA` says where data lies."""
    folder = Path(os.environ.get("ALEXNET_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
    found = folder / "imagenet-samples-400.tar"
    if not found.exists():
        raise SystemExit(f"no {found}: set ALEXNET_DATA to the folder of imagenet-samples-400.tar")
    return found
