"""Measure what this project claims about its own speed, and write results/speed.csv.

Run: python -m benchmarks   (about two minutes on two cores; nothing else should run beside it)
"""

import csv
import datetime
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from alexnet.batches.views import Windows, gather
from alexnet.networks import create
from alexnet.networks.layers import ResponseNorm
from alexnet.training.optimizer import SGD2012
from benchmarks.timing import interleaved, ratio

RESULTS = Path(__file__).parent.parent / "results"
ROUNDS = 7
COLUMNS = (
    "what",
    "peer",
    "ratio",
    "quartiles",
    "ours",
    "unit",
    "rounds",
    "commit",
    "torch",
    "machine",
    "date",
)


def main() -> None:
    """Measure everything and write the table."""
    sys.path.insert(0, str(RESULTS))
    from record import commit, machine

    passport = {
        "rounds": ROUNDS,
        "commit": commit(),
        "torch": torch.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }
    with (RESULTS / "speed.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in (matrix_product(), norm(96, 55), norm(256, 27), step(), crops()):
            print({name: value for name, value in row.items() if value})
            writer.writerow(row | passport)


def matrix_product() -> dict[str, object]:
    """The machine's own limit: a large product in float32."""
    left, right = torch.randn(4096, 4096), torch.randn(4096, 4096)
    seconds = median(interleaved({"ours": lambda: left @ right}, ROUNDS)["ours"])
    return {"what": "matrix product 4096³", "ours": f"{2 * 4096**3 / seconds / 1e9:.0f}", "unit": "GFLOP/s"}


def norm(maps: int, side: int) -> dict[str, object]:
    """Response norm, forward and backward, beside torch's."""
    images = torch.randn(32, maps, side, side)
    last = images.to(memory_format=torch.channels_last).requires_grad_()
    plain = images.clone().requires_grad_()
    times = interleaved(
        {
            "ours": both_ways(ResponseNorm(5, 1e-4, beta=0.75, k=2), last),
            "peer": both_ways(nn.LocalResponseNorm(5, 1e-4, 0.75, 2), plain),
        },
        ROUNDS,
    )
    what = f"response norm, forward and backward, [32, {maps}, {side}, {side}]"
    return compared(what, "torch LocalResponseNorm", times, f"{1000 * median(times['ours']):.0f}", "ms")


def both_ways(layer: nn.Module, images: Tensor) -> Callable[[], object]:
    """A forward and a backward pass through one layer."""
    gradient = torch.ones_like(images)

    def work() -> None:
        images.grad = None
        layer(images).backward(gradient)

    return work


def step() -> dict[str, object]:
    """A training step of AlexNet at 64 pixels beside the same network in plain torch."""
    times = interleaved({"ours": training(ours=True), "peer": training(ours=False)}, ROUNDS)
    rate = 128 / median(times["ours"])
    peer = "plain torch: its norm, its SGD, its memory order"
    return compared("training step, alexnet-64, batch 128", peer, times, f"{rate:.0f}", "images/s")


def training(*, ours: bool) -> Callable[[], object]:
    """A step of the network as this project trains it, or as one would write it in torch."""
    network = create("alexnet-64", classes=50)
    images, labels = torch.randn(128, 3, 56, 56), torch.randint(50, (128,))
    if ours:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = images.to(memory_format=torch.channels_last)
        optimizer: torch.optim.Optimizer = SGD2012([{"params": list(network.parameters())}], lr=0.01)
    else:
        for name in ("norm1", "norm2"):
            setattr(network, name, nn.LocalResponseNorm(5, 5e-4, 0.75, 2))
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def work() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    return work


def crops() -> dict[str, object]:
    """Random crops and flips of 224 from packed pictures of 256, one thread."""
    images = np.random.default_rng(0).integers(0, 256, (512, 256, 256, 3), dtype=np.uint8)
    indices, drawn = np.arange(512), np.random.default_rng(1).integers(0, 33, (2, 512))
    windows = Windows(drawn[0], drawn[1], drawn[0] < 16)
    seconds = median(interleaved({"ours": lambda: gather(images, indices, windows, 224)}, ROUNDS)["ours"])
    return {
        "what": "crops and flips, 256 to 224, one thread",
        "ours": f"{512 / seconds:.0f}",
        "unit": "images/s",
    }


def compared(what: str, peer: str, times: dict[str, list[float]], ours: str, unit: str) -> dict[str, object]:
    """One row of the table."""
    middle, low, high = ratio(times["peer"], times["ours"])
    return {
        "what": what,
        "peer": peer,
        "ratio": f"{middle:.2f}",
        "quartiles": f"{low:.2f} … {high:.2f}",
        "ours": ours,
        "unit": unit,
    }


if __name__ == "__main__":
    main()
