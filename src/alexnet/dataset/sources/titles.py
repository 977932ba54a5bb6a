"""What classes are called, where a word list lies beside the pictures: synset -> names.

Sources: Tiny ImageNet's words.txt (`n02123045<tab>tabby, tabby cat`), Caffe's synset_words.txt (the same with
a blank).
"""

import re
from pathlib import PurePosixPath

from alexnet.dataset.sources.files import Files, whole

__all__ = ["find_words", "read_titles"]

_FILES = ("words.txt", "synset_words.txt")
_LINE = re.compile(r"(\S+)[\t ]+(\S.*)")


def find_words(paths: list[str]) -> str | None:
    """The word list among `paths`, the one nearest the top.

    >>> find_words(["set/words.txt", "set/train/words.txt"])
    'set/words.txt'
    """
    found = [path for path in paths if PurePosixPath(path).name in _FILES]
    return min(found, key=lambda path: path.count("/"), default=None)


def read_titles(files: Files, path: str | None) -> dict[str, str]:
    """The names of classes in the file `path`, none where there is no such file."""
    if path is None:
        return {}
    for member, read in files.walk():
        if member.path == path:
            lines = whole(path, read).decode("utf-8", "replace").splitlines()
            return {found[1]: found[2].strip() for line in lines if (found := _LINE.fullmatch(line.strip()))}
    return {}
