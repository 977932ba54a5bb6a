"""Which pictures to set aside and why: a list for the user's own hands, the pictures stay as they are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.examination.duplicates import Numbers
from alexnet.dataset.sources import Entry
from alexnet.dataset.writing import explained
from alexnet.files import written_whole

__all__ = ["SetAside", "write_list"]


@dataclass
class SetAside:
    """For each picture of a listing the first reason to set it aside: a byte each, 0 for none."""

    reasons: NDArray[np.uint8]  # [N], 1 + the place in `kinds`
    kinds: list[str] = field(default_factory=list)

    def add(self, kind: str, places: Numbers) -> None:
        """Set aside the pictures at `places` that are not yet."""
        self.kinds.append(kind)
        fresh = places[self.reasons[places] == 0]
        self.reasons[fresh] = len(self.kinds)

    def add_all(self, kind: str, mask: NDArray[np.bool_]) -> None:
        """The same for all pictures where a mask [N] holds."""
        self.kinds.append(kind)
        np.putmask(self.reasons, mask & (self.reasons == 0), len(self.kinds))

    def named(self, entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
        """Name and reason of each, from the same listing."""
        for entry, reason in zip(entries, self.reasons, strict=False):
            if reason:
                yield entry.name, self.kinds[reason - 1]


def write_list(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write a line a picture: its name, a tab, the reason; what would break a line in a name is escaped."""
    with explained(path), written_whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        for name, reason in rows:
            plain = name if name.isprintable() else name.encode("unicode_escape").decode()
            file.write(f"{plain}\t{reason}\n")
