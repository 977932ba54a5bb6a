"""Whether a packed data set is whole: description, manifest and pixels against each other.

What the manifest knows is looked at too: pictures that repeat, leak or have two labels, and the classes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.decode import Pixels
from alexnet.dataset.examination.class_findings import class_findings
from alexnet.dataset.examination.duplicates import Same, equal_contents, repeats
from alexnet.dataset.examination.figures import measure
from alexnet.dataset.examination.findings import EXAMPLES, Finding, Words, finding, named, same_finding
from alexnet.dataset.examination.pack_manifest import Manifests, read_pack_manifests
from alexnet.dataset.examination.report import Report, make_report
from alexnet.dataset.examination.rows import where
from alexnet.dataset.manifest import read_sources
from alexnet.dataset.packed import NO_LABEL, Packed, Split, fingerprint_of, open_packed
from alexnet.dataset.statistics import Moments, add_all
from alexnet.problem import Problem
from alexnet.progress import Progress, silent

__all__ = ["examine_manifests", "examine_pack"]

Hashes = NDArray[np.uint64]


def examine_pack(path: str | Path, *, progress: Progress = silent) -> Report:
    """Examine a pack; a folder that is none, or half of one, is a Problem that says what to do."""
    pack = open_packed(path)
    with read_pack_manifests(pack.path, pack.splits, progress) as manifests:
        return _report(pack, manifests, named(_PIXELS, list(_pixels(pack, manifests, progress))))


def examine_manifests(path: Path, *, progress: Progress = silent) -> Report:
    """The same without a look at the pixels: what takes seconds where the whole takes minutes."""
    pack = open_packed(path)
    with read_pack_manifests(pack.path, pack.splits, progress) as manifests:
        return _report(pack, manifests, [])


def _report(pack: Packed, manifests: Manifests, of_pixels: list[Finding]) -> Report:
    counts = {split: manifest.counts for split, manifest in manifests.splits.items()}
    findings = [
        *named(_DESCRIPTION, list(_described(pack, manifests))),
        *named(_MANIFEST, [words for split in pack.splits for words in _rows(pack, split, manifests)]),
        *of_pixels,
        *_repeated(pack, manifests),
        *class_findings(counts),
        *_skipped(manifests),
    ]
    sizes = (manifests.column("width"), manifests.column("height"))
    figures = measure(pack.path.resolve().name, counts, sizes=sizes, native_size=pack.size)
    return make_report(figures, counts, findings)


def _described(pack: Packed, manifests: Manifests) -> Iterator[str]:
    if fingerprint_of(pack.description) != pack.fingerprint:
        yield "the fingerprint is not that of the description"
    digests = pack.description.get("digests", {})
    for split, manifest in manifests.splits.items():
        if digests.get(split) != manifest.digest:
            yield f"{split}: hashes and labels are not those of the description"
    yield from _files(pack, manifests)


def _files(pack: Packed, manifests: Manifests) -> Iterator[str]:
    """Files that are not those whose hashes the description has."""
    for name, known in pack.description.get("files", {}).items():
        of_split = manifests.splits.get(Path(name).stem)
        if "packed_sha256" in known and of_split is not None:
            if of_split.kept_digest != known["packed_sha256"]:
                yield f"{name}: the hashes of its pictures are not those of the description"
        elif pack.origin and not (pack.path / name).exists():
            continue  # it is not fetched, for nothing needs it
        elif not _same_file(pack.path / name, known):
            yield f"{name} is not the file that was written"


def _same_file(path: Path, known: Mapping[str, Any]) -> bool:
    if not path.is_file() or path.stat().st_size != known.get("bytes"):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == known.get("sha256")


def _rows(pack: Packed, split: str, manifests: Manifests) -> Iterator[str]:
    """What does not agree between a split's manifest and the description."""
    manifest, labels = manifests.splits[split], manifests.column("label", split)
    if len(manifest) != pack.counts[split]:
        yield f"{split}: {len(manifest)} rows for {pack.counts[split]} pictures"
    least = NO_LABEL if split == "test" else 0
    if len(labels) and not least <= labels.min() <= labels.max() < len(pack.classes):
        yield f"{split}: labels beyond the {len(pack.classes)} classes"
        return
    for label, name in sorted(manifest.names):
        known = "" if label == NO_LABEL else pack.classes[label]
        if known != name:
            yield f"{split}: class {name} under the number of {known or 'none'}"


