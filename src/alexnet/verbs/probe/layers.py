"""Probes of layers: activations, units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from alexnet.probing.activations import (
    activation_figure,
    feature_figure,
    first_convolution,
    map_numbers,
    recorded,
    strongest_maps,
)
from alexnet.probing.activations import activations as answers_of
from alexnet.probing.drawing import brief
from alexnet.probing.receptive import Fields, receptive_field
from alexnet.probing.units import Excited, Strongest, box, patch, unit_figure
from alexnet.problem import UsageProblem
from alexnet.verbs.probe.asked import Asked, Probed, no_things
from alexnet.verbs.probe.chosen import FILES, Choice, chosen, spread
from alexnet.verbs.scores import labels_for

UNITS = 8  # shown where none is named


def activations(asked: Asked, *, layer: str | None = None, choice: Choice = FILES, most: int = 256) -> Probed:
    """What a layer answers to one picture: a sheet of feature maps, or the answers of a dense layer."""
    name = layer or first_convolution(asked.network)
    found = chosen(asked, choice)
    if len(found) > 1:
        raise UsageProblem(f"activations shows one picture at a time, not {len(found)}")
    (one,) = found
    answer = answers_of(asked.network, asked.inputs(one.pixels[None]), name)[0].float().cpu()
    view = asked.views(one.pixels[None])[0]
    title = f"{asked.run.recipe.network}: what {name} answers to {Path(one.name).name}"
    numbers: dict[str, Any] = {"image": one.name, "layer": name, "output": list(answer.shape)}
    if answer.dim() == 3:
        shown = strongest_maps(answer, most)
        figure = activation_figure(title, view, answer, shown)
        each = map_numbers(answer)
        dead = sum(one["largest"] <= 0 for one in each)
        words = [
            f"{len(answer)} maps of {answer.shape[1]} × {answer.shape[2]}, {dead} with no positive answer"
        ]
        numbers |= {"shown": shown, "maps": each}
    else:
        flat = answer.flatten()
        figure = feature_figure(title, view, flat)
        words = [f"{len(flat)} units, {int((flat > 0).sum())} with a positive answer"]
        numbers |= {"features": flat.tolist()}
    return asked.keep("activations", figure, words=words, numbers=numbers, of=f"{name}-{Path(one.name).stem}")


def units(
    asked: Asked, *, layer: str | None = None, unit: Sequence[int] = (), count: int = 9, split: str = "train"
) -> Probed:
    """The patches of a split's pictures that excite units of a layer most, cut at their receptive field."""
    no_things(asked, "units")
    name = layer or first_convolution(asked.network)
    fields = receptive_field(asked.network, asked.image, name)
    part = asked.packed.split(split)
    strongest = _strongest(asked, name, list(unit), count, split)
    labels = labels_for(asked.run, asked.packed, part)
    rows, told = [], []
    for number, found in strongest.found().items():
        views = asked.views(part.pixels([each.image for each in found]))
        most, times = Counter(asked.class_named(int(labels[each.image])) for each in found).most_common(1)[0]
        alike = f"{times} of {len(found)}: {brief(most, 16)}" if 3 * times >= len(found) else ""
        label = f"unit {number}\n{alike}"
        rows.append((label, [patch(view, fields, each) for view, each in zip(views, found, strict=True)]))
        sources = part.sources([each.image for each in found])
        told.append({"unit": number, "patches": [
            _patch(asked, fields, each, source, int(labels[each.image]))
            for each, source in zip(found, sources, strict=True)
        ]})  # fmt: skip
    sees = _sees(fields, asked.run.preprocessing.crop)
    figure = unit_figure(f"{asked.run.recipe.network}: what excites units of {name} ({sees})", rows)
    words = [f"{len(rows)} units of {name}, each over {len(part):,} pictures of {split}; a unit sees {sees}"]
    numbers = {"layer": name, "split": split, "images": len(part), "field": [asdict(each) for each in fields],
               "units": told}  # fmt: skip
    return asked.keep("units", figure, words=words, numbers=numbers, of=name)


def _strongest(asked: Asked, layer: str, unit: list[int], count: int, split: str) -> Strongest:
    part, strongest = asked.packed.split(split), None
    with (
        torch.inference_mode(),
        recorded(asked.network, layer) as outputs,
        asked.progress(f"looking through {split}", len(part)) as advance,
    ):
        for images in asked.batches(part):
            outputs.clear()
            asked.network(images)
            answers = outputs[-1]
            strongest = strongest or Strongest(unit_numbers(layer, answers.size(1), unit), count)
            strongest.add(answers)
            advance(len(images))
    assert strongest is not None
    return strongest


def unit_numbers(layer: str, units: int, wanted: Sequence[int]) -> list[int]:
    """The units asked for, or eight spread over the layer; a UsageProblem where one does not exist."""
    if odd := [unit for unit in wanted if not 0 <= unit < units]:
        raise UsageProblem(f"{layer} has no unit {odd[0]}; it has {units}: 0 … {units - 1}")
    return list(wanted) or spread(units, UNITS).tolist()


def _sees(fields: Fields, crop: int) -> str:
    if fields[0].step == 0:
        return "it sees the whole view"
    larger = " and more than the view" if fields[0].size > crop else ""
    return f"{fields[0].size} × {fields[1].size} pixels{larger}"


def _patch(asked: Asked, fields: Fields, found: Excited, source: str, label: int) -> dict[str, Any]:
    crop = asked.run.preprocessing.crop
    return {
        "source": source,
        "class": asked.run.classes[label],
        "value": found.value,
        "place": [found.row, found.column],
        "box": list(box(fields, found, (crop, crop))),  # of the centre view
    }
