"""AlexNet at 224 pixels as an exported file, float32 and int8, beside eager torch in float32.

Each in a process of its own, with as many threads as torch takes there. The files and our eager network go
from uint8 views to probabilities, as a classifier asks them; the plain network, in torch's own layers and
memory order, from normalised pixels to logits, which is less work. Weights are drawn: they do not change the
time. Int8 is calibrated on photographs.
"""

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch

from alexnet.batches.preprocessing import Preprocessing
from alexnet.dataset.decode import decode
from alexnet.dataset.resize import fit
from alexnet.memory import keep_freed_memory
from alexnet.networks import create
from alexnet.serving.engines import Engine, onnx_engine, openvino_engine, torch_engine
from alexnet.serving.onnx_file import from_views, model_of, program_of
from alexnet.serving.portable import BandedNorm, OperatorNorm, portable
from alexnet.serving.quantised import quantised
from benchmarks.photographs import photographs
from benchmarks.steps import plain_network
from benchmarks.table import Row, compared
from benchmarks.workers import interleaved_workers

NETWORK, SIZE, CROP = "alexnet", 256, 224
BATCHES = {1: 20, 32: 2}  # how often in a round
ROUNDS = 9
CALIBRATION = 64
FILES = {"float32": BandedNorm, "int8": OperatorNorm}
ENGINES = {"ONNX Runtime": onnx_engine, "OpenVINO": openvino_engine}


def rows() -> Iterator[Row]:
    """Size, then every file under every engine at both batches, beside both eager networks."""
    with tempfile.TemporaryDirectory() as folder:
        files = {kind: made(Path(folder), kind) for kind in FILES}
        small, whole = (files[kind].stat().st_size for kind in ("int8", "float32"))
        yield {"what": f"size of {NETWORK}, int8", "peer": "float32 .onnx", "ratio": f"{whole / small:.2f}",
               "ours": f"{small / 1e6:.1f}", "unit": "MB"}  # fmt: skip
        for batch in BATCHES:
            for kind, path in files.items():
                yield from timed(batch, kind, path)


def timed(batch: int, kind: str, path: Path) -> Iterator[Row]:
    """One file at one batch: both engines and both eager networks take turns."""
    alternatives = {engine: (exported, (batch, engine, path)) for engine in ENGINES}
    peers = {"eager torch here": (ours, (batch,)), "the plain eager network": (plain, (batch,))}
    times, _ = interleaved_workers({**alternatives, **peers}, ROUNDS)
    for engine in ENGINES:
        milliseconds = f"{1000 * median(times[engine]) / BATCHES[batch] / batch:.2f}"
        for peer in peers:
            pair = {"ours": times[engine], "peer": times[peer]}
            what = f"{NETWORK}, {kind} .onnx under {engine}, batch {batch}"
            yield compared(what, f"{peer}, float32", pair, milliseconds, "ms a picture")


def made(folder: Path, kind: str) -> Path:
    """Export as `alexnet export` does."""
    network = create(NETWORK, classes=1000).eval()
    model = model_of(program_of(portable(network, preprocessing(), norm=FILES[kind])))
    if kind == "int8":
        pictures = calibration()
        model = quantised(model, (pictures[at : at + 16] for at in range(0, len(pictures), 16)))
    path = folder / f"{kind}.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def preprocessing() -> Preprocessing:
    """A mean image, as in 2012."""
    return Preprocessing(SIZE, "crop", CROP, 3, torch.full((3, CROP, CROP), 117.0), torch.ones(3, 1, 1))


def calibration() -> np.ndarray:
    """Photographs as a pack has them: [N, 256, 256, 3]."""
    with tarfile.open(photographs()) as tar:
        members = [member for member in tar if member.isfile()][:CALIBRATION]
        contents = [tar.extractfile(member).read() for member in members]
    return np.stack([fit(decode(content), SIZE, "crop") for content in contents])


def views(batch: int) -> np.ndarray:
    """Pixels of nothing: they do not change the time."""
    return np.random.default_rng(0).integers(0, 256, (batch, CROP, CROP, 3), np.uint8)


def exported(batch: int, engine: str, path: Path) -> Callable[[], object]:
    """A file from its views on, as `Classifier` opens it."""
    import onnx

    return answers(ENGINES[engine](from_views(onnx.load(path)).SerializeToString()), batch)


def ours(batch: int) -> Callable[[], object]:
    """The network as `alexnet predict` asks it by default."""
    keep_freed_memory()
    network = create(NETWORK, classes=1000).eval().to(memory_format=torch.channels_last)
    return answers(torch_engine(network, preprocessing()), batch)


def answers(engine: Engine, batch: int) -> Callable[[], object]:
    """Ask several times."""
    pictures = views(batch)

    def work() -> None:
        for _ in range(BATCHES[batch]):
            engine(pictures)

    return work


def plain(batch: int) -> Callable[[], object]:
    """The network in torch's own layers, from normalised pixels."""
    network, images = plain_network(NETWORK).eval(), torch.randn(batch, 3, CROP, CROP)

    @torch.inference_mode()
    def work() -> None:
        for _ in range(BATCHES[batch]):
            network(images)

    return work