def _pixels(pack: Packed, manifests: Manifests, progress: Progress) -> Iterator[str]:
    """Splits whose pictures cannot be read, or are not those that were kept, measured or hashed."""
    for name in pack.splits:
        split, moments, changed = pack.split(name), Moments(pack.size), list[int]()
        kept = manifests.column("kept", name) if manifests.splits[name].kept_digest else None
        try:
            add_all(moments, partial(_read, split, kept, changed), len(split), progress=progress)
            wrong = sorted(changed) if kept is not None else _hashed(split, manifests, name)
            if wrong:
                yield f"{name}: {len(wrong)} pictures have changed, first {split.sources(wrong[:1])[0]}"
        except Problem as problem:
            yield f"{name}: {problem}"
        else:
            if name == "train" and not _as_measured(pack, moments):
                yield "train: the mean and the colours are not those of statistics.npz"


def _read(split: Split, kept: Hashes | None, changed: list[int], first: int, last: int) -> Pixels:
    """Pictures by number; those that are not what was kept are put down on the way."""
    pixels = split.pixels(np.arange(first, last))
    if kept is not None and len(kept) == len(split):
        for number in range(first, last):
            found = pixels[number - first].data if split.encoding == "raw" else split.encoded.bytes_at(number)
            if not _is(found, kept[number]):
                changed.append(number)
    return pixels


def _is(content: bytes | memoryview, bits: Hashes) -> bool:
    return bool((np.frombuffer(hashlib.sha256(content).digest(), "<u8", 2) == bits).all())


def _as_measured(pack: Packed, moments: Moments) -> bool:
    now, then = moments.statistics(), pack.statistics
    return bool(
        np.array_equal(now.mean_image, then.mean_image)
        and np.allclose(now.channel_deviations, then.channel_deviations)
        and np.allclose(now.colour_eigenvalues, then.colour_eigenvalues)
    )


def _hashed(split: Split, manifests: Manifests, name: str) -> list[int]:
    """In a pack without hashes of its own: arrays that came in the right size have those of the source."""
    if split.encoding != "raw" or len(manifests.splits[name]) != len(split):
        return []
    digests = manifests.column("digest", name)
    kept = np.flatnonzero(manifests.column("unchanged", name))
    if not len(kept) or not _is(split.images[kept[0]].tobytes(), digests[kept[0]]):
        return []  # hashes are of files
    return [int(number) for number in kept if not _is(split.images[number].tobytes(), digests[number])]


def _repeated(pack: Packed, manifests: Manifests) -> list[Finding]:
    """Equal contents, by the hashes of the manifest."""
    digests, labels, splits = (manifests.column(name) for name in ("digest", "label", "split"))
    found = repeats(equal_contents(digests), splits=splits, labels=labels, examples=EXAMPLES)
    kinds = {
        "duplicate": (found.within, len(labels)),
        "leak": (found.across, int(where(lambda splits: splits > 0, splits).sum())),
        "two labels": (found.two_labels, len(labels)),
    }
    return [
        each
        for kind, (same, among) in kinds.items()
        for each in same_finding(kind, same.count, _names(pack, same, manifests), pictures=among)
    ]


def _names(pack: Packed, same: Same, manifests: Manifests) -> list[str]:
    def name(place: int) -> str:
        split, rows = next(
            (split, one.rows) for split, one in manifests.splits.items() if place < one.rows.stop
        )
        return read_sources(pack.path / f"{split}.parquet", [place - rows.start])[0]

    return [f"{name(one)} = {name(other)}" for one, other in same.pairs]


def _skipped(manifests: Manifests) -> list[Finding]:
    examples = [one for manifest in manifests.splits.values() for one in manifest.skipped]
    return finding(_SKIPPED, sum(manifest.skips for manifest in manifests.splits.values()), examples)


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
