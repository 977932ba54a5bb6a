"""Probes of places: saliency, gradcam, occlusion."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexnet.probing import saliency as places
from alexnet.probing.drawing import brief
from alexnet.probing.heatmaps import Heat, heat_figure
from alexnet.problem import UsageProblem
from alexnet.verbs.probe.asked import Asked, Probed
from alexnet.verbs.probe.chosen import FILES, Choice, Picture, chosen, scores

AT_MOST = 12  # pictures on a sheet


def saliency(asked: Asked, *, choice: Choice = FILES) -> Probed:
    """Which pixels move the likeliest class's logit: the gradient's size."""
    found, labels, words = _asked_of(asked, choice)
    heat = places.saliency(asked.network, _inputs(asked, found), labels)
    return _kept(asked, "saliency", found, heat, words=words, labels=labels, told={})


def gradcam(asked: Asked, *, choice: Choice = FILES, layer: str | None = None) -> Probed:
    """Which places of a layer's maps speak for the likeliest class; default: the last convolution."""
    found, labels, words = _asked_of(asked, choice)
    name = layer or places.last_maps(asked.network, asked.image)
    heat = places.gradcam(asked.network, _inputs(asked, found), labels, layer=name)
    return _kept(asked, "gradcam", found, heat, words=words, labels=labels, told={"layer": name})


def occlusion(
    asked: Asked, *, choice: Choice = FILES, patch: int | None = None, stride: int | None = None
) -> Probed:
    """How much the likeliest class's probability falls when a square, a quarter of the view, is hidden."""
    found, labels, words = _asked_of(asked, choice)
    side = patch or max(1, asked.run.preprocessing.crop // 4)
    step = stride or max(1, side // 3)
    inputs, heat = _inputs(asked, found), []
    with asked.progress("hiding parts", len(found)) as advance:
        for one, label in zip(inputs, labels.tolist(), strict=True):
            heat.append(places.occlusion(asked.network, one[None], label, patch=side, stride=step))
            advance(1)
    told = {"patch": side, "stride": step}
    return _kept(asked, "occlusion", found, torch.stack(heat), words=words, labels=labels, told=told)


LEGENDS = {
    "saliency": "how much a pixel moves the logit",
    "gradcam": "how much a place speaks for the class",
    "occlusion": "fall of the probability where this is hidden (orange: it speaks for the class)",
}


def _asked_of(asked: Asked, choice: Choice) -> tuple[list[Picture], Tensor, list[str]]:
    """Pictures, the likeliest class of each, and the words that say so."""
    found = chosen(asked, choice)
    if len(found) > AT_MOST:
        raise UsageProblem(f"{len(found)} pictures do not fit on one sheet; name {AT_MOST} or fewer")
    shares, labels = scores(asked, np.stack([one.pixels for one in found])).max(1)
    words = [
        f"{brief(asked.class_named(label), 18)}, {share:.0%}" + _truth(asked, one, label)
        for one, label, share in zip(found, labels.tolist(), shares.tolist(), strict=True)
    ]
    return found, labels, words


def _truth(asked: Asked, one: Picture, label: int) -> str:
    if one.truth is None or one.truth == label:
        return ""
    return f" (is {brief(asked.class_named(one.truth), 18)})"


def _inputs(asked: Asked, found: Sequence[Picture]) -> Tensor:
    return asked.inputs(np.stack([one.pixels for one in found]))


def _kept(
    asked: Asked, probe: str, found: Sequence[Picture], heat: Tensor, *,
    words: Sequence[str], labels: Tensor, told: dict[str, Any],
) -> Probed:  # fmt: skip
    heat = heat.float().cpu()
    views = asked.views(np.stack([one.pixels for one in found]))
    rows = [Heat(view, one, word) for view, one, word in zip(views, heat, words, strict=True)]
    of = f" at {told['layer']}" if "layer" in told else ""
    figure = heat_figure(
        f"{asked.run.path.name}: {probe}{of}", rows, legend=LEGENDS[probe], signed=probe == "occlusion"
    )
    numbers = told | {
        "pictures": [
            _numbers(asked, one, label, each)
            for one, label, each in zip(found, labels.tolist(), heat, strict=True)
        ]
    }
    says = [f"{Path(one.name).name}: {word}" for one, word in zip(found, words, strict=True)]
    return asked.keep(probe, figure, words=says, numbers=numbers)


def _numbers(asked: Asked, one: Picture, label: int, heat: Tensor) -> dict[str, Any]:
    peak = int(heat.argmax())
    return {
        "image": one.name,
        "class": asked.run.classes[label],
        "truth": asked.run.classes[one.truth] if one.truth is not None else None,
        "least": float(heat.min()),
        "most": float(heat.max()),
        "peak": [peak // heat.size(1), peak % heat.size(1)],
        "middle": list(places.middle(heat)),
        "off_centre": places.off_centre(heat),
    }
