"""Files that are there whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; on leaving, flush it to the disk and rename it to `path`."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        flush(partial)
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Bring what is written of a file to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    # safetensors makes files that only their owner reads; a run folder is to be shared as any other file
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def remove(path: Path) -> None:
    """Take a file away, or a folder with what is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def write_json(path: Path, document: Any) -> None:
    """Write `document` as indented JSON, whole."""
    with written_whole(path) as partial:
        partial.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
