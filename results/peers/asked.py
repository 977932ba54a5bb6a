"""What every peer is asked and answers; imported first, so that its clock starts with the program."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

BEGAN = time.monotonic()


@dataclass(frozen=True)
class Asked:
    """A folder with train/CLASS/… and val/CLASS/…, the time for all of it, a seed, a side in pixels."""

    pictures: Path
    seconds: float
    seed: int
    side: int

    def left(self) -> float:
        """Seconds until the training is to be over."""
        return BEGAN + self.seconds - time.monotonic()

    def count(self, split: str) -> int:
        """Pictures of a split."""
        return sum(1 for path in (self.pictures / split).glob("*/*") if path.is_file())

    def classes(self) -> int:
        """Classes there are."""
        return sum(1 for path in (self.pictures / "train").iterdir() if path.is_dir())


def asked(peer: str) -> Asked:
    """Parse PICTURES --minutes M --seed S --side PIXELS."""
    parser = argparse.ArgumentParser(description=peer)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=64)
    words = parser.parse_args()
    return Asked(words.pictures, 60.0 * words.minutes, words.seed, words.side)


def spent() -> float:
    """Seconds since the program began."""
    return time.monotonic() - BEGAN


def answer(
    peer: str, packages: Sequence[str], seconds: float, epochs: float, errors: Sequence[float]
) -> None:
    """Print the result; `errors` are per cent of the validation pictures after each epoch, the last final."""
    print(
        json.dumps(
            {
                "peer": peer,
                "versions": " ".join(f"{name} {version(name)}" for name in packages),
                "seconds": round(seconds, 1),
                "epochs": round(epochs, 2),
                "top1_error": round(errors[-1], 3),
                "lowest_top1_error": round(min(errors), 3),
            }
        )
    )
