"""What `alexnet serve` shows of a run: its abilities, its card, samples, neighbours, and its report."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from alexnet.dataset.packed import Packed
from alexnet.evaluation.predictions import load_predictions
from alexnet.evaluation.statistics import wilson
from alexnet.probing.sheets import PIXELS
from alexnet.problem import Problem
from alexnet.run import Run
from alexnet.serving import documents, looking
from alexnet.serving.classifier import Classifier
from alexnet.serving.desk import Abilities
from alexnet.serving.limits import Limits
from alexnet.serving.routes import Shown, Training
from alexnet.verbs.index import Index, found_index
from alexnet.verbs.probe.asked import Asked
from alexnet.verbs.probe.chosen import spread
from alexnet.verbs.scores import labels_for

SAMPLES = 6
CAUTION = "A network answers one of its classes whatever you show it."


@dataclass(frozen=True)
class Reach:
    """What of a run's data is at hand: the pack, and the index of its training pictures, or why not."""

    packed: Packed | None
    index: Index | str


def reach_of(asked: Asked) -> Reach:
    """Look for the pack and for an index that `alexnet similar` has made."""
    try:
        packed = asked.packed
        index = found_index(asked)
    except Problem:
        return Reach(None, "the training pictures are not at hand")
    return Reach(packed, index or "no index of the training pictures: `alexnet similar` makes one")


def abilities_of(asked: Asked, classifier: Classifier, index: Index | str) -> Abilities:
    """What can be asked of a run: neighbours where it has an index, a look inside where torch answers."""
    look = _look(asked, classifier) if _cannot_look(classifier) is None else None
    similar = None if isinstance(index, str) else _similar(index)
    return Abilities(classifier.prepare, classifier.scores, similar, look)


def shown_of(asked: Asked, classifier: Classifier, reach: Reach, limits: Limits) -> Shown:
    """What the server tells beside answers."""
    run, packed, index = asked.run, reach.packed, reach.index
    samples = [] if packed is None else _samples(asked, packed)
    report = run.path / "report.html"
    model = documents.Model(
        name=run.path.resolve().name,
        network=run.recipe.network,
        classes=kinds_of(run.classes, asked.words),
        card=classifier.card,
        errors=_errors(run, packed),
        trained_on=None if packed is None else packed.counts.get("train"),
        engine=classifier.engine,
        limits=bounds_of(limits),
        samples=[documents.Sample(number=number, title=title) for number, (title, _) in enumerate(samples)],
        similar=index if isinstance(index, str) else None,
        look=_cannot_look(classifier),
        report=None if report.is_file() else "no report of this run: `alexnet report` makes one",
        caution=CAUTION,
    )
    return Shown(
        model,
        asked.words,
        None if isinstance(index, str) else _training(index),
        [png for _, png in samples],
        _report(report, asked) if report.is_file() else None,
    )


def kinds_of(classes: Sequence[str], words: Mapping[str, str]) -> list[documents.Kind]:
    """The classes with what people call them."""
    return [documents.Kind(name=name, title=words.get(name, name)) for name in classes]


def bounds_of(limits: Limits) -> documents.Bounds:
    """The limits that are told."""
    return documents.Bounds(**{name: getattr(limits, name) for name in documents.Bounds.model_fields})


def _similar(index: Index) -> Callable[[PIXELS, int], Any]:
    index.queries(np.zeros((1, *_shape(index.asked)), np.uint8))  # opens the network and the index now

    def similar(pictures: PIXELS, k: int) -> Any:
        return index.nearest(index.queries(pictures), k)

    return similar


def _training(index: Index) -> Callable[[Sequence[int]], list[Training]]:
    split, classes = index.asked.packed.split(index.split), index.asked.packed.classes

    def training(numbers: Sequence[int]) -> list[Training]:
        pixels, sources = split.pixels(numbers), split.sources(numbers)
        names = [classes[split.labels[number]] for number in numbers]
        return [
            Training(_placeless(source), name, one)
            for source, name, one in zip(sources, names, pixels, strict=True)
        ]

    return training


def _placeless(source: str) -> str:
    """A picture's name in its source; of a path of this machine the last part alone.

    >>> _placeless("tabby/0017.jpg"), _placeless("/disk/pictures/0017.jpg")
    ('tabby/0017.jpg', '0017.jpg')
    """
    path = PurePath(source)
    return path.name if path.is_absolute() or ".." in path.parts else source


