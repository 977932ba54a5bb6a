"""`alexnet export`: a run as one file that other programs run, checked against the run before it stays."""

import io
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from alexnet import __version__
from alexnet.files import written_whole
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run, load_weights, open_run
from alexnet.serving.agreement import Agreement, Speed, speeds
from alexnet.serving.classifier import Classifier, open_classifier
from alexnet.serving.engines import (
    Engine,
    Pictures,
    onnx_engine,
    openvino_engine,
    require_onnx,
    torch_engine,
)
from alexnet.serving.layouts import foreign_of, foreign_state, save_foreign
from alexnet.verbs.export_checks import Checks, checks_of, pack_of, training_pictures
from alexnet.verbs.export_limits import GROWTH, require_agreement, tolerance

if TYPE_CHECKING:
    from onnx import ModelProto

    from alexnet.dataset.packed import Packed

FORMATS = {"onnx": ".onnx", "torch-export": ".pt2", "safetensors": ".safetensors"}
CHECKED, CHECKED_INT8 = 100, 2000  # pictures, at most
CALIBRATION = 256  # training pictures, and as many to try on


@dataclass(frozen=True)
class Export:
    """The file, and how it compares with the run that it was made of."""

    files: list[str]
    format: str
    bytes: int
    size: float  # beside the weights in float32
    pictures: int  # it was checked with
    max_abs_difference: float
    top1_agreement: float
    tolerance: str
    top1_error: float | None
    original_top1_error: float | None
    speeds: list[Speed] = field(default_factory=list)
    calibration_pictures: int = 0
    kept_in_float: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


@dataclass(frozen=True)
class _Made:
    """What is done for one export."""

    run: Run
    original: Classifier
    packed: "Packed | None"
    checks: Checks
    progress: Progress


