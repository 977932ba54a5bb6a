"""Tiny ImageNet as distributed: the classes of its validation pictures stand in a table.

Source: the set's own files: train/<wnid>/images/*.JPEG, val/images/*.JPEG with val/val_annotations.txt (file,
wnid and a box, separated by tabs), test/images/*.JPEG without labels, words.txt.
"""

from dataclasses import dataclass

from alexnet.dataset.sources.files import Files, whole
from alexnet.dataset.sources.pictures import Pictures
from alexnet.problem import Problem

__all__ = ["find_tiny", "open_tiny"]

_TABLE = "val/val_annotations.txt"


def find_tiny(paths: list[str]) -> str | None:
    """The path of the table of validation classes, or None where this is no Tiny ImageNet.

    >>> find_tiny(["tiny-imagenet-200/val/val_annotations.txt", "tiny-imagenet-200/words.txt"])
    'tiny-imagenet-200/val/val_annotations.txt'
    """
    return next((path for path in paths if path == _TABLE or path.endswith("/" + _TABLE)), None)


def open_tiny(files: Files, table: str, words: str | None) -> Pictures:
    """A source of the folder or archive that holds `table`."""
    for member, read in files.walk():
        if member.path == table:
            return Pictures(files, _places(table, whole(table, read)), words)
    raise Problem(f"{files.name} has changed while it was read: {table} is gone")


def _places(table: str, content: bytes) -> "_Places":
    classes = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) < 2 or not all(fields[:2]):
            raise Problem(f"{table} line {number} names no picture and class: fetch it again")
        classes[fields[0]] = fields[1]
    return _Places(table.removesuffix(_TABLE), classes)


@dataclass(frozen=True)
class _Places:
    before: str  # the folders around the set
    classes: dict[str, str]  # of validation pictures, by file name
    empty: tuple[tuple[str | None, str], ...] = ()

    def place(self, path: str) -> tuple[str | None, str] | None:
        parts = path.removeprefix(self.before).split("/")
        if parts[0] == "train" and len(parts) > 2:
            return "train", parts[1]
        class_name = self.classes.get(parts[-1]) if parts[0] == "val" else None
        return ("val", class_name) if class_name else None
