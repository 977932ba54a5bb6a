"""The folder of a preparation: claimed, begun or taken up again, and turned into a pack at the end.

The work lies in `PACKED/preparing/`. Its files move up when all is done and `dataset.json` is written last:
without that one nothing in the folder is trusted.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alexnet.dataset.decode import DECODE_POLICY
from alexnet.dataset.journal import Journal
from alexnet.dataset.manifest import write_manifests
from alexnet.dataset.packed import DESCRIPTION, FORMAT_VERSION, PREPARING, fingerprint_of
from alexnet.dataset.plan import Plan
from alexnet.dataset.resize import RESIZE_METHOD
from alexnet.dataset.statistics import Moments
from alexnet.dataset.writing import explained
from alexnet.files import write_json
from alexnet.problem import Problem

_MANIFEST_BYTES = 400  # a picture's line in the journal and row in the manifest


@contextmanager
def claimed(packed: Path) -> Iterator[None]:
    """The folder, made if missing, and locked; one that holds other things or is in use is a Problem."""
    with explained(packed):
        packed.mkdir(parents=True, exist_ok=True)
    ours = (packed / DESCRIPTION).exists() or (packed / PREPARING).exists()
    if not ours and any(packed.iterdir()):
        raise Problem(f"{packed} is not empty and holds no packed data set: choose another folder")
    folder = os.open(packed, os.O_RDONLY)
    try:
        _lock(folder, packed)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, packed: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Problem(f"{packed} is being prepared by another process: wait, or choose another") from None


def begin(packed: Path, plan: Plan) -> Journal:
    """A preparation's journal, at its start or where it stopped; a half-finished other one is a Problem."""
    folder = packed / PREPARING
    made_by = {**plan.identity, **{f"{name} version": number for name, number in _versions().items()}}
    if not _begun(folder):
        _check_space(packed, plan, done=0)
        with explained(folder):
            folder.mkdir(exist_ok=True)
        with explained(folder / "plan.json"):
            write_json(folder / "plan.json", made_by)
    check_same(json.loads((folder / "plan.json").read_bytes()), made_by, f"{packed} is half prepared")
    names = {split: f"{split}{plan.store.working}" for split in plan.splits}
    for name in names.values():  # a kill came while the files moved up
        if (packed / name).exists():
            (packed / name).replace(folder / name)
    journal = Journal(folder, {split: folder / name for split, name in names.items()}, plan.store.start)
    _check_space(packed, plan, done=journal.done)
    return journal


def _begun(folder: Path) -> bool:
    """Whether any picture is settled: before that, another plan may take the place of the one there."""
    journal = folder / "journal.jsonl"
    return (folder / "plan.json").exists() and journal.exists() and journal.stat().st_size > 0


def check_same(there: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    """A pack, whole or half, is only gone on with where it was made from the same listing and settings."""
    differences = [
        "a list of pictures that has changed since"
        if key == "listing"
        else f"{key} {there.get(key)}, not {value}"
        for key, value in wanted.items()
        if there.get(key) != value
    ]
    if differences:
        raise Problem(
            f"{what} from {'; '.join(differences)}: choose another folder, or remove this one first"
        )


def _check_space(packed: Path, plan: Plan, *, done: int) -> None:
    needed = plan.store.room(plan.total - done) + (plan.total - done) * _MANIFEST_BYTES
    free = shutil.disk_usage(packed).free
    if needed > free:
        raise Problem(
            f"{packed} needs {needed / 1e9:.2f} GB, the disk has {free / 1e9:.2f} GB free: "
            "free some space or choose a smaller size"
        )


def finish(packed: Path, plan: Plan, journal: Journal, measured: Moments) -> None:
    """Final files, manifests and statistics; then everything moves up, the description last."""
    folder = packed / PREPARING
    splits = {split: len(lengths) for split, lengths in journal.lengths.items() if lengths}
    if "train" not in splits:
        raise Problem(f"no training picture of {plan.identity['source']} could be read")
    for split in splits:
        plan.store.finish(folder, split, journal.edges(split))
    kept = (record for record in journal.records() if record.split in splits)
    digests = write_manifests(kept, folder, splits=tuple(splits), classes=plan.classes)
    measured.statistics().save(folder / "statistics.npz")
    description = _describe(plan, splits, digests, plan.store.method, grey=measured.grey)
    with explained(packed):
        for name in [f"{split}{end}" for split in splits for end in (plan.store.final, ".parquet")]:
            (folder / name).replace(packed / name)
        (folder / "statistics.npz").replace(packed / "statistics.npz")
    with explained(packed / DESCRIPTION):
        write_json(packed / DESCRIPTION, description)
    discard(folder)


def discard(folder: Path) -> None:
    """Remove what a finished preparation leaves, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _describe(
    plan: Plan, splits: dict[str, int], digests: dict[str, str], method: dict[str, str], *, grey: bool
) -> dict[str, Any]:
    """All of dataset.json: nothing in it depends on the time, the place or the number of workers."""
    description = {
        "format_version": FORMAT_VERSION,
        "classes": list(plan.classes),
        "size": plan.size,
        "fit": plan.fit,
        "encoding": plan.encoding,
        **method,
        "resize": RESIZE_METHOD,
        "digests": digests,
        **plan.identity,
        "splits": splits,
        "grey": grey,
        "decode": DECODE_POLICY,
        "versions": _versions(),
    }
    return description | {"fingerprint": fingerprint_of(description)}


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "pillow", "torch", "torchcodec")}