def export(
    run: str | Path | Run,
    *,
    out: str | Path | None = None,
    format: str = "onnx",
    int8: bool = False,
    layout: str = "torchvision",
    check: str | Path | None = None,
    data: str | Path | None = None,
    progress: Progress = silent,
) -> Export:
    """Write `run` as one file: onnx, torch-export or safetensors; by default to RUN/exported/.

    The file is run on pictures of the folder `check`, or on those that the pack `data` (default: the one of
    training) holds out, and compared with the run. Past 1e-4 of a probability (float32) or half a point of
    top-1 error (int8) there is a Problem and nothing is kept. `layout` (torchvision or timm) is for
    safetensors. `int8` is calibrated on training pictures alone.
    """
    if format not in FORMATS:
        raise UsageProblem(f"no format {format!r}; there are {', '.join(FORMATS)}")
    if int8 and format != "onnx":
        raise UsageProblem(f"int8 is made of ONNX files alone: leave --format {format} or --int8")
    opened = run if isinstance(run, Run) else open_run(run)
    if format == "safetensors":
        foreign_of(opened, layout)
    path = Path(out) if out else _default(opened, FORMATS[format], int8)
    packed = pack_of(opened, data)
    count = CHECKED_INT8 if int8 else CHECKED
    checks = checks_of(
        opened, Path(check) if check else None, packed, count, resized=format != "safetensors" and not int8
    )
    made = _Made(opened, open_classifier(opened.path), packed, checks, progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "onnx":
        return _onnx(made, path, int8=int8)
    return _torch_export(made, path) if format == "torch-export" else _safetensors(made, path, layout)


def _default(run: Run, suffix: str, int8: bool) -> Path:
    name = run.path.resolve().name + ("-int8" if int8 else "")
    return run.path / "exported" / f"{name}{suffix}"


def _onnx(made: _Made, path: Path, *, int8: bool) -> Export:
    require_onnx()
    from alexnet.serving.onnx_file import from_views, model_of, program_of, read, with_metadata

    training = training_pictures(made.run, made.packed, 2 * CALIBRATION) if int8 else None
    model, card = model_of(program_of(_portable(made, int8))), dict(made.original.card)
    details: dict[str, Any] = {}
    if training:
        model, details = _in_eight_bits(made, model, *training)
        card |= {"int8": details}
    content = _content(with_metadata(model, made.run.classes, card, __version__), path)
    with written_whole(path) as partial, made.progress("checking", 1) as advance:
        partial.write_bytes(content)
        exported = read(partial)
        compared = made.checks.of(onnx_engine(content), made.original)
        require_agreement(compared, path, int8)
        advance()
        part = from_views(exported.model).SerializeToString()
        timed = speeds(made.original.answer, _engines(part), _views(made))
    return _told(made, path, compared, format="onnx", int8=int8, speeds=timed, **details)


def _portable(made: _Made, int8: bool) -> torch.nn.Module:
    from alexnet.serving.portable import BandedNorm, OperatorNorm, portable

    return portable(
        made.run.network(),
        made.run.preprocessing,
        temperature=made.original.card["temperature"],
        norm=OperatorNorm if int8 else BandedNorm,
    )


def _content(model: "ModelProto", path: Path) -> bytes:
    try:
        content: bytes = model.SerializeToString()
    except Exception as error:  # protobuf's own, of another name in every version
        raise Problem(f"{path} would be over the 2 GB that one ONNX file holds: {error}") from None
    return content


def _in_eight_bits(
    made: _Made, model: "ModelProto", pixels: Pictures, labels: NDArray[np.int64]
) -> tuple["ModelProto", dict[str, Any]]:
    """The model in int8, its outer layers in float if need be: which, training pictures decide."""
    from alexnet.serving.quantised import layers_of, quantised

    batches = [pixels[::2][start : start + 16] for start in range(0, len(pixels[::2]), 16)]
    trials = Checks([picture[None] for picture in pixels[1::2]], labels[1::2])
    layers = layers_of(model)
    choices: list[list[str]] = [[], layers[-1:], layers[:1], [*layers[:1], *layers[-1:]]]
    tried: list[tuple[float, list[str], ModelProto]] = []
    with made.progress("calibrating", len(choices)) as advance:
        for kept in choices:
            made_so = quantised(model, batches, keep=kept)
            growth = trials.of(onnx_engine(made_so.SerializeToString()), made.original).growth or 0.0
            tried.append((growth, kept, made_so))
            advance()
            if growth <= GROWTH:
                break
    _, kept, found = min(tried, key=lambda one: one[0])
    return found, {"calibration_pictures": len(pixels[::2]), "kept_in_float": kept}


def _torch_export(made: _Made, path: Path) -> Export:
    require_onnx()
    from alexnet.serving.onnx_file import program_of

    program = program_of(_portable(made, int8=False))
    buffer = io.BytesIO()
    card = json.dumps(made.original.card, ensure_ascii=False)
    classes = json.dumps(made.run.classes, ensure_ascii=False)
    torch.export.save(program, buffer, extra_files={"card.json": card, "classes.json": classes})
    with written_whole(path) as partial:
        partial.write_bytes(buffer.getvalue())
        # what was written a line above, by this process: the only .pt2 that is ever opened here
        again = torch.export.load(io.BytesIO(partial.read_bytes())).module()
        compared = made.checks.of(_by_module(again), made.original)
        require_agreement(compared, path, int8=False)
    return _told(made, path, compared, format="torch-export")


def _by_module(module: torch.nn.Module) -> Engine:
    def answer(pictures: Pictures) -> Any:
        with torch.no_grad():
            return module(torch.from_numpy(pictures)).numpy()

    return answer


def _safetensors(made: _Made, path: Path, layout: str) -> Export:
    foreign, run = foreign_of(made.run, layout), made.run
    state = foreign_state(run, foreign)
    with written_whole(path) as partial:
        save_foreign(partial, state, foreign, run.classes, made.original.card)
        network = run.build()
        load_weights(network, foreign.ours(load_file(partial)), str(path))
        answer = torch_engine(network.eval(), run.preprocessing, made.original.card["temperature"])
        whole = Classifier(**{**made.original.__dict__, "answer": answer})
        compared = made.checks.of(_fitting(whole), made.original)
        require_agreement(compared, path, int8=False)
    return _told(made, path, compared, format="safetensors")


def _fitting(classifier: Classifier) -> Engine:
    return lambda pictures: classifier.scores(np.stack([classifier.fitted(one) for one in pictures]))


def _engines(content: bytes) -> dict[str, Engine]:
    engines = {"onnx": onnx_engine(content)}
    with suppress(UsageProblem):  # it is not installed, and the file does not need it
        engines["openvino"] = openvino_engine(content)
    return engines


def _views(made: _Made) -> Pictures:
    original = made.original
    start = (original.size - original.crop) // 2
    fitted = np.stack([original.fitted(picture[0]) for picture in made.checks.pictures[:32]])
    return fitted[:, start : start + original.crop, start : start + original.crop]


def _told(
    made: _Made, path: Path, compared: Agreement, *, format: str, int8: bool = False, **details: Any
) -> Export:
    weights = sum(tensor.nbytes for tensor in made.run.weights().values())
    return Export(
        files=[str(path)],
        format=format + (" int8" if int8 else ""),
        bytes=path.stat().st_size,
        size=path.stat().st_size / weights,
        pictures=compared.pictures,
        max_abs_difference=compared.max_abs_difference,
        top1_agreement=compared.top1_agreement,
        tolerance=tolerance(compared, int8),
        top1_error=compared.top1_error,
        original_top1_error=compared.original_top1_error,
        **details,
    )
