"""`alexnet demo`: the whole story on bundled digits."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alexnet.dataset.packed import open_packed
from alexnet.evaluation.predictions import Predictions
from alexnet.probing.activations import activations, first_convolution
from alexnet.probing.sheets import kernel_pictures, map_pictures, save_figure
from alexnet.probing.story import most_doubtful, story
from alexnet.progress import Progress, silent
from alexnet.recipes import find
from alexnet.run import Run, open_run
from alexnet.training.log import read_metrics
from alexnet.verbs.evaluate import Evaluation, evaluate
from alexnet.verbs.prepare import prepare
from alexnet.verbs.report import report
from alexnet.verbs.scores import predictions_of
from alexnet.verbs.train import train

SIZE, HELD_OUT = 28, 0.2


@dataclass(frozen=True)
class Demonstrated:
    """What the demonstration came to."""

    evaluation: Evaluation
    seconds: float
    run: str
    picture: str
    report: str  # the page that tells all of it

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types: the keys of `evaluate`, and four more."""
        return self.evaluation.document() | {
            "seconds": self.seconds,
            "run": self.run,
            "picture": self.picture,
            "report": self.report,
        }


def demo(out: str | Path = "runs/demo", *, progress: Progress = silent) -> Demonstrated:
    """Prepare scikit-learn's digits beside `out`, train LeNet, evaluate on the fifth held out, report it.

    The recipe chooses nothing by that fifth: no rate, no epoch, no weights.
    """
    began = time.monotonic()
    out = Path(out)
    packed = out.with_name(f"{out.name}-digits")
    prepare("digits", packed, size=SIZE, val_fraction=HELD_OUT, progress=progress)
    train(find("lenet-digits"), packed, out, progress=progress)
    evaluation = evaluate(out, data=packed, split="val", progress=progress)
    picture = out / "demo.png"
    draw(open_run(out), packed, evaluation, picture)
    page = report(out, data=packed, progress=progress).file
    return Demonstrated(evaluation, round(time.monotonic() - began, 1), str(out), str(picture), page)


def draw(run: Run, packed_path: Path, evaluation: Evaluation, picture: Path) -> None:
    """Draw kernels, curve and mistakes of a run on its validation split."""
    packed = open_packed(packed_path)
    split = packed.split("val")
    predictions: Predictions = predictions_of(run, packed, "val", evaluation.views)
    network = run.network()
    layer = first_convolution(network)
    weights = dict(network.named_parameters())[f"{layer}.weight"]
    example = np.array(split.images[:1])
    maps = activations(network, run.preprocessing(torch.from_numpy(example)), layer)[0]
    low, high = evaluation.top1_interval
    title = (
        f"{run.recipe.network} on {evaluation.images} held-out pictures: "
        f"{evaluation.top1_error:.2f} % error (95 %: {low:.2f} … {high:.2f})"
    )
    figure = story(
        title,
        kernels=kernel_pictures(weights),
        example=example[0],
        maps=map_pictures(maps),
        curve=[line for line in read_metrics(run.metrics) if "training_loss" in line],
        doubts=most_doubtful(
            np.asarray(split.images),
            predictions.probabilities.numpy(),
            np.asarray(split.labels),
            run.classes,
        ),
    )
    save_figure(figure, picture)
