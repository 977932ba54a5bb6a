"""How large a batch may be, and which is taken of those that were tried: `--batch auto`, and `train auto`.

Written rules, each told in words with what it did:

- steps: an epoch has twenty at least;
- source: a batch is never larger than the recipe's own, or than what its source trained with (`ALLOWED`);
- memory: it needs four fifths of what is free, at most;
- speed: the recipe's own batch is kept, which its other values were found with, unless another is more than a
  tenth faster; of those within a tenth of the fastest the smallest is taken, which has the most steps.

The rate goes in proportion to the batch, as Goyal et al. (2017) have it for SGD; where the length of a step
does not follow the gradient's (AdamW, RMSProp, Muon) by the root of it (Malladi et al. 2022).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import sqrt

from alexnet.recipe import Recipe
from alexnet.schedule import Constant, Cosine, OneCycle, Schedule, Steps

STEPS = 20  # an epoch has at least so many
WHOLE = 8  # batches are multiples of it
ROOM = 0.8  # of the free memory that a step may need
FASTER = 1.1  # times as many images a second make another batch worth it
RATES = ("start", "begin", "peak", "end", "values")  # fields of schedules that are rates
BY_ROOT = ("adamw", "rmsprop", "muon")


@dataclass(frozen=True)
class Allowed:
    """The largest batch that the source of some networks' recipes trained with, rate in proportion."""

    networks: tuple[str, ...]  # shell patterns
    batch: int
    source: str
    warmed: bool = False  # only where the rate comes up from (nearly) zero


ALLOWED = (
    Allowed(("airbench*",), 1024, "Jordan 2024"),
    # table 1 there: within 0.3 points of batches of 128
    Allowed(("alexnet*", "caffe-alexnet"), 512, "Krizhevsky 2014"),
    # 8,192 there, at a quarter of the rate a picture that `auto` has
    Allowed(("resnet*",), 2048, "Goyal et al. 2017", warmed=True),
)


@dataclass(frozen=True)
class Tried:
    """A batch size as the probe found it."""

    batch: int
    seconds: float | None  # of a step; None where it does not fit the memory
    memory: int  # bytes that a step takes: measured, or where it does not fit expected

    @property
    def rate(self) -> float:
        """Images a second; 0 where it does not fit."""
        return self.batch / self.seconds if self.seconds else 0.0

    @property
    def words(self) -> str:
        """The finding, as it is told."""
        speed = f"{self.rate:,.0f} images/s" if self.seconds else "does not fit"
        return f"{self.batch:,}: {speed}, {self.memory / 2**30:.2g} GiB"


def most(recipe: Recipe, images: int) -> tuple[int, str]:
    """The largest batch that steps and source allow for so many training pictures, and which of them does.

    >>> from alexnet.recipes import airbench_s
    >>> most(airbench_s.RECIPE, 50_000), most(airbench_s.RECIPE, 2_000)
    ((1024, 'as in Jordan 2024'), (96, 'that an epoch has 20 steps'))
    """
    by_steps = max(images // STEPS // WHOLE * WHOLE, WHOLE)
    by_source, source = recipe.batch, "the recipe's own"
    for one in ALLOWED:
        fits = any(fnmatchcase(recipe.network, pattern) for pattern in one.networks)
        if fits and one.batch > by_source and (not one.warmed or warms_up(recipe.learning_rate)):
            by_source, source = one.batch, f"as in {one.source}"
    return (by_steps, f"that an epoch has {STEPS} steps") if by_steps < by_source else (by_source, source)


def worth_trying(recipe: Recipe, images: int) -> tuple[list[int], list[int]]:
    """Batches from the recipe's own up by doubling, and down by halving.

    >>> from alexnet.recipes import airbench_s
    >>> worth_trying(airbench_s.RECIPE, 50_000)
    ([500, 1000], [248, 120, 56, 24, 8])
    """
    highest, _ = most(recipe, images)
    first = min(recipe.batch, highest)
    up, down = [first], list[int]()
    while 2 * up[-1] <= highest:
        up.append(2 * up[-1])
    while (below := (down or up[:1])[-1] // 2 // WHOLE * WHOLE) >= WHOLE:
        down.append(below)
    return up, down


def picked(first: int, tried: Sequence[Tried]) -> tuple[int, str]:
    """The batch by the rules of memory and speed, and why; `first` is the recipe's own, or the most allowed.

    Where none fits the smallest that was tried is taken: it may still work.

    >>> picked(100, [Tried(100, 1.0, 2**30), Tried(200, 1.9, 2**31)])
    (100, 'no other is more than 1.1 times as fast')
    >>> picked(100, [Tried(100, 1.0, 2**30), Tried(200, 1.2, 2**31), Tried(400, 2.3, 2**32)])
    (200, '1.67 times as fast as 100')
    """
    fitting = [one for one in tried if one.seconds]
    if not fitting:
        return min(one.batch for one in tried), "none fits the free memory, so the smallest"
    base = next((one for one in fitting if one.batch == first), max(fitting, key=lambda one: one.batch))
    fastest = max(one.rate for one in fitting)
    if fastest <= FASTER * base.rate:
        kept = "" if base.batch == first else f"{first:,} does not fit the free memory, and "
        return base.batch, f"{kept}no other is more than {FASTER:g} times as fast"
    best = min((one for one in fitting if FASTER * one.rate >= fastest), key=lambda one: one.batch)
    return best.batch, f"{best.rate / base.rate:.2f} times as fast as {base.batch:,}"


def with_batch(recipe: Recipe, batch: int, *, rate: bool = True) -> Recipe:
    """The recipe with another batch, and with `rate` the rate that goes with it; decay and momentum stay.

    >>> from alexnet.recipes import airbench_s
    >>> with_batch(airbench_s.RECIPE, 250).learning_rate.peak
    0.32
    """
    part = batch / recipe.batch
    times = sqrt(part) if recipe.optimizer in BY_ROOT else part
    scaled = rate_times(recipe.learning_rate, times) if rate else recipe.learning_rate
    return recipe.model_copy(update={"batch": batch, "learning_rate": scaled})


def rate_times(schedule: Schedule, times: float) -> Schedule:
    """The schedule with all its rates multiplied."""
    mine = {name: getattr(schedule, name) for name in RATES if name in type(schedule).model_fields}
    return schedule.model_copy(
        update={
            name: tuple(value * times for value in rates) if isinstance(rates, tuple) else rates * times
            for name, rates in mine.items()
        }
    )


def warms_up(schedule: Schedule) -> bool:
    """Whether the rate comes up from zero, or from half of its peak at most."""
    if isinstance(schedule, OneCycle):
        return schedule.begin <= schedule.peak / 2
    return isinstance(schedule, Constant | Steps | Cosine) and schedule.warm_up > 0
