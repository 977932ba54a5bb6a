"""Finds out which kind of source a path is."""

from pathlib import Path

from alexnet.dataset.sources.cifar import find_cifar, open_cifar
from alexnet.dataset.sources.digits import open_digits
from alexnet.dataset.sources.entry import Source
from alexnet.dataset.sources.files import Archive, Files, Folder
from alexnet.dataset.sources.idx import is_idx, open_idx
from alexnet.dataset.sources.layout import PICTURE, Survey, find_layout
from alexnet.dataset.sources.pictures import Pictures
from alexnet.dataset.sources.table import Table
from alexnet.problem import Problem

_KINDS = "a folder, a .tar, .tar.gz or .tgz, a .csv, or the word digits"


def open_source(where: str | Path) -> Source:
    """The source at a path, or the bundled `digits`; anything else is a Problem that names those known."""
    path = Path(where)
    if str(where) == "digits" and not path.exists():
        return open_digits()
    if not path.exists():
        raise Problem(f"no source at {path}: give {_KINDS}")
    if path.is_dir():
        return _open_files(Folder(path))
    if path.suffix.lower() == ".csv":
        return Table(path)
    if path.name.lower().endswith((".tar", ".tar.gz", ".tgz")):
        return _open_files(Archive(path))
    raise Problem(f"{path} is no known kind of source: give {_KINDS}")


def _open_files(files: Files) -> Source:
    """One walk tells pictures in class folders from IDX files and CIFAR batches."""
    survey, others = Survey(), []
    for member, _ in files.walk():
        if member.hidden:
            continue
        if member.size is None:
            survey.folders.add(member.path)
        elif PICTURE.search(member.path):
            survey.see(member.path)
        else:
            others.append(member.path)
    if idx := [path for path in others if is_idx(path)]:
        return open_idx(files, idx)
    if batches := find_cifar(others):
        return open_cifar(files, batches)
    return Pictures(files, find_layout(survey, files.name))
