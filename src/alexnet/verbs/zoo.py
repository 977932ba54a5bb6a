"""The sizes of all networks as a file, so that `alexnet networks` need not build each: that takes a while.

The file says from which sources it was counted. Where a network was changed or added since, it is not
believed. `make zoo` writes it anew.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from alexnet.files import written_whole

SOURCES = Path(__file__).parents[1] / "networks"
FILE = SOURCES / "zoo.json"


def kept() -> list[dict[str, Any]]:
    """The rows, oldest first; none if the networks' files are no longer those that were counted."""
    try:
        told = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    rows: list[dict[str, Any]] = told["networks"] if told["sources"] == sources() else []
    return rows


def keep(rows: list[dict[str, Any]]) -> None:
    """Write the rows, a network a line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    with written_whole(FILE) as partial:
        partial.write_text(f'{{"sources": "{sources()}", "networks": [\n{lines}\n]}}\n', encoding="utf-8")


def sources() -> str:
    """SHA-256 over the files of `alexnet.networks`."""
    digest = sha256()
    for path in sorted(SOURCES.glob("*.py")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()
