"""Finds out which kind of source a path is."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alexnet.dataset.sources.archives import Archive, NestedArchive
from alexnet.dataset.sources.cifar import find_cifar, open_cifar
from alexnet.dataset.sources.described import open_described
from alexnet.dataset.sources.digits import open_digits
from alexnet.dataset.sources.entry import Source
from alexnet.dataset.sources.files import Files, Folder
from alexnet.dataset.sources.hugging_face import find_tables, open_hugging_face
from alexnet.dataset.sources.idx import is_idx, open_idx
from alexnet.dataset.sources.ilsvrc import find_ilsvrc, open_ilsvrc
from alexnet.dataset.sources.known import open_known, wanted_name
from alexnet.dataset.sources.layout import PICTURE, Survey, find_layout
from alexnet.dataset.sources.listing import Listed
from alexnet.dataset.sources.pictures import Everywhere, Pictures
from alexnet.dataset.sources.shards import is_shard, open_shards
from alexnet.dataset.sources.table import is_manifest, open_csv, open_parquet_table
from alexnet.dataset.sources.tiny_imagenet import find_tiny, open_tiny
from alexnet.dataset.sources.titles import find_words
from alexnet.dataset.sources.zips import ZipArchive
from alexnet.problem import Problem

__all__ = ["open_source", "open_unlabelled"]

_KINDS = (
    "a folder, a .tar, .tar.gz, .tgz or .zip, a .csv, .parquet or .json, the word digits, or torchvision:NAME"
)
_TARS = (".tar", ".tar.gz", ".tgz")


def open_source(where: str | Path) -> Source:
    """The source at a path, the bundled `digits`, or a set that torchvision knows, `torchvision:CIFAR10`.

    Anything else is a Problem that names those known.
    """
    path = Path(where)
    if not path.exists():
        return _open_named(str(where))
    if path.is_dir():
        return _open_folder(path)
    if path.name.lower().endswith(_TARS):
        return _open_tar(path)
    if path.suffix.lower() == ".zip":
        files = ZipArchive(path)
        return _open_files(files, _list(files))
    if path.suffix.lower() == ".csv":
        return open_csv(path)
    if path.suffix.lower() == ".parquet":
        return _open_parquet(path)
    if path.suffix.lower() == ".json":
        return open_described(path, opened=open_source, without_classes=open_unlabelled)
    raise Problem(f"{path} is no known kind of source: give {_KINDS}")


def _open_named(where: str) -> Source:
    if where == "digits":
        return open_digits()
    if name := wanted_name(where):
        return open_known(name, open_source)
    raise Problem(f"no source at {where}: give {_KINDS}")


def open_unlabelled(where: str | Path) -> Pictures:
    """The pictures in a folder, a tar or a zip, all of no class, wherever in it they lie."""
    path = Path(where)
    if path.is_dir():
        return Pictures(Folder(path), Everywhere())
    if path.is_file() and path.name.lower().endswith(_TARS):
        return Pictures(Listed(Archive(path)), Everywhere())
    if path.is_file() and path.suffix.lower() == ".zip":
        return Pictures(ZipArchive(path), Everywhere())
    raise Problem(f"no folder, tar or zip of pictures at {path}")


@dataclass
class _Listing:
    """What one walk sees: pictures and folders, and the paths of all other files."""

    survey: Survey = field(default_factory=Survey)
    others: list[str] = field(default_factory=list)


def _list(files: Files) -> _Listing:
    listing = _Listing()
    for member, _ in files.walk():
        if member.hidden:
            continue
        if member.size is None:
            listing.survey.folders.add(member.path)
        elif PICTURE.search(member.path):
            listing.survey.see(member.path)
        else:
            listing.others.append(member.path)
    return listing


def _open_folder(path: Path) -> Source:
    files = Folder(path)
    listing = _list(files)
    others = listing.others
    if archives := find_ilsvrc(others):
        return open_ilsvrc(path, archives, others)
    if not listing.survey.pictures:
        if tables := find_tables(others):
            return open_hugging_face(path, files.name, tables)
        shards = [path / other for other in others if other.lower().endswith(_TARS)]
        if shards and is_shard(shards[0]):
            return open_shards(files.name, shards)
    return _open_files(files, listing)


def _open_tar(path: Path) -> Source:
    files = Listed(Archive(path))
    listing = _list(files)
    if any(other.endswith(".cls") for other in listing.others) or (
        any(other.endswith(".json") for other in listing.others) and is_shard(path)
    ):
        return open_shards(path.name, [path])
    tars = [other for other in listing.others if other.lower().endswith(".tar")]
    if tars and not listing.survey.pictures:
        nested = Listed(NestedArchive(path))
        return _open_files(nested, _list(nested))
    return _open_files(files, listing)


def _open_files(files: Files, listing: _Listing) -> Source:
    """Pictures in class folders, Tiny ImageNet, IDX files or CIFAR batches."""
    others = listing.others
    if idx := [path for path in others if is_idx(path)]:
        return open_idx(files, idx)
    if batches := find_cifar(others):
        return open_cifar(files, batches)
    words = find_words(others)
    if table := find_tiny(others):
        return open_tiny(files, table, words)
    return Pictures(files, find_layout(listing.survey, files.name), words)


def _open_parquet(path: Path) -> Source:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise Problem(f"cannot read {path} as Parquet: {error}; fetch it again") from error
    return (
        open_parquet_table(path)
        if is_manifest(schema)
        else open_hugging_face(path.parent, path.name, [path.name])
    )
