"""`alexnet probe`: a look inside a run, as pictures and as numbers."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alexnet.problem import UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.verbs.probe.answers import mistake, top5
from alexnet.verbs.probe.asked import Probed, asked_of
from alexnet.verbs.probe.chosen import Choice as Choice
from alexnet.verbs.probe.heat import gradcam, occlusion, saliency
from alexnet.verbs.probe.layers import activations, units
from alexnet.verbs.probe.weights import gradients, kernels
from alexnet.verbs.probe.whole import curves, texture

PROBES: Mapping[str, Callable[..., Probed]] = {
    probe.__name__: probe
    for probe in (
        kernels, activations, units, top5, mistake, saliency, gradcam, occlusion, gradients, texture, curves,
    )
}  # fmt: skip


def probe(
    run: str | Path | Run,
    what: str,
    things: Sequence[str | Path] = (),
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    words: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
    **options: Any,
) -> Probed:
    """Look into `run`: `what` is kernels, activations, units, top5, mistake, saliency, gradcam, … (`PROBES`).

    `things` are pictures (files, folders, patterns), or further runs for kernels and gradients. The picture
    is written as PNG and SVG and its numbers as JSON into `out` (default RUN/probes). `words` is a file that
    names classes (a class, a tab, its name), `options` are those of the probe: `layer="conv3"`, or
    `choice=Choice(split="val")` for pictures from the pack `data` (default: the one of training).
    """
    if what not in PROBES:
        raise UsageProblem(f"no probe named {what!r}; there are {', '.join(PROBES)}")
    asked = asked_of(run, things, data=data, out=out, words=words, device=device, progress=progress)
    try:
        inspect.signature(PROBES[what]).bind(asked, **options)
    except TypeError as error:
        raise UsageProblem(f"probe {what}: {error}; it takes {inspect.signature(PROBES[what])}") from None
    return PROBES[what](asked, **options)
