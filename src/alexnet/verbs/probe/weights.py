"""Probes of weights: kernels, gradients."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.probing import kernels as pictured
from alexnet.probing.drawing import listed
from alexnet.probing.gradients import LayerGradient, gradient_figure, gradient_norms
from alexnet.problem import UsageProblem
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
    """How much gradient reaches each layer: of runs, of moments of one, or beside another network's start."""
    if over_time and (asked.things or against):
        raise UsageProblem("--over-time shows one run; leave other runs and --against out")
    found = {
        title: _norms(one, network, count) for title, one, network in _measured(asked, against, over_time)
    }
    figure = gradient_figure(found)
    numbers = {
        "images": count,
        "networks": [
            {"title": title, "layers": [asdict(layer) for layer in layers]} for title, layers in found.items()
        ],
    }
    words = [_range(title, layers) for title, layers in found.items()]
    words += [_kept(asked)] if over_time else []
    return asked.keep("gradients", figure, words=words, numbers=numbers, of="over-time" if over_time else "")


def _measured(asked: Asked, against: str | None, over_time: bool) -> list[tuple[str, Asked, nn.Module]]:
    if over_time:
        return [(title, asked, network.to(asked.device)) for title, network in moments(asked)]
    if against is None:
        return [(one.run.path.name, one, one.network) for one in asked.further_runs()]
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
