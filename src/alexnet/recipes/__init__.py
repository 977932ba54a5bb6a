"""Named recipes: each a file whose docstring gives expected error, cost, source and command."""

import difflib
from pathlib import Path

from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe, read
from alexnet.recipes import convnet_18pct, lenet_digits, lenet_mnist

RECIPES: dict[str, Recipe] = {
    module.RECIPE.name: module.RECIPE for module in (lenet_digits, lenet_mnist, convnet_18pct)
}


def find(name: str | Path) -> Recipe:
    """Return the recipe of this name, or the one in a `recipe.json`.

    >>> find("lenet-mnist").network
    'lenet'
    """
    if str(name) in RECIPES:
        return RECIPES[str(name)]
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        try:
            return read(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise Problem(f"cannot read recipe {path}: {error.strerror}") from None
    close = difflib.get_close_matches(str(name), RECIPES, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UsageProblem(f"no recipe named {str(name)!r}; {hint}there are {', '.join(RECIPES)}")
