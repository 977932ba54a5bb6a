"""Several sources as one, with label maps and subsets of classes, as a JSON file describes them.

    {"sources": [
      {"path": "photographs"},
      {"path": "more.tar", "split": "train", "classes": ["cat", "dog"], "labels": {"kitten": "cat"}},
      {"path": "unsorted", "split": "test", "unlabelled": true}]}

Paths are relative to the file; `labels` gives classes other names before `classes` chooses some.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alexnet.dataset.sources.combined import Part, combine
from alexnet.dataset.sources.entry import Source
from alexnet.dataset.sources.selected import relabel, select_classes
from alexnet.problem import Problem

__all__ = ["open_described"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Part(_Strict):
    path: str
    split: Literal["train", "val", "test"] | None = None
    classes: list[str] | None = None
    labels: dict[str, str] | None = None
    unlabelled: bool = False


class _Description(_Strict):
    sources: list[_Part] = Field(min_length=1)


def open_described(
    path: Path, *, opened: Callable[[Path], Source], without_classes: Callable[[Path], Source]
) -> Source:
    """The source that a JSON file describes; `opened` and `without_classes` open one part of either kind."""
    try:
        description = _Description.model_validate(json.loads(path.read_bytes()))
    except (ValueError, ValidationError) as error:
        raise Problem(f"{path} describes no sources: {_reason(error)}") from error
    parts = []
    for part in description.sources:
        where = path.parent / part.path
        source = without_classes(where) if part.unlabelled else opened(where)
        source = relabel(source, part.labels) if part.labels else source
        source = select_classes(source, part.classes) if part.classes else source
        parts.append(Part(source, part.split, part.path.rstrip("/") + "/"))
    return combine(path.name, parts)


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
