"""`alexnet learning-curve`: error by the number of training pictures, and what more of them would give."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alexnet.dataset.classes import share_of_each
from alexnet.dataset.packed import Packed, open_packed
from alexnet.evaluation.power_law import Extrapolation, PowerLaw, extrapolated, fit_power_law
from alexnet.evaluation.statistics import wilson
from alexnet.files import write_json
from alexnet.probing.learning_figure import learning_figure
from alexnet.probing.sheets import save_figure
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.recipe import Recipe
from alexnet.recipes import find
from alexnet.run import open_run
from alexnet.settings import override
from alexnet.verbs.scores import predictions_of
from alexnet.verbs.train import train

SHARES = (0.1, 0.25, 0.5, 1.0)
PICTURES = ("learning-curve.png", "learning-curve.svg")


@dataclass(frozen=True)
class Point:
    """One training on a share of each class's pictures; errors in per cent, with 95 % intervals."""

    share: float
    seed: int
    images: int  # trained on
    top1_error: float
    top1_interval: tuple[float, float]
    top5_error: float
    top5_interval: tuple[float, float]
    seconds: float
    run: str


@dataclass(frozen=True)
class LearningCurve:
    """Errors by training pictures; the law is fitted to them, `twice` is what it says and nobody measured."""

    recipe: str
    split: str
    views: str
    images: int  # of the split that is evaluated
    points: list[Point]
    law: PowerLaw | None  # None of one size, or where an error is 0
    twice: Extrapolation | None  # None of fewer than three sizes
    pictures: list[str]

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        document = asdict(self)
        document["extrapolation"] = document.pop("twice")
        if self.law:
            document["law"]["fits"] = self.law.fits
        return document


def learning_curve(
    recipe: Recipe | str | Path,
    data: str | Path,
    out: str | Path,
    *,
    shares: Sequence[float] = SHARES,
    seeds: int = 1,
    split: str = "val",
    views: str = "center",
    assignments: Sequence[str] = (),
    workers: int = 1,
    progress: Progress = silent,
) -> LearningCurve:
    """Train `recipe` on each of `shares` of the training pictures, `seeds` times; evaluate all on `split`.

    A share is of each class, drawn by the seed; a smaller one is part of a larger. Epochs are the recipe's,
    so that fewer pictures are fewer steps. Runs are kept in `out` and used again: the same call goes on.
    """
    whole = override(recipe if isinstance(recipe, Recipe) else find(recipe), assignments)
    wanted = checked(shares)
    packed = open_packed(Path(data))
    if split == "train":
        raise UsageProblem("errors on pictures that were trained on tell nothing of more of them; take val")
    packed.split(split)

    def point(share: float, seed: int) -> Point:
        fields = [f"train_share={share}", f"seed={seed}"]
        path = Path(out) / f"share-{share:g}-seed{seed}"
        trained = train(whole, packed.path, path, assignments=fields, workers=workers, progress=progress)
        seconds = trained.data_seconds + trained.compute_seconds
        return measured(path, packed, split, views, seconds, progress=progress)

    points = [point(share, whole.seed + more) for share in wanted for more in range(seeds)]
    found = summed_up(whole.name, split, views, len(packed.split(split)), points, Path(out))
    write_json(Path(out) / "learning-curve.json", found.document())
    figure = learning_figure(
        f"{found.recipe}: {found.images:,} pictures of {split}", found.points, found.twice
    )
    for picture in found.pictures:
        save_figure(figure, Path(picture))
    return found


def checked(shares: Sequence[float]) -> list[float]:
    """Shares in order, each once; a Problem where one is none."""
    wrong = [share for share in shares if not 0.0 < share <= 1.0]
    if wrong or not shares:
        raise UsageProblem(f"shares are above 0 and at most 1, as in 0.1,0.5,1; {wrong or 'none'} is not")
    return sorted(set(shares))


def measured(
    path: Path, packed: Packed, split: str, views: str, seconds: float, *, progress: Progress
) -> Point:
    """Evaluate one trained run."""
    run = open_run(path)
    errors = predictions_of(run, packed, split, views, progress=progress).errors()
    if not errors.images:
        raise Problem(f"{packed.path} has no pictures in {split}")
    recipe = run.recipe
    return Point(
        share=recipe.train_share,
        seed=recipe.seed,
        images=len(share_of_each(packed.split("train").labels, recipe.train_share, seed=recipe.seed)),
        top1_error=errors.top1_error,
        top1_interval=wilson(errors.top1, errors.images),
        top5_error=errors.top5_error,
        top5_interval=wilson(errors.top5, errors.images),
        seconds=round(seconds, 1),
        run=str(path),
    )


def summed_up(
    recipe: str, split: str, views: str, images: int, points: list[Point], out: Path
) -> LearningCurve:
    """Fit the law over the mean error of each size."""
    sizes = sorted({one.images for one in points})
    errors = [_mean([one.top1_error for one in points if one.images == size]) for size in sizes]
    fits = len(sizes) > 1 and min(errors) > 0
    return LearningCurve(
        recipe=recipe,
        split=split,
        views=views,
        images=images,
        points=points,
        law=fit_power_law(sizes, errors) if fits else None,
        twice=extrapolated(sizes, errors, 2 * sizes[-1]) if fits else None,
        pictures=[str(out / name) for name in PICTURES],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
