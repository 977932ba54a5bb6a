"""`alexnet codes`: binary codes of features, learned by one command and kept beside the index."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alexnet.probing.autoencoder import STEPS
from alexnet.probing.features import HIDDEN
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.verbs.index import open_index
from alexnet.verbs.probe.asked import asked_of


@dataclass(frozen=True)
class Coded:
    """Codes that were learned, and the file that holds them with their coder."""

    file: str
    bits: int
    images: int
    features: int
    bytes_a_picture: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def codes(
    run: str | Path | Run,
    *,
    bits: int = 128,
    layer: str = HIDDEN,
    split: str = "train",
    seed: int = 0,
    steps: int = STEPS,
    data: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Coded:
    """Learn codes of `bits` bits from the features of `split`; `similar(…, codes=bits)` searches by them."""
    asked = asked_of(run, data=data, device=device, progress=progress)
    index = open_index(asked, layer=layer, split=split)
    file = index.learn(bits, seed=seed, steps=steps)
    images, width = index.features.shape
    return Coded(str(file), bits, images, width, bits // 8)
