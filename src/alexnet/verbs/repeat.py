"""`alexnet train --repeat`: one recipe with several seeds, into folders side by side."""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe
from alexnet.recipes import find
from alexnet.run import Run, open_run
from alexnet.settings import override
from alexnet.verbs.choosing import AUTO, batch_of
from alexnet.verbs.scores import data_of
from alexnet.verbs.train import Trained, train

SEED = re.compile(r"-seed\d+$")
"""How the folder of a run among several seeds ends."""


@dataclass(frozen=True)
class Repeated:
    """Trainings that differ in their seed alone; errors in per cent on the validation split."""

    runs: list[Trained]
    seeds: list[int]
    top1_mean: float | None  # None where there is no validation split
    top1_interval: tuple[float, float] | None  # 95 % of the mean, over seeds
    top1_deviation: float | None  # of one run's, from seed to seed

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def repeat(
    recipe: Recipe | str | Path,
    data: str | Path,
    out: str | Path,
    *,
    times: int,
    assignments: Sequence[str] = (),
    **how: Any,
) -> Repeated:
    """Train `recipe` with `times` seeds, from its own on, into `out`-seed0, `out`-seed1, …

    One after the other; the same call goes on with what is missing and leaves what is finished as it is. What
    is chosen for this machine (the recipe `auto`, a batch by probe) is chosen for the first and holds for
    all. `how` is what `train` takes; a wish for a time is each training's.
    """
    if times < 2:
        raise UsageProblem(f"--repeat {times}: two seeds or more tell what chance does")
    first = first_seed(recipe, assignments)
    trained = [train(recipe, data, beside(out, first), assignments=assignments, **how)]
    same, how = open_run(beside(out, first)).recipe, how | {"began": None}
    seeds = list(range(first, first + times))
    for seed in seeds[1:]:
        one = same.model_copy(update={"seed": seed})
        trained.append(train(one, data, beside(out, seed), **how))
    errors = [one.top1_error for one in trained if one.top1_error is not None]
    if len(errors) < times:
        return Repeated(trained, seeds, None, None, None)
    from scipy.stats import t as student

    middle, deviation = mean(errors), stdev(errors)
    half = float(student.ppf(0.975, times - 1)) * deviation / math.sqrt(times)
    return Repeated(trained, seeds, middle, (max(middle - half, 0.0), middle + half), deviation)


def further(
    run: Run, seeds: int, *, device: str = "auto", workers: int = 1, progress: Progress = silent
) -> list[Path]:
    """Train the recipe of `run` with further seeds beside it, until there are `seeds` runs; the new ones."""
    made = []
    for seed in range(run.recipe.seed + 1, run.recipe.seed + seeds):
        out = beside(run.path, seed)
        recipe = run.recipe.model_copy(update={"seed": seed})
        init = run.init["path"] if run.init else None
        train(recipe, data_of(run), out, init=init, device=device, workers=workers, progress=progress)
        made.append(out)
    return made


def beside(out: str | Path, seed: int) -> Path:
    """The folder of one seed's run.

    >>> beside("runs/nin", 2).as_posix(), beside("runs/nin-seed0", 1).as_posix()
    ('runs/nin-seed2', 'runs/nin-seed1')
    """
    path = Path(out)
    return path.with_name(f"{SEED.sub('', path.name)}-seed{seed}")


def first_seed(recipe: Recipe | str | Path, assignments: Sequence[str]) -> int:
    """The seed that a recipe has with its `field=value` assignments."""
    if recipe == AUTO:
        given = [one.removeprefix("seed=") for one in assignments if one.startswith("seed=")]
        return int(given[-1]) if given and given[-1].isdigit() else 0
    _, others = batch_of(assignments)
    return override(recipe if isinstance(recipe, Recipe) else find(recipe), others).seed
