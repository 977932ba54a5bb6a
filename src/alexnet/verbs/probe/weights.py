"""Probes of weights: kernels, gradients."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.undrawn import Undrawn
from alexnet.probing import kernels as pictured
from alexnet.probing.drawing import listed
from alexnet.probing.gradient_history import GradientHistory, history_figure, history_of, in_words
from alexnet.probing.gradients import LayerGradient, gradient_figure, gradient_norms, weight_sizes
from alexnet.problem import UsageProblem
from alexnet.training.log import read_metrics
from alexnet.verbs.probe.asked import Asked, Probed, kept_checkpoints, moments
from alexnet.verbs.probe.chosen import spread
from alexnet.verbs.scores import labels_for


def kernels(asked: Asked, *, over_time: bool = False) -> Probed:
    """The first layer's kernels by column; how colourful; whether columns specialise, over several runs."""
    if over_time and asked.things:
        raise UsageProblem("--over-time shows one run; leave the others out, or leave --over-time out")
    if over_time:
        found = [pictured.kernels_of(network, title) for title, network in moments(asked)]
        orders = [pictured.from_grey_to_colour(found[-1])] * len(found)  # each keeps its place
    else:
        found = [pictured.kernels_of(one.network, one.run.path.name) for one in asked.further_runs()]
        orders = [pictured.from_grey_to_colour(one) for one in found]
    p_value = _over_runs([] if over_time else found)
    words = [*_told(found), *_specialised(found, p_value)]
    if over_time:
        words.append(_kept(asked))
    figure = pictured.kernel_figure(f"{asked.run.recipe.network}: kernels of {found[0].layer}", found, orders)
    numbers = {"p_value": p_value, "rows": [pictured.numbers(one) for one in found]}
    return asked.keep("kernels", figure, words=words, numbers=numbers, of="over-time" if over_time else "")


def _kept(asked: Asked) -> str:
    steps = [f"{one.state['steps']:,}" for one in kept_checkpoints(asked.run)]
    first = "" if asked.run.init else ", and the weights it started from are drawn again"
    return f"this run kept checkpoints after {listed(steps)} steps{first}"


def _told(found: Sequence[pictured.Kernels]) -> list[str]:
    told = []
    for one in found:
        colourful = one.colourful
        if colourful is None:
            told.append(f"{one.title}: {len(one.weights)} kernels of a network that reads no colours")
            continue
        means = [f"{mean:.2f}" for mean in pictured.column_means(colourful, one.columns)]
        by = f" ({listed(means)} by column)" if one.columns > 1 else ""
        told.append(f"{one.title}: {len(one.weights)} kernels, mean colourfulness {colourful.mean():.2f}{by}")
    return told


def _over_runs(found: Sequence[pictured.Kernels]) -> float | None:
    colourful = [one.colourful for one in found if one.colourful is not None and one.columns > 1]
    columns = {one.columns for one in found}
    if not colourful or len(colourful) < len(found) or len(columns) > 1:
        return None
    return pictured.specialisation(colourful, columns.pop())


def _specialised(found: Sequence[pictured.Kernels], p_value: float | None) -> list[str]:
    if p_value is None:
        return []
    runs = f"over {len(found)} runs " if len(found) > 1 else ""
    verdict = "the columns specialise" if p_value < 0.05 else "no sign that the columns specialise"
    return [f"{verdict}: {runs}p = {p_value:.4f} that they differ so in colour by chance (permutation test)"]


def gradients(
    asked: Asked, *, count: int = 16, against: str | None = None, over_time: bool = False
) -> Probed:
    """How much gradient reaches each layer: of runs, or beside another network's start; and over training.

    Over training it is what runs have logged that were trained so (`train --gradients`). With `over_time`
    that alone is shown, or, where nothing was logged, the checkpoints that one run kept.
    """
    if over_time and against:
        raise UsageProblem(
            "--over-time shows a training, --against two networks before one; take one of them"
        )
    histories = [] if against else _histories(asked)
    logged = over_time and bool(histories)
    if over_time and asked.things and len(histories) < 1 + len(asked.things):
        raise UsageProblem(
            "--over-time shows one run, or several that all logged their gradients (train --gradients); "
            "leave the others out"
        )
    measured = [] if logged else _measured(asked, against, over_time)
    found = {title: _norms(one, network, count) for title, one, network in measured}
    numbers = {
        "images": count,
        "networks": [
            {"title": title, "layers": [asdict(layer) for layer in layers]} for title, layers in found.items()
        ],
        "over_training": [history.document() for history in histories],
    }
    words = [_range(title, layers) for title, layers in found.items()]
    words += [in_words(history) for history in histories]
    words += [_kept(asked)] if over_time and not logged else []
    figure = gradient_figure(found, histories) if found else history_figure(histories)
    return asked.keep("gradients", figure, words=words, numbers=numbers, of="over-time" if over_time else "")


def _histories(asked: Asked) -> list[GradientHistory]:
    """Of those runs that have logged them."""
    runs = asked.further_runs()
    found = []
    for title, one in zip(_titles(runs), runs, strict=True):
        lines = read_metrics(one.run.metrics)
        if any("gradients" in line for line in lines):
            with Undrawn():
                sizes = weight_sizes(one.run.build())
            history = history_of(title, lines, sizes)
            found += [] if history is None else [history]
    return found


def _titles(runs: Sequence[Asked]) -> list[str]:
    """Names of run folders, whole paths where two have the same name."""
    names = [one.run.path.resolve().name for one in runs]
    return names if len(set(names)) == len(names) else [str(one.run.path) for one in runs]


def _measured(asked: Asked, against: str | None, over_time: bool) -> list[tuple[str, Asked, nn.Module]]:
    if over_time:
        return [(title, asked, network.to(asked.device)) for title, network in moments(asked)]
    if against is None:
        runs = asked.further_runs()
        return [(title, one, one.network) for title, one in zip(_titles(runs), runs, strict=True)]
    if asked.things:
        raise UsageProblem("--against shows one run beside a network of the zoo; leave the other runs out")
    recipe = asked.run.recipe
    other = create(against, classes=len(asked.run.classes), channels=recipe.channels, seed=recipe.seed)
    names = (f"{recipe.network}, before training", f"{against}, before training")
    return [
        (name, asked, made.to(asked.device))
        for name, made in zip(names, (asked.run.build(), other), strict=True)
    ]


def _norms(asked: Asked, network: nn.Module, count: int) -> list[LayerGradient]:
    """Of one batch of training pictures, evenly over the split; dropout's masks are always the same."""
    part = asked.packed.split("train")
    numbers = spread(len(part), count)
    labels = torch.from_numpy(labels_for(asked.run, asked.packed, part)[numbers]).to(asked.device)
    loss: Callable[..., Any] = NETWORKS[asked.run.recipe.network].loss
    with torch.random.fork_rng():
        torch.manual_seed(asked.run.recipe.seed)
        return gradient_norms(network, asked.inputs(part.pixels(numbers)), labels=labels, loss=loss)


def _range(title: str, layers: Sequence[LayerGradient]) -> str:
    first, last = layers[0], layers[-1]
    ratio = first.weight_rms / last.weight_rms if last.weight_rms else float("nan")
    return (
        f"{title}: {len(layers)} layers; the weights of {first.name} have {ratio:.3g} times the gradient of "
        f"{last.name}'s (RMS)"
    )
