"""What a report is made of, opened when a section asks for it: the pack, scores, features."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexnet.dataset.packed import Packed
from alexnet.evaluation.predictions import Predictions, load_predictions
from alexnet.probing.agreement import Agreement, agreement_at
from alexnet.probing.features import FEATURES, HIDDEN, features
from alexnet.probing.search import Neighbours, nearest
from alexnet.problem import Problem
from alexnet.report.mistakes import Shelf
from alexnet.report.thumbnails import Thumbnail, thumbnail
from alexnet.report.training import Network, network_of
from alexnet.run import Run
from alexnet.verbs.index import Index, found_index
from alexnet.verbs.probe.asked import Asked
from alexnet.verbs.probe.chosen import spread
from alexnet.verbs.scores import labels_for, predictions_of
from alexnet.verbs.similar import views_nearest

I64 = NDArray[np.int64]
VIEWS = "center"
MEASURED = ("val", "test")  # the first of these that a pack has is reported on
WORK = 1.5e11  # multiply-adds that are spent on training pictures, twice; some seconds of one core
LEAST, MOST = 500, 10_000  # training pictures that are looked at
PIXELS = 4e8  # values of training pictures that are compared one by one, at most
AGREEMENT = (1, 6, 20)  # neighbours whose classes are counted
LEAST_ASKED, MOST_ASKED = 100, 500  # pictures whose neighbours are counted
BATCH = 64


@dataclass(frozen=True)
class Material:
    """One run, and what can be asked of it; every question may be answered with a Problem."""

    asked: Asked
    split: str | None  # None: the first of `MEASURED`
    workers: int = 1

    @property
    def run(self) -> Run:
        """The run folder."""
        return self.asked.run

    @property
    def names(self) -> list[str]:
        """Classes as people name them, in the run's order."""
        return [self.asked.class_named(label) for label in range(len(self.run.classes))]

    @property
    def packed(self) -> Packed:
        """The pack."""
        return self.asked.packed

    def require_what_was_named(self) -> None:
        """Raise a Problem where the pack or the split that a user named is not there."""
        if self.asked.data is not None:
            _ = self.packed
        if self.split is not None and self.split not in self._splits():
            self.packed.split(self.split)

    @cached_property
    def network(self) -> Network:
        """What the network is and costs."""
        return network_of(self.run)

    @cached_property
    def identity(self) -> str:
        """Which pictures are measured: the pack's fingerprint (of the training, where it is gone), split."""
        try:
            pack = self.packed.fingerprint
        except Problem:
            pack = str(self.run.dataset.get("fingerprint"))
        return f"{pack} {self.measured}"

    @cached_property
    def measured(self) -> str:
        """The split that is reported on."""
        if self.split is not None:
            return self.split
        there = [split for split in MEASURED if split in self._splits()]
        if not there:
            raise Problem(
                f"{self.packed.path} has pictures for training alone; prepare it with --val-fraction, or "
                "name another pack with --data"
            )
        return there[0]

    @cached_property
    def predictions(self) -> Predictions:
        """Scores on the measured split, those saved where the pack is no longer there."""
        try:
            packed = self.packed
        except Problem as problem:
            saved = self._saved(self.measured)
            if saved is None or self.asked.data is not None:
                raise problem from None
            return saved
        return predictions_of(
            self.run, packed, self.measured, VIEWS, device=str(self.asked.device), workers=self.workers,
            progress=self.asked.progress,
        )  # fmt: skip

    @cached_property
    def shelf(self) -> Shelf:
        """The pictures of the measured split."""
        return self._shelf(self.measured)

    @cached_property
    def training(self) -> Shelf:
        """The training pictures; their features are the index's where there is one."""
        return self._shelf("train", self.index)

    @cached_property
    def index(self) -> Index | None:
        """The index of all training pictures beside the run, if it is of these weights and pictures."""
        return found_index(self.asked, layer=HIDDEN, split="train")

    @cached_property
    def budget(self) -> int:
        """How many training pictures are looked at, by what one costs; all of them by an index."""
        there = len(self.packed.split("train"))
        if self.index is not None:
            return there
        each = max(1, self.network.whole.multiply_adds)
        return min(there, max(LEAST, min(MOST, int(WORK / each))))

    @cached_property
    def looked_among(self) -> I64:
        """Numbers of the training pictures whose features are known or may be computed."""
        return spread(len(self.packed.split("train")), self.budget)

    @cached_property
    def compared_among(self) -> I64:
        """Those of them whose pixels may be read too."""
        room = max(LEAST, int(PIXELS) // (3 * self.run.preprocessing.crop**2))
        return self.looked_among[spread(len(self.looked_among), room)]

    def neighbours(self, numbers: I64, k: int, *, among: I64 | None = None) -> Neighbours:
        """The nearest training pictures of some of the measured ones, by features."""
        among = self.looked_among if among is None else among
        queries = self.shelf.features(numbers)
        if self.index is not None and len(among) == len(self.index.features):
            return self.index.nearest(queries, k)
        found = nearest(self._looked_at(among), queries, min(k, len(among)))
        return Neighbours(among[found.numbers], found.distances)

    def pixel_neighbours(self, numbers: I64, k: int) -> Neighbours:
        """The same by pixels of the network's views, among `compared_among`."""
        pictures = self.packed.split(self.measured).pixels(numbers)
        return views_nearest(self.asked, "train", pictures, k, among=self.compared_among)

    def agreement(self) -> list[Agreement]:
        """How often neighbours are of the class, by features and by pixels, both among `compared_among`."""
        each = max(1, self.network.whole.multiply_adds)
        count = max(LEAST_ASKED, min(MOST_ASKED, int(WORK / 4 / each)))
        numbers, among = spread(len(self.shelf.labels), count), self.compared_among
        steps = sorted({min(k, len(among)) for k in AGREEMENT})
        truth = self.shelf.labels[numbers][:, None]
        found = self.neighbours(numbers, steps[-1], among=among), self.pixel_neighbours(numbers, steps[-1])
        by_features, by_pixels = (self.training.labels[one.numbers] == truth for one in found)
        return [agreement_at(k, by_features, by_pixels) for k in steps]

    @cached_property
    def _features(self) -> FEATURES:
        """Of `looked_among`, where there is no index."""
        return self.training.features(self.looked_among)

    def _looked_at(self, among: I64) -> FEATURES:
        if self.index is not None:
            return np.asarray(self.index.features[among])
        return self._features[np.searchsorted(self.looked_among, among)]

    def _shelf(self, name: str, index: Index | None = None) -> Shelf:
        split, asked = self.packed.split(name), self.asked

        def thumbnails(numbers: I64) -> list[Thumbnail]:
            return [thumbnail(view) for view in asked.views(split.pixels(numbers))]

        def rows(numbers: I64) -> FEATURES:
            if index is not None:
                return np.asarray(index.features[numbers])
            shares = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
            title = f"features of {name}"
            parts = []
            with asked.progress(title, len(numbers)) as advance:
                for share in shares:
                    parts.append(features(asked.network, asked.inputs(split.pixels(share)), HIDDEN))
                    advance(len(share))
            return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

        def sources(numbers: I64) -> list[str]:
            return split.sources(numbers.tolist())

        return Shelf(labels_for(self.run, self.packed, split), thumbnails, rows, sources)

    def _splits(self) -> Mapping[str, object]:
        try:
            return self.packed.counts
        except Problem:
            saved = {split: self._saved(split) for split in MEASURED}
            there = {split: found for split, found in saved.items() if found is not None}
            if not there:
                raise
            return there

    def _saved(self, split: str) -> Predictions | None:
        """Scores of the newest weights on the pack of the training, as an evaluation kept them."""
        checkpoint, fingerprint = self.run.checkpoint(), str(self.run.dataset.get("fingerprint"))
        path: Path = self.run.scores / f"{fingerprint[:12]}-{split}-{VIEWS}.safetensors"
        if not path.is_file() or checkpoint is None:
            return None
        saved, facts = load_predictions(path)
        wanted = {"dataset": fingerprint, "steps": str(checkpoint.state["steps"])}
        return saved if wanted.items() <= facts.items() else None
