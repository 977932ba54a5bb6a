"""A recipe from words: `--set field=value`, and `recipe.json`."""

import difflib
import json
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError

from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.schedule import Value


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """Apply `field=value` or `field.inner=value`; values are JSON, bare words are strings.

    An inner field of one that is null begins with its defaults.

    >>> from alexnet.schedule import Constant
    >>> recipe = Recipe(name="r", network="lenet", epochs=1, learning_rate=Constant(start=0.1))
    >>> override(recipe, ["epochs=3", "learning_rate.start=0.2"]).learning_rate
    Constant(kind='constant', start=0.2, warm_up=0.0)
    >>> override(recipe, ["mix.cutmix=1"]).mix
    Mix(mixup=0.0, cutmix=1.0, share=1.0, until=None)
    """
    document = recipe.model_dump(mode="json")
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UsageProblem(f"--set {assignment}: write it as field=value")
        _assign(document, path.split("."), _parsed(text), path)
    return _validated(document, "--set")


def read(text: str | bytes, where: str) -> Recipe:
    """Parse a `recipe.json`; `where` names it in the Problem raised if it is not one."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Problem(f"{where} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Problem(f"{where} is not a recipe: the outermost value must be an object of fields")
    return _validated(document, where)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _assign(document: dict[str, Any], keys: list[str], value: Any, path: str) -> None:
    *parents, last = keys
    known = list(document)
    for key in parents:
        if key not in document:
            raise UsageProblem(f"--set {path}: {_unknown(key, known)}")
        inner = _inner_fields(key)
        if document[key] is None and inner:
            document[key] = {}
        if not isinstance(document[key], dict):
            raise UsageProblem(
                f"--set {path}: {key} is {document[key]!r}; set it whole, as {key}={{…}} in JSON"
            )
        document = document[key]
        known = inner or list(document)
    if last not in known and parents != ["options"]:
        raise UsageProblem(f"--set {path}: {_unknown(last, known)}")
    document[last] = value


def _inner_fields(field: str) -> list[str]:
    """Names of the fields of the value that a recipe's `field` holds; none where it may be several kinds."""
    if field not in Recipe.model_fields:
        return []
    kinds = [kind for kind in get_args(Recipe.model_fields[field].annotation) if isinstance(kind, type)]
    values = [kind for kind in kinds if issubclass(kind, Value)]
    return list(values[0].model_fields) if len(values) == 1 else []


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"there is no field {key!r} to set; {hint}there are {', '.join(known)}"


def _validated(document: dict[str, Any], where: str) -> Recipe:
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "recipe"
        raise UsageProblem(f"{where}: field {field}: {first['msg']}{_got(first)}") from None


def _got(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"; the fields are {', '.join(Recipe.model_fields)}"
    # a fault of several fields together comes with the whole recipe as its input
    return f"; got {error['input']!r}" if error["loc"] else ""
