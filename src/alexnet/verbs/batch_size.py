"""`train --batch auto`: a few steps at several batch sizes, and one of them by `recipes.batch_size`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from alexnet.dataset.packed import Packed
from alexnet.memory import forget_most, free_memory, give_back_memory, most_held
from alexnet.networks import create
from alexnet.parallel import world
from alexnet.problem import UsageProblem
from alexnet.progress import Progress
from alexnet.recipe import Recipe
from alexnet.recipes.batch_size import FASTER, ROOM, Tried, most, picked, with_batch, worth_trying
from alexnet.training.footprint import footprint
from alexnet.verbs.timed import PROBED, step_seconds

SHARE = 0.02  # of a wished time that the probe may take
LONGEST = 20.0  # seconds that it may take where no time is wished


def probed(
    recipe: Recipe,
    packed: Packed,
    device: torch.device,
    *,
    rate: bool = True,
    progress: Progress,
) -> tuple[Recipe, list[str]]:
    """The recipe with the batch that suits this machine, its rate in proportion with `rate`; and why.

    Raises UsageProblem over several ranks: each would find another.
    """
    if world().ranks > 1:
        raise UsageProblem(
            "a batch by probe is one process's: let `alexnet train … --batch auto --dry-run` choose, then "
            "give what it says with --set batch=… and --set learning_rate=…"
        )
    images = max(1, round(recipe.train_share * len(packed.split("train"))))
    (first, *higher), lower = worth_trying(recipe, images)
    highest, why = most(recipe, images)
    if not higher and not lower:
        return with_batch(recipe, first, rate=rate), [
            f"batches of {first:,}, {why}: there is no other to try"
        ]
    probe = Probe(recipe, packed, device, progress)
    tried = list(probe(first, higher, lower))
    batch, because = picked(first, tried)
    found = "; ".join(one.words for one in sorted(tried, key=lambda one: one.batch))
    reasons = [
        f"tried batches of {found}; {probe.free / 2**30:.2g} GiB are free, at most {highest:,} {why}",
        f"batches of {batch:,}: {because}",
    ]
    if batch != recipe.batch:
        kept = "in proportion" if rate else "as given"
        reasons.append(f"rate {kept}: a batch of {batch:,} in place of {recipe.batch:,}")
    return with_batch(recipe, batch, rate=rate), reasons


class Probe:
    """Steps of a recipe's network over random pictures, as far as memory and time allow."""

    def __init__(self, recipe: Recipe, packed: Packed, device: torch.device, progress: Progress) -> None:
        self.recipe, self.classes, self.device, self.progress = recipe, len(packed.classes), device, progress
        side = min(recipe.crop or packed.size, packed.size)
        self.shape = recipe.channels, side, side
        give_back_memory()
        self.free = free_bytes(device)
        self.ends = time.monotonic() + (SHARE * recipe.seconds if recipe.seconds else LONGEST)

    def __call__(self, first: int, higher: list[int], lower: list[int]) -> Iterator[Tried]:
        """Try `first`, then larger and smaller ones, as long as they fit and are faster."""
        base = self.tried(first)
        yield base
        if base.seconds:
            yield from self._on(base, higher)
        yield from self._on(base, lower)

    def _on(self, base: Tried, batches: list[int]) -> Iterator[Tried]:
        before = base
        for batch in batches:
            if not self._has_time(base, batch):
                return
            found = self.tried(batch)
            yield found
            if before.seconds and found.rate <= FASTER * before.rate:
                return
            before = found

    def tried(self, batch: int) -> Tried:
        """A few steps with `batch` images, unless they would not fit."""
        expected = self._expected(batch)
        if expected > ROOM * self.free:
            return Tried(batch, None, expected)
        recipe, parts = self.recipe, self.recipe.accumulate
        part = max(batch // parts, 2)  # norms refuse a batch of one
        network = create(recipe.network, classes=self.classes, channels=recipe.channels, **recipe.options)
        try:
            with counted(self.device) as taken:
                seconds = step_seconds(
                    network, recipe, part, self.shape, self.classes, self.device, self.progress
                )
        except torch.OutOfMemoryError:
            return Tried(batch, None, expected)
        return Tried(batch, parts * seconds, taken[0] or expected)

    def _expected(self, batch: int) -> int:
        part = max(batch // self.recipe.accumulate, 2)
        return footprint(self.recipe, self.classes, self.shape, part).total

    def _has_time(self, base: Tried, batch: int) -> bool:
        each = (base.seconds or 0.0) * batch / base.batch
        return time.monotonic() + (PROBED + 1) * each <= self.ends


def free_bytes(device: torch.device) -> int:
    """Memory that `device` has free."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory()


@contextmanager
def counted(device: torch.device) -> Iterator[list[int]]:
    """A list that has, after the block, the bytes that the block took at most; 0 where that is not known."""
    taken: list[int] = []
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield taken
        taken.append(torch.cuda.max_memory_allocated(device) - before)
        return
    give_back_memory()
    before = forget_most()
    yield taken
    taken.append(max(most_held() - before, 0))
