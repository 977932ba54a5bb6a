"""Ten views beside one: AlexNet at 224 pixels over photographs, from opened run to averaged scores."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch

import alexnet
from alexnet.dataset.packed import open_packed
from alexnet.parallel import joined
from alexnet.progress import silent
from alexnet.run import open_run
from alexnet.verbs.scores import computed_predictions
from benchmarks.photographs import in_two_classes
from benchmarks.table import Row, compared
from benchmarks.timing import interleaved

ROUNDS = 5
CPU = torch.device("cpu")


def rows() -> Iterator[Row]:
    """What ten views gain on ten times one view: loading, and pictures that are read once."""
    with tempfile.TemporaryDirectory() as folder:
        packed, run = Path(folder) / "packed", Path(folder) / "run"
        alexnet.prepare(in_two_classes(Path(folder) / "pictures"), packed, size=256, val_fraction=0.5)
        alexnet.train("alexnet", packed, run, assignments=["epochs=1"])
        opened, data = open_run(run), open_packed(packed)

        def seconds_of(views: str) -> None:
            with joined(device=CPU) as here:
                computed_predictions(opened, data, "val", views, here, workers=2, progress=silent)

        times = interleaved({"ten": lambda: seconds_of("ten"), "one": lambda: seconds_of("center")}, ROUNDS)
        images = len(data.split("val"))
    each = sorted(ten / one for ten, one in zip(times["ten"], times["one"], strict=True))
    tenfold = {"ours": times["ten"], "peer": [10 * one for one in times["one"]]}
    rate = f"{images / median(times['ten']):.1f}"
    what = f"evaluation, ten views ({each[len(each) // 2]:.1f} times one view), alexnet at 224"
    yield compared(what, "ten times one view", tenfold, rate, "images/s")
