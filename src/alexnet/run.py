"""The run folder: recipe, network, classes, preprocessing, weights and state; there whole or not at all.

RUN/recipe.json               the resolved recipe, enough to train again
RUN/model.json                network, classes, preprocessing, data set, versions
RUN/preprocessing.safetensors mean and divisor
RUN/metrics.jsonl             a line an epoch and every few steps
RUN/checkpoints/step-N.json   where training stood; written last, so what it names is whole
RUN/checkpoints/step-N.weights.safetensors, step-N.optimizer.safetensors
RUN/checkpoints/step-N.weights/, step-N.optimizer/   the same of ranks that share the weights out: a file each
RUN/scores/                   saved predictions
RUN/calibration.json          the temperature of the newest weights, where one was fitted
"""

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from alexnet.batches.preprocessing import Preprocessing
from alexnet.files import remove, write_json, written_whole
from alexnet.networks import create
from alexnet.networks.undrawn import Undrawn
from alexnet.networks.weights import fresh_weights as fresh_weights
from alexnet.networks.weights import load_weights as load_weights
from alexnet.networks.weights import transfer_weights as transfer_weights
from alexnet.parallel import World, from_first
from alexnet.parallel.shards import read_shards, shard_files, write_shards
from alexnet.problem import Problem
from alexnet.recipe import Recipe
from alexnet.settings import read

