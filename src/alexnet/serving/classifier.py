"""A trained network that answers: bytes or pictures in, classes with probabilities out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alexnet.batches.views import View, evaluation_views
from alexnet.compiled import folder
from alexnet.dataset.decode import decode
from alexnet.dataset.resize import Fit, fit
from alexnet.files import written_whole
from alexnet.networks.laid_out import laid_out
from alexnet.problem import Problem, UsageProblem
from alexnet.run import Run, open_run
from alexnet.serving.answering import answering
from alexnet.serving.card import card_of, temperature_of
from alexnet.serving.choosing import fastest
from alexnet.serving.engines import (
    ENGINES,
    Engine,
    Pictures,
    Scores,
    averaged,
    installed,
    onnx_engine,
    openvino_engine,
    require_onnx,
    torch_engine,
)

CPU = torch.device("cpu")
AUTO = "auto"


@dataclass(frozen=True)
class Classifier:
    """An opened network with everything that an answer needs; may be asked from several threads at once."""

    path: Path
    classes: tuple[str, ...]
    card: dict[str, Any]  # JSON's own types; names no place on this machine
    size: int  # side of a prepared picture
    crop: int  # side of a view
    fit: Fit
    windows: tuple[View, ...]  # the views that are averaged
    answer: Engine
    engine: str  # torch, onnx or openvino
    chosen: str  # why this one, in words
    run: Run | None = None  # None for an exported file

    def prepare(self, content: bytes) -> Pictures:
        """Bytes of a picture -> uint8 [size, size, 3], as the run's data was; a Problem says why not."""
        return self.fitted(decode(content))

    def fitted(self, picture: Pictures) -> Pictures:
        """A decoded picture uint8 [H, W, 3] -> [size, size, 3]."""
        return fit(picture, self.size, self.fit)

    def scores(self, pictures: Pictures) -> Scores:
        """Probabilities [N, classes] of prepared pictures [N, size, size, 3]."""
        return averaged(self.answer, pictures, self.windows, self.crop)

    def top(self, pictures: Pictures, k: int = 5) -> list[list[tuple[str, float]]]:
        """The `k` most probable classes of each prepared picture, best first."""
        return [best(row, self.classes, k) for row in self.scores(pictures)]


def best(row: Scores, classes: Sequence[str], k: int) -> list[tuple[str, float]]:
    """The `k` most probable classes of one picture; equal ones in the order of the classes.

    >>> best(np.float32([0.25, 0.5, 0.25]), ("cat", "dog", "owl"), 2)
    [('dog', 0.5), ('cat', 0.25)]
    """
    order = np.argsort(-row, kind="stable")[:k]
    return [(classes[label], float(row[label])) for label in order]


def open_classifier(
    path: str | Path, *, engine: str | None = None, device: torch.device = CPU, views: str = "center"
) -> Classifier:
    """Open a run folder with its newest weights, or a file that `alexnet export` wrote.

    `engine` is torch (for a run the default), onnx, openvino, or auto: whichever is fastest on this machine
    (for a file the default). ONNX and OpenVINO read an exported file; for a run one is made and kept in the
    user's cache.
    """
    if engine not in (*ENGINES, AUTO, None):
        raise UsageProblem(f"no engine {engine!r}; there are {', '.join((*ENGINES, AUTO))}")
    path = Path(path)
    if path.is_file() or path.suffix == ".onnx":
        return _of_file(path, engine or AUTO, views)
    return _of_run(path, engine or ENGINES[0], device, views)


def _of_run(path: Path, engine: str, device: torch.device, views: str) -> Classifier:
    run = open_run(path)
    how, temperature, model = run.preprocessing, temperature_of(run.path), _fingerprint(run)

    def by_torch() -> Engine:
        return torch_engine(laid_out(answering(run, device)), how, temperature)

    opening: dict[str, Callable[[], Engine]] = {"torch": by_torch}
    if engine != "torch" and device.type == "cpu":
        content = _kept_model(run, temperature, model) if engine != AUTO or installed() else b""
        opening |= _opening(content) if content else {}
    answer, name, chosen = _chosen(opening, engine, how.crop, model)
    return Classifier(
        path=run.path,
        classes=run.classes,
        card=card_of(run),
        size=how.size,
        crop=how.crop,
        fit=how.fit,
        windows=evaluation_views(views, how.size, how.crop),
        answer=answer,
        engine=name,
        chosen=chosen,
        run=run,
    )


def _of_file(path: Path, engine: str, views: str) -> Classifier:
    if engine == "torch":
        raise UsageProblem(f"{path} is a file for other engines: --engine onnx, openvino or auto")
    require_onnx()
    from alexnet.serving.onnx_file import from_views, read

    exported = read(path)
    content = from_views(exported.model).SerializeToString()
    try:
        how = exported.card["preprocessing"]
        size, crop, fitted = int(how["size"]), int(how["crop"]), how["fit"]
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(f"{path} is damaged: its card lacks {error}; export it again") from None
    model = hashlib.sha256(content).hexdigest()
    answer, name, chosen = _chosen(_opening(content), engine, crop, model)
    return Classifier(
        path=path,
        classes=exported.classes,
        card=exported.card,
        size=size,
        crop=crop,
        fit=fitted,
        windows=evaluation_views(views, size, crop),
        answer=answer,
        engine=name,
        chosen=chosen,
    )


def _opening(content: bytes) -> dict[str, Callable[[], Engine]]:
    return {"onnx": lambda: onnx_engine(content), "openvino": lambda: openvino_engine(content)}


def _chosen(
    opening: dict[str, Callable[[], Engine]], engine: str, crop: int, model: str
) -> tuple[Engine, str, str]:
    """Open the engine that was asked for, or all that are installed to keep the fastest; its name and why."""
    if engine != AUTO:
        if engine not in opening:
            raise UsageProblem(f"engine {engine} answers on the processor: --device cpu")
        return opening[engine](), engine, "asked for"
    there = {name: opened() for name, opened in opening.items() if name == "torch" or name in installed()}
    if not there:
        require_onnx()
    if len(there) == 1:
        (name,) = there
        return there[name], name, "the only one here"
    name, chosen = fastest(there, crop, model)
    return there[name], name, chosen


def _fingerprint(run: Run) -> str:
    """What the answers of a run depend on, without reading its weights."""
    checkpoint = run.checkpoint()
    if checkpoint is None:
        return ""
    facts = [str(run.path.resolve()), checkpoint.path.name, temperature_of(run.path)]
    for weights in checkpoint.weight_files():
        if weights.is_file():
            facts += [weights.stat().st_size, weights.stat().st_mtime_ns]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _kept_model(run: Run, temperature: float, model: str) -> bytes:
    """The part of an exported file that begins at views, made at the first call."""
    require_onnx()
    from alexnet.serving.onnx_file import views_model_of, views_program_of
    from alexnet.serving.portable import portable

    place = folder() / "exported" / f"{model[:32]}.onnx"
    if place.is_file():
        return place.read_bytes()
    whole = portable(run.network(), run.preprocessing, temperature=temperature)
    exported = views_model_of(views_program_of(whole.answering, run.preprocessing.crop))
    content: bytes = exported.SerializeToString()
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with written_whole(place) as partial:
            partial.write_bytes(content)
    except OSError:
        pass  # without a cache it is made every time
    return content
