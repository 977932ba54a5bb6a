"""Write what `alexnet ablate` found to results/ablation.csv, which docs/ablations.md shows.

`time` is that of one step beside the whole recipe's, taken in turns on one thread: the runs of a study are
made at different hours on a machine that may do other work.

Run: python results/record_ablation.py alexnet-32 RUNS/ablation.json
"""

import datetime
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from record import RESULTS, commit, machine
from tables import write

from alexnet.networks import create
from alexnet.recipe import Recipe
from alexnet.recipes import find
from alexnet.training.optimizer import optimizer_of
from alexnet.verbs.ablate import without

sys.path.insert(0, str(RESULTS.parent))
from benchmarks.timing import interleaved

ROUNDS = 7

COLUMNS = (
    "without", "top-1 error", "difference", "95 % interval", "top-5 difference", "top-5 interval", "time",
    "reading", "in 2012", "seeds", "images", "commit", "torch", "machine", "date",
)  # fmt: skip


def main() -> None:
    """Write the table."""
    recipe, rows = find(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    torch.set_num_threads(1)
    names = [row["without"] for row in rows]
    steps = {name: step(without(recipe, name) if name else recipe) for name in names}
    times = {name: median(seconds) for name, seconds in interleaved(steps, ROUNDS).items()}
    flattened = [flat(row, times[row["without"]] / times[""]) for row in rows]
    write(RESULTS / "ablation.csv", COLUMNS, flattened)


def step(recipe: Recipe) -> Callable[[], object]:
    """One step of the recipe's network and update on pictures that lie ready."""
    classes, side = 10, recipe.crop or 32
    network = create(recipe.network, classes=classes, **recipe.options)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = optimizer_of(recipe, network)
    images = torch.randn(recipe.batch, 3, side, side).to(memory_format=torch.channels_last)
    labels = torch.randint(classes, (recipe.batch,))
    return partial(taken, network, optimizer, images, labels)


def taken(
    network: torch.nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor
) -> None:
    """Take the step."""
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(network(images), labels).backward()
    optimizer.step()


def flat(row: dict[str, Any], time: float) -> dict[str, object]:
    """One row of the study as text."""
    return {
        "without": row["without"] or "nothing",
        "top-1 error": f"{row['top1_error']:.2f}",
        "difference": points(row["top1_difference"]),
        "95 % interval": interval(row["top1_difference"]),
        "top-5 difference": points(row["top5_difference"]),
        "top-5 interval": interval(row["top5_difference"]),
        "time": f"{time:.2f}",
        "reading": row["reading"],
        "in 2012": row["published"],
        "seeds": row["seeds"],
        "images": row["images"],
        "commit": commit(),
        "torch": torch.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }


def points(difference: dict[str, Any] | None) -> str:
    """A difference in points."""
    return f"{difference['points']:+.2f}" if difference else ""


def interval(difference: dict[str, Any] | None) -> str:
    """Its interval."""
    return f"{difference['interval'][0]:+.2f} … {difference['interval'][1]:+.2f}" if difference else ""


if __name__ == "__main__":
    main()
