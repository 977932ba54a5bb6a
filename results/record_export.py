"""Check exported files against what they were made of: rows of results/export_checks.csv.

Run: python results/record_export.py [--networks NAME...]     every network of the zoo, weights drawn
     python results/record_export.py --runs RUN...            trained runs, float32 and int8
docs/export.md has the table of it, made by docs/write_export.py.

A drawn network says nearly the same of every picture, so that any file would agree with it. Here its batch
norms take the statistics of the first photographs, and its logits are brought to a mean of 0 and a deviation
of up to 3 over all of them, class by class and as part of the network: probabilities then are like those of a
trained one, and a difference between logits shows in them. The deviation is less where logits hardly differ
for their size: none is stretched beyond 50, about the largest of a trained network.
"""

import argparse
import datetime
import gc
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from record import RESULTS, commit, machine
from tables import Row, add
from torch import Tensor, nn

from alexnet.batches.preprocessing import Preprocessing
from alexnet.dataset.decode import decode
from alexnet.dataset.resize import fit
from alexnet.networks import NETWORKS, create
from alexnet.run import open_run
from alexnet.serving.agreement import agreement
from alexnet.serving.engines import Pictures, Scores, onnx_engine, torch_engine
from alexnet.serving.onnx_file import model_of, program_of
from alexnet.serving.portable import portable
from alexnet.verbs.export import Export, export

TABLE = RESULTS / "export_checks.csv"
COLUMNS = (
    "recipe", "data", "format", "pictures", "max_abs_difference", "top1_agreement", "answers",
    "top_probability", "top1_error", "original_top1_error", "size", "calibration_pictures",
    "kept_in_float", "commit", "torch", "onnxruntime", "machine", "date",
)  # fmt: skip
KEY = ("recipe", "data", "format")
PICTURES, BATCH, LEARNT = 100, 10, 16
DEVIATION = 3.0  # of a class's logits over pictures; the most probable of 1000 then has a fifth or so
LARGEST = 50.0  # a logit before its mean is taken off: what is rounded grows with it


def main() -> None:
    """Record the runs named on the command line, or networks: all, unless some are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", choices=list(NETWORKS), metavar="NAME")
    parser.add_argument("--runs", nargs="+", type=Path)
    words = parser.parse_args()
    if words.runs:
        for run in words.runs:
            for int8 in (False, True):
                record(of_run(run, int8=int8))
        return
    contents = contents_of(PICTURES)
    for name in words.networks or NETWORKS:
        row = of_network(name, contents)
        print({key: row[key] for key in COLUMNS[:8]}, flush=True)
        record(row)


def contents_of(count: int) -> list[bytes]:
    """The first photographs, encoded."""
    sys.path.insert(0, str(RESULTS.parent))
    from benchmarks.photographs import photographs

    with tarfile.open(photographs()) as tar:
        members = [member for member in tar if member.name.endswith(".JPEG")][:count]
        return [file.read() for member in members if (file := tar.extractfile(member))]


class Spread(nn.Module):
    """Logits [N, classes] less their means, over their deviations."""

    mean: Tensor
    scale: Tensor

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        finest = DEVIATION / LARGEST * float(logits.abs().max())
        self.register_buffer("mean", logits.mean(0))
        self.register_buffer("scale", DEVIATION / logits.std(0).clamp_min(finest))

    def forward(self, logits: Tensor) -> Tensor:  # noqa: D102
        return (logits - self.mean) * self.scale


def of_network(name: str, contents: Sequence[bytes]) -> Row:
    """Both ways from encoded pictures to probabilities: decode, fit, ask torch; decode, ask the file."""
    channels, _, crop = NETWORKS[name].input
    size = crop * 8 // 7
    mean, divisor = torch.full((channels, 1, 1), 117.0), torch.full((channels, 1, 1), 58.0)
    how = Preprocessing(size, "crop", crop, channels, mean, divisor)
    network, expected = drawn(name, how, views_of(tuple(contents), size, crop))
    content = model_of(program_of(portable(network, how))).SerializeToString()
    del network
    gc.collect()  # the largest has 576 MB of weights, four times over
    file = onnx_engine(content)
    found = np.concatenate([file(decode(content)[None]) for content in contents])
    compared = agreement(expected, found)
    return told(
        recipe=name,
        data=f"{len(contents)} photographs, drawn weights",
        format="onnx",
        pictures=compared.pictures,
        max_abs_difference=f"{compared.max_abs_difference:.1e}",
        top1_agreement=compared.top1_agreement,
        answers=len(set(expected.argmax(1).tolist())),
        top_probability=f"{np.median(expected.max(1)):.2f}",
    )


@cache
def views_of(contents: tuple[bytes, ...], size: int, crop: int) -> Pictures:
    """What a run's network reads of encoded pictures."""
    start = (size - crop) // 2
    fitted = np.stack([fit(decode(content), size, "crop") for content in contents])
    return np.ascontiguousarray(fitted[:, start : start + crop, start : start + crop])


@torch.no_grad()
def drawn(name: str, how: Preprocessing, views: Pictures) -> tuple[nn.Module, Scores]:
    """A network that tells pictures apart though its weights are drawn, and its probabilities of `views`."""
    network = create(name, classes=NETWORKS[name].classes, channels=how.channels)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = 1.0
    if norms:
        network.train()(how(torch.from_numpy(views[:LEARNT])))
    network.eval()
    batches = [views[at : at + BATCH] for at in range(0, len(views), BATCH)]
    logits = torch.cat([network(how(torch.from_numpy(batch))) for batch in batches])
    spread = Spread(logits)
    answer = torch_engine(nn.Sequential(network, spread), how)
    return nn.Sequential(network, spread), np.concatenate([answer(batch) for batch in batches])


def of_run(path: Path, *, int8: bool) -> Row:
    """What `alexnet export` finds of a trained run."""
    run = open_run(path)
    with tempfile.TemporaryDirectory() as folder:
        found: Export = export(path, out=Path(folder) / "file.onnx", int8=int8)
    return told(
        recipe=run.recipe.name,
        data=f"{Path(str(run.dataset['path'])).name} val",
        format=found.format,
        pictures=found.pictures,
        max_abs_difference=f"{found.max_abs_difference:.2g}",
        top1_agreement=f"{found.top1_agreement:.4g}",
        top1_error="" if found.top1_error is None else f"{found.top1_error:.2f}",
        original_top1_error="" if found.original_top1_error is None else f"{found.original_top1_error:.2f}",
        size=f"{found.size:.4f}",
        calibration_pictures=found.calibration_pictures if int8 else "",
        kept_in_float=(" ".join(found.kept_in_float) or "none") if int8 else "",
    )


def told(**values: object) -> Row:
    """A row with the passport of this measurement."""
    passport = {
        "commit": commit(),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }
    row = dict.fromkeys(COLUMNS, "") | values | passport
    return {name: str(value) for name, value in row.items()}


def record(new: Row) -> None:
    """Put a row into the table: runs first, then networks in the order of the zoo."""
    order = {name: place for place, name in enumerate(NETWORKS)}

    def place(row: Row) -> tuple[int, ...]:
        return order[row["recipe"]] if row.get("answers") else -1, int(row["format"].endswith("int8"))

    add(TABLE, COLUMNS, [new], key=KEY, order=place)


if __name__ == "__main__":
    main()
