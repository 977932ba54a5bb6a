"""Measure the gradient at every layer of plain and residual networks before training, side by side.

Writes results/gradients.csv, a row a layer, in float64; and results/passes.csv, what one forward and backward
pass took, in float32 as training runs it and in float64. docs/results.md shows both.

Run: python results/record_gradients.py PACKED/cifar10
"""

import argparse
import datetime
import math
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from record import RESULTS, commit, machine
from tables import write
from torch import Tensor

from alexnet.dataset.packed import open_packed
from alexnet.networks import create, cross_entropy
from alexnet.probing.gradients import LayerGradient, gradient_norms

# a name and its options; without shortcuts a ResNet is plain
NETWORKS = ("plain110", "resnet110", "resnet1001-v2 shortcut=none", "resnet1001-v2")
PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class Pass:
    """What one forward and backward pass gave, in a process of its own."""

    norms: list[LayerGradient]
    seconds: float
    peak: int  # bytes of resident memory, Python's and torch's own included


def main() -> None:
    """Measure each network in each precision, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packed", type=Path, help="CIFAR-10 as `alexnet prepare` packs it")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    layers, passes = [], []
    for precision in PRECISIONS:
        for name in NETWORKS:
            # a process each, so that its peak is its own
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                found = alone.submit(measured, name, precision, words).result()
            print(f"{name} {precision}: {found.seconds:.1f} s, {found.peak / 2**30:.2f} GiB", flush=True)
            passes.append(passed(name, precision, found) | passport(words))
            if precision == "float64":
                layers += [layer(name, depth, one) for depth, one in enumerate(found.norms, 1)]
    write(RESULTS / "gradients.csv", list(layers[0]), layers)
    write(RESULTS / "passes.csv", list(passes[0]), passes)


def measured(name: str, precision: str, words: argparse.Namespace) -> Pass:
    """Build the network as new and run it once, forward and backward."""
    kind = getattr(torch, precision)
    name, *options = name.split()
    chosen = dict(option.split("=") for option in options)
    network = create(name, classes=10, seed=words.seed, **chosen).to(kind)
    images, labels = pictures(words.packed, words.batch, words.seed)
    start = time.perf_counter()
    norms = gradient_norms(network, images.to(kind), labels=labels, loss=cross_entropy)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Pass(norms, seconds, peak * (1 if sys.platform == "darwin" else 1024))


def pictures(path: Path, batch: int, seed: int) -> tuple[Tensor, Tensor]:
    """Training pictures drawn by `seed`, each channel less its mean and by its deviation."""
    packed = open_packed(path)
    train, statistics = packed.split("train"), packed.statistics
    chosen = np.sort(np.random.default_rng(seed).choice(len(train), batch, replace=False))
    pixels = (train.images[chosen] - statistics.channel_means) / statistics.channel_deviations
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(train.labels[chosen])


def layer(network: str, depth: int, found: LayerGradient) -> dict[str, object]:
    """One row of gradients.csv."""
    return {
        "network": network,
        "depth": depth,
        "layer": found.name,
        "weight_rms": f"{found.weight_rms:.4g}",
        "weight_norm": f"{found.weight_norm:.4g}",
        "output_rms": f"{found.output_rms:.4g}",
        "output_norm": f"{found.output_norm:.4g}",
    }


def passed(network: str, precision: str, found: Pass) -> dict[str, object]:
    """One row of passes.csv, but for how it was measured; the last layer is dense, the one before is not."""
    return {
        "network": network,
        "precision": precision,
        "layers": len(found.norms),
        "not finite": sum(not math.isfinite(one.weight_norm) for one in found.norms),
        "first convolution": f"{found.norms[0].weight_rms:.2g}",
        "last convolution": f"{found.norms[-2].weight_rms:.2g}",
        "seconds": f"{found.seconds:.1f}",
        "peak GiB": f"{found.peak / 2**30:.2f}",
    }


def passport(words: argparse.Namespace) -> dict[str, object]:
    """How and where the passes were measured."""
    return {
        "data": words.packed.name,
        "batch": words.batch,
        "seed": words.seed,
        "commit": commit(),
        "torch": torch.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    main()
