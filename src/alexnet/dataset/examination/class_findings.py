"""What is wrong with classes and splits: missing, alike in name, empty, far apart in size, none at all."""

import re
import unicodedata
from collections.abc import Mapping

from alexnet.dataset.examination.findings import WHOLE, Finding, Words, finding, named
from alexnet.dataset.sources import UNLABELLED, PassedOver

__all__ = ["class_findings", "passed_over"]

IMBALANCE = 10
"""A class with so many times fewer training pictures than the largest is named."""

FEW = 5
"""Training pictures of a class: with fewer there is next to nothing to learn from."""

Counts = Mapping[str, Mapping[str, int]]
"""Pictures by split and class."""

_MADE_BY_PROGRAMS = re.compile(
    r"__MACOSX|@eaDir|#recycle|\$RECYCLE\.BIN|System Volume Information|lost\+found|thumbs?|thumbnails"
    r"|__pycache__|_?checkpoints?",
    re.IGNORECASE,
)


def class_findings(counts: Counts) -> list[Finding]:
    """Classes that the splits do not share, that differ by a hair, that are small or none at all."""
    labelled = {split: _labelled(classes) for split, classes in counts.items()}
    if not any(labelled.values()):
        return []
    trained = labelled.get("train", labelled.get(WHOLE, {}))
    if not trained:
        return named(_NO_TRAINING, tuple(labelled))
    return [
        *_missing(labelled, trained),
        *_absent(labelled, trained),
        *_similar(trained),
        *_unequal(trained),
        *named(_FEW, [f"{name}: {count}" for name, count in trained.items() if count < FEW]),
        *named(_PROGRAMS, [name for name in trained if _MADE_BY_PROGRAMS.fullmatch(name)]),
        *(named(_SINGLE, tuple(trained)) if len(trained) == 1 else ()),
    ]


def _labelled(classes: Mapping[str, int]) -> Mapping[str, int]:
    return {name: count for name, count in classes.items() if name != UNLABELLED}


def _plain(name: str) -> str:
    """A class's name without what people write one way or another.

    >>> _plain("Hot_Dog ") == _plain("hot  dog")
    True
    """
    return " ".join(re.sub(r"[_\-]", " ", unicodedata.normalize("NFKC", name)).casefold().split())


def _missing(counts: Counts, trained: Mapping[str, int]) -> list[Finding]:
    """Classes of other splits that train lacks, with the train class that each is like."""
    like = {_plain(name): name for name in trained}
    names = [
        f"{name} ({split})" + (f", train has {like[_plain(name)]}" if _plain(name) in like else "")
        for split, classes in counts.items()
        for name in classes
        if name not in trained
    ]
    return named(_MISSING, names)


def _absent(counts: Counts, trained: Mapping[str, int]) -> list[Finding]:
    names = [
        f"{name} ({split})"
        for split, classes in counts.items()
        for name in trained
        if classes and split not in ("train", WHOLE) and name not in classes
    ]
    return named(_ABSENT, names)


def _similar(trained: Mapping[str, int]) -> list[Finding]:
    alike: dict[str, list[str]] = {}
    for name in trained:
        alike.setdefault(_plain(name), []).append(name)
    return named(
        _SIMILAR, [" / ".join(repr(name) for name in names) for names in alike.values() if len(names) > 1]
    )


def _unequal(trained: Mapping[str, int]) -> list[Finding]:
    most = max(trained.values())
    few = sorted((count, name) for name, count in trained.items() if count * IMBALANCE < most)
    return named(_UNEQUAL, [f"{name}: {count}, the largest has {most}" for count, name in few])


def passed_over(over: PassedOver) -> list[Finding]:
    """What the listing leaves out."""
    return [
        *named(_EMPTY, [f"{split}/{name}" if split else name for split, name in over.empty]),
        *finding(_HIDDEN, over.hidden.count, over.hidden.names),
        *finding(_LOOSE, over.loose.count, over.loose.names),
    ]


_NO_TRAINING = Words(
    "no training split",
    "error",
    "there is nothing to learn from",
    "name one folder train, beside val or test",
)
_SINGLE = Words(
    "single class",
    "error",
    "one class alone cannot be told from any other",
    "give the folder that holds the class folders",
)
_MISSING = Words(
    "missing class",
    "error",
    "a class that is never learned makes every picture of it an error; prepare refuses it",
    "rename the class folders alike in every split, or remove these",
)
_ABSENT = Words(
    "absent class",
    "warning",
    "the error of a class that a split lacks is not measured there",
    "add pictures of it, or mind this when comparing",
)
_SIMILAR = Words(
    "similar names",
    "warning",
    "names that differ by case, spaces or strokes alone are most often one class, split in two",
    "put their pictures into one folder if they are one",
)
_UNEQUAL = Words(
    "imbalance",
    "warning",
    f"a class with less than a {IMBALANCE}th of the largest one's pictures is seldom predicted",
    "add pictures of it, read the errors class by class, or train with `--set class_weights=inverse` or "
    "`--set sampling=balanced`",
)
_FEW = Words(
    "few pictures",
    "warning",
    f"a class of fewer than {FEW} training pictures is learnt by heart, if at all",
    "add pictures of it, or leave it out",
)
_PROGRAMS = Words(
    "no class",
    "error",
    "programs make folders of this name beside pictures: taken for a class it teaches nonsense",
    "move it out of the pictures, or rename it if it is a class of yours",
)
_EMPTY = Words(
    "empty class",
    "warning",
    "a class folder without a picture is no class",
    "put its pictures there, or remove the folder",
)
_HIDDEN = Words(
    "hidden",
    "warning",
    "files and folders whose name begins with a dot are no pictures and no classes here",
    "rename what was meant to be a class or a picture",
)
_LOOSE = Words(
    "loose",
    "warning",
    "a picture outside every class folder has no label and is left out",
    "move it into its class folder",
)
