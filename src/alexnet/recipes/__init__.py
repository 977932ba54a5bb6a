"""Named recipes: each a file whose docstring gives expected error, cost, source and command."""

import difflib
from pathlib import Path

from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe, read
from alexnet.recipes import (
    alexnet_32,
    alexnet_64,
    alexnet_2012,
    alexnet_2012_64,
    alexnet_paper,
    convnet_18pct,
    convnet_19pct,
    convnet_80sec,
    convnet_conv_local_11pct,
    convnet_conv_local_13pct,
    lenet_digits,
    lenet_mnist,
)

MODULES = (
    lenet_digits,
    lenet_mnist,
    convnet_80sec,
    convnet_19pct,
    convnet_18pct,
    convnet_conv_local_13pct,
    convnet_conv_local_11pct,
    alexnet_paper,
    alexnet_2012,
    alexnet_64,
    alexnet_2012_64,
    alexnet_32,
)
RECIPES: dict[str, Recipe] = {module.RECIPE.name: module.RECIPE for module in MODULES}


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
