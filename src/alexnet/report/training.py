"""What was trained on what and how: facts of the run folder and of the pack."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet.dataset.packed import Packed
from alexnet.networks import create
from alexnet.networks.summary import Layer, summarise, total
from alexnet.networks.undrawn import on_paper
from alexnet.report.command import Field, differences, preparing_command, training_command
from alexnet.run import Run

ROWS = 40  # layers; of more, blocks are shown


@dataclass(frozen=True)
class Network:
    """What the network is and costs."""

    name: str
    input: tuple[int, int, int]
    whole: Layer  # the sums
    layers: list[Layer]  # or blocks of them


@dataclass(frozen=True)
class Training:
    """What was trained, on what, and what makes it again."""

    recipe: list[Field]  # what differs from the defaults
    document: str  # the whole recipe.json
    network: Network
    versions: dict[str, str]
    threads: int | None
    preprocessing: list[tuple[str, str]]
    commands: list[str]
    init: dict[str, Any] | None
    fingerprints: list[tuple[str, str]]


def training_of(run: Run, network: Network, packed: Packed | None) -> Training:
    """Gather it; `packed` is None where the pack is no longer there."""
    commands = [] if packed is None else [preparing_command(packed.description, str(run.dataset["path"]))]
    return Training(
        recipe=differences(run.recipe),
        document=json.dumps(run.recipe.model_dump(mode="json"), indent=2, ensure_ascii=False),
        network=network,
        versions={str(name): str(value) for name, value in _model(run).get("versions", {}).items()},
        threads=threads_of(run),
        preprocessing=_preprocessing(run),
        commands=[*commands, training_command(run)],
        init=run.init,
        fingerprints=_fingerprints(run, packed),
    )


def threads_of(run: Run) -> int | None:
    """With how many threads torch computed; None where that was not noted."""
    threads = _model(run).get("threads")
    return int(threads) if threads else None


def _model(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run.path / "model.json").read_text(encoding="utf-8"))
    return document


def network_of(run: Run) -> Network:
    """The network on paper, layer by layer, or block by block where it is deep."""
    recipe, side = run.recipe, run.preprocessing.crop
    with on_paper():
        network = create(recipe.network, classes=len(run.classes), channels=recipe.channels, **recipe.options)
    shape = (recipe.channels, side, side)
    layers = summarise(network, shape)
    shown = layers if len(layers) <= ROWS else summarise(network, shape, depth=1)
    return Network(recipe.network, shape, total(layers), shown)


def _preprocessing(run: Run) -> list[tuple[str, str]]:
    done = run.preprocessing
    ways = {"crop": "shorter side, then the middle cut out", "letterbox": "whole, with grey bars"}
    mean = (
        "an image, pixel by pixel" if done.mean.dim() == 3 and done.mean.size(1) > 1 else _listed(done.mean)
    )
    return [
        ("picture", f"{done.size} × {done.size} pixels: {ways.get(done.fit, 'stretched')}"),
        ("view", f"{done.crop} × {done.crop} pixels, {'grey' if done.channels == 1 else 'red, green, blue'}"),
        ("subtracted", mean),
        ("divided by", _listed(done.divisor)),
    ]


def _listed(values: Any) -> str:
    return ", ".join(f"{float(value):.4g}" for value in values.flatten())


def _fingerprints(run: Run, packed: Packed | None) -> list[tuple[str, str]]:
    found = []
    if run.dataset.get("fingerprint"):
        found.append(("data set, as trained on", str(run.dataset["fingerprint"])))
    if packed is not None:
        digests = packed.description.get("digests", {})
        found += [(f"pictures and labels of {split}", str(digest)) for split, digest in digests.items()]
    files = [run.path / "recipe.json", run.path / "preprocessing.safetensors"]
    checkpoint = run.checkpoint()
    if checkpoint is not None:
        files += checkpoint.weight_files()
    return found + [(path.relative_to(run.path).as_posix(), _digest(path)) for path in files]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
