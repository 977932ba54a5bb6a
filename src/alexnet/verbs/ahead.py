"""A training's first batch, begun while torch and the network are still on their way.

Nothing here imports torch: that takes longer than opening a pack, shuffling an epoch of millions and cutting
a batch together, and the threads that do so leave the interpreter to it.
"""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alexnet.batches.loader import TrainingLoader
from alexnet.batches.normalisation import Normalisation, normalisation_of
from alexnet.dataset.packed import Packed, open_packed
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.recipes import RECIPES, find
from alexnet.settings import override

if TYPE_CHECKING:
    from alexnet.parallel import World
    from alexnet.run import Run


class Begun(NamedTuple):
    """A loader whose first batch is made, and what it was made of."""

    loader: TrainingLoader
    recipe: Recipe
    fingerprint: str  # of the pack
    figures: Normalisation


SWITCHING = 0.0005
"""Seconds for which an import keeps the interpreter while a thread asks for it, in place of 0.005: a batch
asks some hundred times."""

Ahead = Callable[[], Begun | None]
"""Waits for what was begun; None where that could not be known or made beforehand."""


def begin(
    recipe: str,
    data: str | Path,
    out: str | Path,
    *,
    assignments: Sequence[str] = (),
    device: str = "auto",
    workers: int = 1,
) -> Ahead:
    """Begin the first batch of a new training on a processor; of a run, of ranks or of `auto` there is none.

    What is wrong with the words is left to the training, which says so.
    """
    alone = os.environ.get("WORLD_SIZE", "1") == "1" and device in ("auto", "cpu") and "://" not in str(data)
    if not alone or Path(out).exists() or not (recipe in RECIPES or Path(recipe).is_file()):
        return lambda: None

    usual = sys.getswitchinterval()

    def begun() -> Begun | None:
        try:
            return _begun(override(find(recipe), assignments), data, workers)
        except (Problem, OSError):
            return None
        finally:
            sys.setswitchinterval(usual)

    sys.setswitchinterval(SWITCHING)
    pool = ThreadPoolExecutor(1, "ahead")
    future = pool.submit(begun)
    pool.shutdown(wait=False)
    return future.result


def _begun(recipe: Recipe, data: str | Path, workers: int) -> Begun:
    packed = open_packed(data)
    figures = normalisation_of(recipe, packed.statistics, packed.size, packed.fit)
    loader = TrainingLoader(packed.split("train"), recipe, figures, packed.statistics, workers=workers)
    loader.begin(0)
    return Begun(loader, recipe, packed.fingerprint, figures)


def loader_of(
    run: "Run", packed: Packed, here: "World", *, ahead: Ahead | None, workers: int
) -> TrainingLoader:
    """The loader of `run`: the one that was begun ahead, where it does what `run` does."""
    begun, pixels = ahead() if ahead else None, run.preprocessing
    if begun and (here.ranks, here.device.type) == (1, "cpu"):
        figures = begun.figures
        same = np.array_equal(figures.mean, pixels.mean) and np.array_equal(figures.divisor, pixels.divisor)
        if same and (begun.recipe, begun.fingerprint) == (run.recipe, packed.fingerprint):
            return begun.loader
    return TrainingLoader(
        packed.split("train"),
        run.recipe,
        pixels,
        packed.statistics,
        workers=workers,
        device=here.device,
        share=(here.share, here.shares),
    )
