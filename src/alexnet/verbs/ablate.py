"""`alexnet ablate`: the same recipe without one thing at a time, paired, beside the figures of 2012."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.packed import Packed, open_packed
from alexnet.evaluation.errors import ranks
from alexnet.evaluation.statistics import Difference, Wrong, paired_difference, pooled_deviation
from alexnet.files import write_json
from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe
from alexnet.recipes import find
from alexnet.recipes.ablations import ABLATIONS
from alexnet.run import open_run
from alexnet.settings import override
from alexnet.verbs.scores import predictions_of
from alexnet.verbs.train import Trained, train


@dataclass(frozen=True)
class Row:
    """One recipe of the study: errors in per cent, averaged over seeds; differences to the whole recipe."""

    without: str  # "" for the whole recipe
    seeds: int
    images: int
    top1_error: float
    top5_error: float
    seconds: float  # of one training
    top1_difference: Difference | None
    top5_difference: Difference | None
    published: str

    @property
    def reading(self) -> str:
        """The difference in words, as far as these runs carry it."""
        if self.top1_difference is None:
            return ""
        if self.top1_difference.noise:
            return "this difference is noise"
        return "worse without" if self.top1_difference.points > 0 else "better without"

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self) | {"reading": self.reading}


@dataclass(frozen=True)
class Answers:
    """What a recipe's runs got wrong, image by image."""

    top1: Wrong  # [seeds, N]
    top5: Wrong
    seconds: float


def ablate(
    recipe: Recipe | str | Path,
    data: str | Path,
    out: str | Path,
    *,
    drop: Sequence[str] = (),
    seeds: int = 2,
    split: str = "val",
    views: str = "center",
    assignments: Sequence[str] = (),
    progress: Progress = silent,
) -> list[Row]:
    """Train `recipe` whole and without each of `drop` (default: all it has), `seeds` times; compare.

    Runs are kept in `out` and used again, so the same call goes on where it stopped.
    """
    whole = override(recipe if isinstance(recipe, Recipe) else find(recipe), assignments)
    packed = open_packed(Path(data))
    packed.split(split)
    recipes = {"": whole} | {name: without(whole, name) for name in drop or applicable(whole)}
    answers = {
        name: answered(one, packed, Path(out), name, seeds, split, views, progress)
        for name, one in recipes.items()
    }
    table = rows(answers, seeds)
    write_json(Path(out) / "ablation.json", [row.document() for row in table])
    return table


def without(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe without one thing; a UsageProblem lists what can be taken out."""
    if name not in ABLATIONS:
        raise UsageProblem(f"nothing named {name!r} to take out; there are {', '.join(ABLATIONS)}")
    return override(recipe, ABLATIONS[name].assignments)


def applicable(recipe: Recipe) -> list[str]:
    """Everything whose taking out changes this recipe."""
    return [name for name in ABLATIONS if without(recipe, name) != recipe]


def answered(
    recipe: Recipe,
    packed: Packed,
    out: Path,
    name: str,
    seeds: int,
    split: str,
    views: str,
    progress: Progress,
) -> Answers:
    """Train one recipe once a seed (or find it trained) and note what it gets wrong."""
    trained: list[Trained] = []
    wrong1: list[NDArray[np.bool_]] = []
    wrong5: list[NDArray[np.bool_]] = []
    for seed in range(recipe.seed, recipe.seed + seeds):
        path = out / f"{'without-' + name if name else 'whole'}-seed{seed}"
        trained.append(train(recipe, packed.path, path, assignments=[f"seed={seed}"], progress=progress))
        predictions = predictions_of(open_run(path), packed, split, views, progress=progress)
        rank = ranks(predictions.probabilities, predictions.labels).numpy()
        wrong1.append(rank >= 1)
        wrong5.append(rank >= min(5, predictions.probabilities.size(1)))
    seconds = sum(one.data_seconds + one.compute_seconds for one in trained) / len(trained)
    return Answers(np.array(wrong1), np.array(wrong5), round(seconds, 1))


def rows(answers: dict[str, Answers], seeds: int) -> list[Row]:
    """Compare each recipe with the whole one; chance between runs is pooled over all of them."""
    base = answers[""]
    chance1, freedom = pooled_deviation([one.top1 for one in answers.values()])
    chance5, _ = pooled_deviation([one.top5 for one in answers.values()])
    return [
        Row(
            without=name,
            seeds=seeds,
            images=one.top1.shape[1],
            top1_error=100.0 * float(one.top1.mean()),
            top5_error=100.0 * float(one.top5.mean()),
            seconds=one.seconds,
            top1_difference=paired_difference(one.top1, base.top1, seed_deviation=chance1, freedom=freedom)
            if name
            else None,
            top5_difference=paired_difference(one.top5, base.top5, seed_deviation=chance5, freedom=freedom)
            if name
            else None,
            published=ABLATIONS[name].published if name else "",
        )
        for name, one in answers.items()
    ]
