"""The packed images of a split by number, however they are kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexnet.batches.views import Images
from alexnet.dataset.encoded import EncodedImages
from alexnet.dataset.packed import Split
from alexnet.dataset.raw import advised
from alexnet.dataset.remote_images import RemoteImages


def images_of(split: Split) -> Images:
    """The images of a split by number, decoded when asked for where they are kept as JPEG."""
    return advised(split.images) if split.encoding == "raw" else Decoded(split.encoded)


@dataclass(frozen=True)
class Decoded:
    """Pictures kept as JPEG, as if they were an array."""

    encoded: EncodedImages | RemoteImages

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One picture, uint8 [size, size, 3]."""
        (picture,) = self.encoded.pixels([index])
        return np.asarray(picture)
