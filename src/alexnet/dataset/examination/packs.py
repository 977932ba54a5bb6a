"""Whether a packed data set is whole: description, manifest and pixels against each other.

What the manifest knows is looked at too: pictures that repeat, leak or have two labels, and the classes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.examination.class_findings import class_findings
from alexnet.dataset.examination.duplicates import Same, equal_contents, repeats
from alexnet.dataset.examination.figures import measure
from alexnet.dataset.examination.findings import EXAMPLES, Finding, Words, finding, named, same_finding
from alexnet.dataset.examination.pack_manifest import PackManifest, read_pack_manifest
from alexnet.dataset.examination.report import Report, make_report
from alexnet.dataset.manifest import read_sources
from alexnet.dataset.packed import Packed, Split, fingerprint_of, open_packed
from alexnet.dataset.sources import SPLITS
from alexnet.dataset.statistics import Moments, add_all
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["examine_pack"]
"""The keys of dataset.json over which its fingerprint is taken, as far as they are there."""

Manifests = Mapping[str, PackManifest]


def examine_pack(path: Path, *, progress: Progress = silent) -> Report:
    """Examine a pack; a folder that is none, or half of one, is a Problem that says what to do."""
    pack = open_packed(path)
    manifests = {split: read_pack_manifest(path / f"{split}.parquet", progress) for split in pack.splits}
    counts = {split: manifest.counts for split, manifest in manifests.items()}
    findings = [
        *named(_DESCRIPTION, list(_described(pack, manifests))),
        *named(_MANIFEST, [words for split in pack.splits for words in _rows(pack, split, manifests[split])]),
        *named(_PIXELS, list(_pixels(pack, manifests, progress))),
        *_repeated(pack, manifests),
        *class_findings(counts),
        *_skipped(manifests),
    ]
    sizes = np.concatenate([part.sizes for part in manifests.values()])
    figures = measure(path.resolve().name, counts, sizes=(sizes[:, 0], sizes[:, 1]), native_size=pack.size)
    return make_report(figures, counts, findings)


def _described(pack: Packed, manifests: Manifests) -> Iterator[str]:
    if fingerprint_of(pack.description) != pack.fingerprint:
        yield "the fingerprint is not that of the description"
    digests = pack.description.get("digests", {})
    for split, manifest in manifests.items():
        if digests.get(split) != manifest.digest:
            yield f"{split}: hashes and labels are not those of the description"


def _rows(pack: Packed, split: str, manifest: PackManifest) -> Iterator[str]:
    """What does not agree between a split's manifest and the description."""
    rows = len(manifest.labels)
    if rows != pack.counts[split]:
        yield f"{split}: {rows} rows for {pack.counts[split]} pictures"
    if rows and not 0 <= manifest.labels.min() <= manifest.labels.max() < len(pack.classes):
        yield f"{split}: labels beyond the {len(pack.classes)} classes"
        return
    for label, name in sorted(manifest.names):
        if pack.classes[label] != name:
            yield f"{split}: class {name} under the number of {pack.classes[label]}"


def _pixels(pack: Packed, manifests: Manifests, progress: Progress) -> Iterator[str]:
    """Splits whose pictures cannot be read, or are not those that were measured or hashed."""
    for name in pack.splits:
        split = pack.split(name)
        moments = Moments(pack.size)
        try:
            add_all(moments, partial(_read, split), len(split), progress=progress)
            yield from _hashed(split, manifests[name])
        except Problem as problem:
            yield f"{name}: {problem}"
        else:
            if name == "train" and not _as_measured(pack, moments):
                yield "train: the mean and the colours are not those of statistics.npz"


def _read(split: Split, first: int, last: int) -> NDArray[np.uint8]:
    return split.pixels(np.arange(first, last))


def _as_measured(pack: Packed, moments: Moments) -> bool:
    now, then = moments.statistics(), pack.statistics
    return bool(
        np.array_equal(now.mean_image, then.mean_image)
        and np.allclose(now.channel_deviations, then.channel_deviations)
        and np.allclose(now.colour_eigenvalues, then.colour_eigenvalues)
    )


def _hashed(split: Split, manifest: PackManifest) -> Iterator[str]:
    """Where pictures came as arrays of the right size, their pixels still have the hashes of the manifest."""
    if split.encoding != "raw" or len(manifest.labels) != len(split):
        return
    kept = np.flatnonzero(manifest.unchanged)
    if not len(kept) or not _same_hash(split, manifest, int(kept[0])):
        return  # hashes are of files
    wrong = [number for number in kept.tolist() if not _same_hash(split, manifest, number)]
    if wrong:
        yield f"{split.name}: {len(wrong)} pictures have changed, first {split.sources(wrong[:1])[0]}"


def _same_hash(split: Split, manifest: PackManifest, number: int) -> bool:
    digest = hashlib.sha256(split.images[number].tobytes()).digest()
    return bool((np.frombuffer(digest, "<u8", 2) == manifest.digests[number]).all())


def _repeated(pack: Packed, manifests: Manifests) -> list[Finding]:
    """Equal contents, by the hashes of the manifest."""
    digests = np.concatenate([manifest.digests for manifest in manifests.values()])
    labels = np.concatenate([manifest.labels for manifest in manifests.values()])
    splits = np.concatenate(
        [np.full(len(manifest.labels), SPLITS.index(split)) for split, manifest in manifests.items()]
    )
    found = repeats(equal_contents(digests), splits=splits, labels=labels, examples=EXAMPLES)
    kinds = {
        "duplicate": (found.within, len(labels)),
        "leak": (found.across, int((splits > 0).sum())),
        "two labels": (found.two_labels, len(labels)),
    }
    return [
        each
        for kind, (same, among) in kinds.items()
        for each in same_finding(kind, same.count, _names(pack, same, splits), pictures=among)
    ]


def _names(pack: Packed, same: Same, splits: NDArray[np.int64]) -> list[str]:
    first = {split: int(np.searchsorted(splits, SPLITS.index(split))) for split in pack.splits}

    def name(place: int) -> str:
        split = SPLITS[int(splits[place])]
        return read_sources(pack.path / f"{split}.parquet", [place - first[split]])[0]

    return [f"{name(one)} = {name(other)}" for one, other in same.pairs]


def _skipped(manifests: Manifests) -> list[Finding]:
    examples = [one for manifest in manifests.values() for one in manifest.skipped]
    return finding(_SKIPPED, sum(manifest.skips for manifest in manifests.values()), examples)


_AGAIN = "prepare it again: what was measured on it cannot be trusted"

_DESCRIPTION = Words(
    "description", "error", "dataset.json does not go with the rest of the folder: files were changed", _AGAIN
)
_MANIFEST = Words("manifest", "error", "the rows of the manifest do not go with the pictures", _AGAIN)
_PIXELS = Words("pixels", "error", "the pictures are not those that were packed", _AGAIN)
_SKIPPED = Words(
    "skipped",
    "note",
    "pictures of the source that could not be read are not in the pack",
    "mend them in the source and prepare it again, if they matter",
)