Tensors = Mapping[str, Tensor]
FORMAT = 1
VERSIONED = ("alexnet", "torch", "numpy", "torchcodec", "safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stood: `state` is the loop's own, the files hold the tensors."""

    path: Path  # RUN/checkpoints/step-N.json
    state: dict[str, Any]

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers of the network by name."""
        return _tensors(self.stored("weights"))

    def optimizer(self) -> dict[str, Tensor]:
        """The optimizer's tensors, named by parameter and kind."""
        return _tensors(self.stored("optimizer"))

    def stored(self, kind: str) -> Path:
        """The file of the "weights" or of the "optimizer", or the folder that ranks wrote in shards."""
        folder = self.path.with_suffix(f".{kind}")
        return folder if folder.is_dir() else self.path.with_suffix(f".{kind}.safetensors")

    def weight_files(self) -> list[Path]:
        """The files that hold the weights: one, or one of each rank."""
        stored = self.stored("weights")
        return shard_files(stored) if stored.is_dir() else [stored]


@dataclass(frozen=True)
class Run:
    """An opened run folder."""

    path: Path
    recipe: Recipe
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    dataset: dict[str, Any]  # where the data was, and its fingerprint; null where there was none
    init: dict[str, Any] | None = None  # whose weights it started from: a run or a file, as it was then

    @property
    def metrics(self) -> Path:
        """The log, a JSON document a line."""
        return self.path / "metrics.jsonl"

    @property
    def scores(self) -> Path:
        """The folder of saved predictions."""
        return self.path / "scores"

    def build(self) -> nn.Module:
        """Build the network with the weights that its recipe starts from."""
        recipe = self.recipe
        return create(
            recipe.network,
            classes=len(self.classes),
            channels=recipe.channels,
            seed=recipe.seed,
            **recipe.options,
        )

    def network(self, checkpoint: "Checkpoint | None" = None) -> nn.Module:
        """Build the network with a checkpoint's weights (default: the newest), ready to answer (`eval`)."""
        weights = checkpoint.weights() if checkpoint else self.weights()
        with Undrawn():
            network = self.build()
        load_weights(network, weights, str(checkpoint.path if checkpoint else self.path))
        return network.eval()

    def weights(self) -> dict[str, Tensor]:
        """Read the newest weights; a Problem where there are none yet."""
        checkpoint = self.checkpoint()
        if checkpoint is None:
            raise Problem(f"{self.path} holds no weights yet; repeat its `alexnet train` command")
        return checkpoint.weights()

    def checkpoint(self) -> Checkpoint | None:
        """Return the newest whole checkpoint."""
        paths = sorted((self.path / "checkpoints").glob("step-*.json"))
        return Checkpoint(paths[-1], _json(paths[-1])) if paths else None

    def checkpoints(self) -> list[Checkpoint]:
        """Return every whole checkpoint, oldest first; a training keeps its newest."""
        paths = sorted((self.path / "checkpoints").glob("step-*.json"))
        return [Checkpoint(path, _json(path)) for path in paths]

    def save(
        self, weights: dict[str, Tensor], optimizer: dict[str, Tensor], state: dict[str, Any], *, steps: int
    ) -> None:
        """Save a checkpoint after `steps` steps, then drop the older ones, of `kept` ones the optimizer's."""
        path = self._place(steps)
        for kind, tensors in (("weights", weights), ("optimizer", optimizer)):
            with written_whole(path.with_suffix(f".{kind}.safetensors")) as partial:
                save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
        self._commit(path, state)

    def save_shards(
        self, weights: Tensors, optimizer: Tensors, state: dict[str, Any], *, steps: int, here: World
    ) -> None:
        """The same by all ranks, each of which writes the rows that it keeps of every tensor."""
        path = self._place(steps) if here.is_first else self.path / "checkpoints" / _name(steps)
        if not from_first(path.exists(), here, what="saving a checkpoint"):
            for kind, tensors in (("weights", weights), ("optimizer", optimizer)):
                write_shards(path.with_suffix(f".{kind}"), tensors, here)
        if here.is_first:
            self._commit(path, state)

    def _place(self, steps: int) -> Path:
        """Where a checkpoint's state goes; what an interrupted attempt left there is taken away."""
        path = self.path / "checkpoints" / _name(steps)
        path.parent.mkdir(exist_ok=True)
        for left in () if path.exists() else path.parent.glob(f"{path.stem}.*"):
            remove(left)
        return path

    def _commit(self, path: Path, state: dict[str, Any]) -> None:
        write_json(path, state)
        kept = {found.path.stem for found in self.checkpoints() if found.state.get("kept")}
        # of one step the .json first: without it nothing is trusted
        for old in sorted(path.parent.iterdir()):
            stem, _, kind = old.name.partition(".")
            if stem != path.stem and (stem not in kept or kind.startswith("optimizer")):
                remove(old)


def _name(steps: int) -> str:
    return f"step-{steps:09d}.json"


def create_run(
    path: Path,
    recipe: Recipe,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    dataset: dict[str, Any],
    init: dict[str, Any] | None = None,
) -> Run:
    """Make a run folder before its first step; it appears at `path` whole."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Problem(f"{path} is there already and is not a run; choose another --out")
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        write_json(partial / "recipe.json", recipe.model_dump(mode="json"))
        save_file(
            {"mean": preprocessing.mean, "divisor": preprocessing.divisor},
            partial / "preprocessing.safetensors",
        )
        write_json(partial / "model.json", _model(recipe, classes, preprocessing, dataset, init))
        (partial / "metrics.jsonl").touch()
        partial.replace(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return open_run(path)


def open_run(path: Path | str) -> Run:
    """Open a run folder; a Problem where there is none, it is damaged, or of another format version."""
    path = Path(path)
    if not (path / "model.json").is_file():
        raise Problem(f"no run at {path}; make one with `alexnet train RECIPE --data PACKED --out {path}`")
    model = _json(path / "model.json")
    if model.get("format") != FORMAT:
        raise Problem(
            f"{path} is a run of format {model.get('format')!r}, this version reads format {FORMAT}; "
            f"it was written by alexnet {model.get('versions', {}).get('alexnet', 'unknown')}"
        )
    tensors = _tensors(path / "preprocessing.safetensors")
    try:
        return Run(
            path,
            read(_text(path / "recipe.json"), str(path / "recipe.json")),
            tuple(model["classes"]),
            Preprocessing(mean=tensors["mean"], divisor=tensors["divisor"], **model["preprocessing"]),
            model["dataset"],
            model["init"],
        )
    except (KeyError, TypeError) as error:
        raise Problem(f"{path / 'model.json'} is damaged: {error}") from None


def is_run(path: Path) -> bool:
    """Whether a run folder stands at `path`, of whatever version."""
    return (path / "model.json").is_file()


def versions() -> dict[str, str]:
    """What this is run with: Python and the packages that decide results."""
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}


def _model(
    recipe: Recipe,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    dataset: dict[str, Any],
    init: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "network": recipe.network,
        "classes": list(classes),
        "preprocessing": {
            "size": preprocessing.size,
            "fit": preprocessing.fit,
            "crop": preprocessing.crop,
            "channels": preprocessing.channels,
        },
        "dataset": dataset,
        "init": init,
        "versions": versions(),
        "threads": torch.get_num_threads(),
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(f"cannot read {path}: {error.strerror}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text(path))
    except ValueError as error:
        raise Problem(f"{path} is damaged: not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Problem(f"{path} is damaged: not a JSON object")
    return document


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.is_dir():
        return read_shards(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise Problem(f"cannot read {path}: {error}") from None
