"""Where files fetched from elsewhere are kept: `ALEXNET_CACHE`, or `alexnet` in the user's cache folder.

Source: XDG Base Directory Specification.
"""

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder(kind: str) -> Path:
    """The folder for files of one kind, made if it is missing."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("ALEXNET_CACHE") or Path(home) / "alexnet") / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder
