"""What test_columns_verb.py looks at: `python column_runs.py PACK FOLDER` trains in columns by the verb.

One process imports the program, and every rank is a fork of it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path

import torch
from ranks import over_ranks

from alexnet.problem import UsageProblem
from alexnet.recipe import ColourNoise, Recipe, Rule
from alexnet.schedule import Constant
from alexnet.verbs import train as verb
from alexnet.verbs.ranks import ALONE, Layout

PACK, OUT = Path(sys.argv[1]), Path(sys.argv[2])
TINY = {"image": 12, "window": 3, "stride": 1, "maps": (8, 12, 16, 16, 8), "dense": (24, 20)}
COLUMNS = Layout(columns=2)
OWT = Layout(columns=2, scheme="owt")

# [C]'s network and training, with colour noise, dropout, momenta, rules by name, and clipping
RECIPE = Recipe(
    name="columns",
    network="alexnet-2012",
    options={**TINY, "keep_spread": True},
    channels=3,
    pad=1,
    mean="channel",
    divide_by="deviation",
    colour_noise=ColourNoise(form="code"),
    epochs=1,
    batch=60,
    optimizer="sgd-2012",
    learning_rate=Constant(start=0.002),
    weight_decay=0.0005,
    clip=1.0,
    rules=(Rule(match="*.bias", times=2.0, weight_decay=0.0),),
)


def trained(out: str, layout: Layout = ALONE, stop_after: int = 0, recipe: Recipe = RECIPE) -> None:
    """Train on the pack, or until so many steps of this call."""
    wishes = count(1)

    @contextmanager
    def wished() -> Iterator[Callable[[], bool]]:
        yield lambda: next(wishes) == stop_after

    verb.stop_wished = wished
    with suppress(KeyboardInterrupt):
        verb.train(recipe, PACK, OUT / out, layout=layout, workers=0)


def refused(name: str, layout: Layout, network: str, **options: object) -> None:
    """Write down what is said of a network that does not part so."""
    recipe = RECIPE.model_copy(update={"network": network, "options": options, "rules": ()})
    try:
        verb.train(recipe, PACK, OUT / name, layout=layout, workers=0)
    except UsageProblem as problem:
        (OUT / f"{name}.json").write_text(json.dumps([str(problem), (OUT / name).exists()]))


def main() -> None:
    """Every run that the tests look at."""
    torch.set_num_threads(1)
    codes = over_ranks(1, partial(trained, "one"))
    codes += over_ranks(
        2,
        partial(trained, "moved", COLUMNS, 7),
        partial(trained, "two", COLUMNS),
        partial(trained, "owt", OWT),
        partial(refused, "lenet", COLUMNS, "lenet", image=12),
        partial(refused, "resnet", COLUMNS, "resnet20"),
    )
    codes += over_ranks(1, partial(trained, "moved", ALONE, 8))
    codes += over_ranks(2, partial(trained, "moved", COLUMNS))
    codes += over_ranks(4, partial(trained, "grid", COLUMNS))
    codes += over_ranks(3, partial(refused, "three", COLUMNS, "alexnet-2012", **RECIPE.options))
    (OUT / "codes.json").write_text(json.dumps(codes))


if __name__ == "__main__":
    main()
