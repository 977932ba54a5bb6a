"""The commands that make a run again, and in what a recipe differs from the defaults and from others."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet.recipe import Recipe
from alexnet.recipes import RECIPES
from alexnet.run import Run

MOST = 8  # fields that a command line sets; more are read from the recipe's file


@dataclass(frozen=True)
class Field:
    """A field of a recipe, and what it would be were it not set."""

    name: str
    value: str
    default: str | None  # None: there is no default
    description: str


def differences(recipe: Recipe) -> list[Field]:
    """The fields that have no default or are not what it says, in the recipe's order."""
    document, fields = recipe.model_dump(mode="json"), type(recipe).model_fields
    plain = _plain(recipe)
    return [
        Field(name, told(value), told(plain[name]) if name in plain else None, fields[name].description or "")
        for name, value in document.items()
        if name not in plain or plain[name] != value
    ]


def between(recipes: Sequence[Recipe]) -> list[tuple[str, list[str]]]:
    """The fields in which recipes differ, each with their values."""
    documents = [recipe.model_dump(mode="json") for recipe in recipes]
    return [
        (name, [told(document[name]) for document in documents])
        for name in documents[0]
        if any(document[name] != documents[0][name] for document in documents)
    ]


def told(value: Any) -> str:
    """A field's value as people read it, and as `--set` takes it; kinds of schedule as calls.

    >>> told({"kind": "one-cycle", "peak": 0.1}), told(None), told([1, 2])
    ('one-cycle(peak=0.1)', 'null', '[1, 2]')
    """
    if isinstance(value, Mapping) and "kind" in value:
        inner = ", ".join(f"{name}={told(each)}" for name, each in value.items() if name != "kind")
        return f"{value['kind']}({inner})"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def training_command(run: Run) -> str:
    """`alexnet train` that makes the run again: by the recipe's name, or by the file in the run folder."""
    assignments = _assignments(run.recipe)
    if assignments is None:
        words = ["alexnet", "train", str(run.path / "recipe.json")]
    else:
        words = ["alexnet", "train", run.recipe.name]
        words += [word for each in assignments for word in ("--set", each)]
    if run.dataset.get("path"):
        words += ["--data", str(run.dataset["path"])]
    if run.init:
        words += ["--init", str(run.init["path"])]
    return shlex.join([*words, "--out", str(run.path)])


def preparing_command(description: Mapping[str, Any], packed: str) -> str:
    """`alexnet prepare` that makes the pack again, from what its dataset.json says."""
    words = ["alexnet", "prepare", str(description.get("source", "SOURCE")), packed]
    for option in ("size", "fit", "encoding", "seed"):
        if option in description:
            words += [f"--{option}", str(description[option])]
    if description.get("val_fraction"):
        words += ["--val-fraction", str(description["val_fraction"])]
    return shlex.join(words)


def _assignments(recipe: Recipe) -> list[str] | None:
    """`field=value` for what differs from the recipe of that name; None where there is none, or too much."""
    if recipe.name not in RECIPES:
        return None
    known, document = RECIPES[recipe.name].model_dump(mode="json"), recipe.model_dump(mode="json")
    found = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in document.items()
        if known[name] != value
    ]
    return found if len(found) <= MOST else None


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The defaults of the fields that have one."""
    needed = {
        name: getattr(recipe, name)
        for name, field in type(recipe).model_fields.items()
        if field.is_required()
    }
    document = type(recipe)(**needed).model_dump(mode="json")
    return {name: value for name, value in document.items() if name not in needed}