def _cannot_look(classifier: Classifier) -> str | None:
    if classifier.engine != "torch":
        return f"a look inside needs the engine torch; this server answers by {classifier.engine}"
    return None


def _look(asked: Asked, classifier: Classifier) -> Callable[[PIXELS], dict[str, Any]]:
    kernels = cache(lambda: looking.kernel_sheet(asked.network))

    def look(pixels: PIXELS) -> dict[str, Any]:
        view, images = asked.views(pixels[None])[0], asked.inputs(pixels[None])
        (likeliest,) = classifier.top(pixels[None], 1)[0]
        label = asked.run.classes.index(likeliest[0])
        saliency, gradcam = looking.heat_sheets(asked.network, images, label, view)
        layer, sheet = kernels() or (None, None)
        return {
            "name": likeliest[0],
            "probability": likeliest[1],
            "view": looking.url(looking.enlarged(view)),
            "saliency": saliency,
            "gradcam": gradcam,
            "kernels": sheet,
            "maps": looking.map_sheet(asked.network, images) if layer else None,
            "layer": layer,
        }

    look(np.zeros(_shape(asked), np.uint8))  # the first time takes longer
    return look


def _shape(asked: Asked) -> tuple[int, int, int]:
    return (asked.run.preprocessing.size, asked.run.preprocessing.size, 3)


def _samples(asked: Asked, packed: Packed) -> list[tuple[str, bytes]]:
    """Some pictures that were not trained on, with the names of their classes, as PNG files."""
    name = next((name for name in ("val", "test") if packed.counts.get(name)), None)
    if name is None:
        return []
    split = packed.split(name)
    numbers = spread(len(split), SAMPLES)
    labels = labels_for(asked.run, packed, split)[numbers]
    return [
        (asked.class_named(int(label)), looking.png(pixels))
        for label, pixels in zip(labels, split.pixels(numbers), strict=True)
    ]


def _errors(run: Run, packed: Packed | None) -> documents.Errors | None:
    """Those of the newest weights that `alexnet evaluate` has counted, or the training itself."""
    checkpoint = run.checkpoint()
    steps = str(checkpoint.state.get("steps", 0) if checkpoint else 0)
    for path in sorted(run.scores.glob("*-center.safetensors")):
        predictions, facts = load_predictions(path)
        if facts.get("steps") == steps and facts.get("dataset") == run.dataset["fingerprint"]:
            errors = predictions.errors()
            return documents.Errors(
                split=facts["split"],
                images=errors.images,
                views=facts["views"],
                top1_error=errors.top1_error,
                top1_interval=wilson(errors.top1, errors.images),
                top5_error=errors.top5_error,
                top5_interval=wilson(errors.top5, errors.images),
            )
    return _counted_in_training(run, steps, packed)


def _counted_in_training(run: Run, steps: str, packed: Packed | None) -> documents.Errors | None:
    """What the training itself counted after its last epoch, where the pack says of how many pictures."""
    lines = [json.loads(line) for line in run.metrics.read_text(encoding="utf-8").splitlines()[-20:]]
    counted = [line for line in lines if "top1_error" in line and str(line.get("step")) == steps]
    images = packed.counts.get("val", 0) if packed and packed.fingerprint == run.dataset["fingerprint"] else 0
    if not counted or not images:
        return None
    top1, top5 = (round(counted[-1][f"{which}_error"] / 100 * images) for which in ("top1", "top5"))
    return documents.Errors(
        split="val",
        images=images,
        views="center",
        top1_error=counted[-1]["top1_error"],
        top1_interval=wilson(top1, images),
        top5_error=counted[-1]["top5_error"],
        top5_interval=wilson(top5, images),
    )


def _report(path: Path, asked: Asked) -> Callable[[], str]:
    """The report as it stands now, without the places on this machine that it may name."""
    places = [str(asked.run.path.resolve().parent), str(Path(asked.data or asked.run.dataset["path"] or "."))]
    absolute = [re.escape(place) for place in places if PurePath(place).is_absolute() and len(place) > 1]

    def report() -> str:
        text = path.read_text(encoding="utf-8")
        return re.sub(rf"(?:{'|'.join(absolute)})/?", "", text) if absolute else text

    return report
