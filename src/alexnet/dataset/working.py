"""The folder of a preparation: claimed, begun or taken up again, and turned into a pack at the end.

The work lies in `PACKED/preparing/`. Its files move up when all is done and `dataset.json` is written last:
without that one nothing in the folder is trusted.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alexnet.dataset.decode import DECODE_POLICY
from alexnet.dataset.journal import Journal
from alexnet.dataset.manifest import Digests, write_manifests
from alexnet.dataset.packed import DESCRIPTION, FORMAT_VERSION, PREPARING, SHEET, fingerprint_of
from alexnet.dataset.plan import Plan
from alexnet.dataset.pool import threads
from alexnet.dataset.resize import RESIZE_METHOD
from alexnet.dataset.sheet import draw_sheet
from alexnet.dataset.statistics import Moments
from alexnet.dataset.writing import explained
from alexnet.files import flush, write_json
from alexnet.problem import Problem

MANIFEST_BYTES = 700
"""Room for a picture's line in the journal and its row in the manifest."""


@contextmanager
def claimed(packed: Path) -> Iterator[None]:
    """The folder, made if missing, and locked; one that holds other things or is in use is a Problem."""
    with explained(packed):
        packed.mkdir(parents=True, exist_ok=True)
    ours = (packed / DESCRIPTION).exists() or (packed / PREPARING).exists()
    if not ours and any(packed.iterdir()):
        raise Problem(f"{packed} is not empty and holds no packed data set: choose another folder")
    with locked(packed):
        yield


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; one that another holds is a Problem."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Problem(f"{folder} is being prepared by another process: wait, or choose another") from None
    finally:
        os.close(opened)


def begin(packed: Path, plan: Plan, *, beside: int = 0) -> Journal:
    """A preparation's journal, at its start or where it stopped; a half-finished other one is a Problem.

    `beside` are bytes that other ranks will need for a while.
    """
    folder = packed / PREPARING
    if not _begun(folder):
        check_space(packed, plan, done=0, beside=beside)
        if read_plan(packed) != made_by(plan):
            discard(folder)  # nothing in it is settled, or it belongs to another plan
        with explained(folder):
            folder.mkdir(exist_ok=True)
        with explained(folder / "plan.json"):
            write_json(folder / "plan.json", made_by(plan))
    check_same(read_plan(packed), made_by(plan), f"{packed} is half prepared")
    for name in _files(plan).values():  # a kill came while the files moved up
        if (packed / name).exists():
            (packed / name).replace(folder / name)
    journal = open_journal(folder, plan)
    check_space(packed, plan, done=journal.done, beside=beside)
    return journal


def open_journal(folder: Path, plan: Plan) -> Journal:
    """The journal of a folder that holds all of a preparation, or one rank's part of it."""
    files = {split: folder / name for split, name in _files(plan).items()}
    return Journal(folder, files, plan.store.start)


def _files(plan: Plan) -> dict[str, str]:
    return {split: f"{split}{plan.store.working}" for split in plan.splits}


def made_by(plan: Plan) -> dict[str, Any]:
    """What a half-finished preparation must have been begun with."""
    return {**plan.identity, **{f"{name} version": number for name, number in _versions().items()}}


def read_plan(packed: Path) -> dict[str, Any]:
    """What the preparation in a folder was begun with; nothing where there is none."""
    try:
        found = json.loads((packed / PREPARING / "plan.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _begun(folder: Path) -> bool:
    """Whether any picture is settled: before that, another plan may take the place of the one there."""
    journal = folder / "journal.jsonl"
    return (folder / "plan.json").exists() and journal.exists() and journal.stat().st_size > 0


def check_same(there: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> None:
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


def room(plan: Plan, done: int) -> int:
    """Bytes on the disk that the pictures beyond `done` will take, manifest included."""
    return plan.store.room(plan.total - done) + (plan.total - done) * MANIFEST_BYTES


def check_space(packed: Path, plan: Plan, *, done: int, beside: int = 0) -> None:
    """A disk without the room is a Problem before anything is written."""
    needed, free = room(plan, done) + beside, shutil.disk_usage(packed).free
    if needed > free:
        raise Problem(
            f"{packed} needs {needed / 1e9:.2f} GB, the disk has {free / 1e9:.2f} GB free: "
            "free some space or choose a smaller size"
        )


def finish(packed: Path, plan: Plan, journal: Journal, measured: Moments) -> None:
    """Final files, manifests, statistics and sheet; then everything moves up, the description last."""
    folder = packed / PREPARING
    splits = {split: len(lengths) for split, lengths in journal.lengths.items() if lengths}
    if "train" not in splits:
        raise Problem(f"no training picture of {plan.identity['source']} could be read")
    starts = {split: plan.store.finish(folder, split, journal.edges(split)) for split in splits}
    with threads(1) as beside:
        pictures = [folder / f"{split}{plan.store.final}" for split in splits]
        flushed = beside.submit(_flush, pictures)  # the disk has most to do
        digests = write_manifests(journal.records, folder, starts=starts, classes=plan.classes)
        measured.statistics().save(folder / "statistics.npz")
        draw_sheet(folder, splits["train"], plan)
        flushed.result()
    names = [*(f"{split}{end}" for split in splits for end in (plan.store.final, ".parquet"))]
    names += ["statistics.npz", SHEET]
    files = {name: file_document(folder / name, digests) for name in names}
    description = _describe(plan, splits, digests, files, grey=measured.grey)
    with explained(packed):
        for name in names:
            (folder / name).replace(packed / name)
    with explained(packed / DESCRIPTION):
        write_json(packed / DESCRIPTION, description)
    discard(folder)


def _flush(paths: Sequence[Path]) -> None:
    for path in paths:
        with explained(path):
            flush(path)


def discard(folder: Path) -> None:
    """Remove what a finished preparation leaves, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def file_document(path: Path, digests: Mapping[str, Digests]) -> dict[str, Any]:
    """What dataset.json says of a file: its length, and a hash of it or of its pictures' hashes."""
    size = path.stat().st_size
    if path.stem in digests and path.suffix != ".parquet":
        return {"bytes": size, "packed_sha256": digests[path.stem].packed}
    with path.open("rb") as file:
        return {"bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _describe(
    plan: Plan,
    splits: dict[str, int],
    digests: Mapping[str, Digests],
    files: dict[str, dict[str, Any]],
    *,
    grey: bool,
) -> dict[str, Any]:
    """All of dataset.json: nothing in it depends on the time, the place or the number of workers."""
    description = {
        "format_version": FORMAT_VERSION,
        "classes": list(plan.classes),
        "titles": plan.titles,
        "size": plan.size,
        "fit": plan.fit,
        "encoding": plan.encoding,
        **plan.store.method,
        "resize": RESIZE_METHOD,
        "digests": {split: found.contents for split, found in digests.items()},
        **plan.identity,
        "splits": splits,
        "grey": grey,
        "files": files,
        "decode": DECODE_POLICY,
        "versions": _versions(),
    }
    return description | {"fingerprint": fingerprint_of(description)}


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "pillow", "torch", "torchcodec")}
