"""The model card: what a network is, what it was made of, and how to ask it; travels with every file of it.

It holds no path: it is shown to anybody who may ask.
"""

import json
from pathlib import Path
from typing import Any

from alexnet.dataset.decode import DECODE_POLICY
from alexnet.dataset.resize import RESIZE_METHOD
from alexnet.networks import entry
from alexnet.problem import Problem
from alexnet.run import Run

LICENCE = (
    "unknown: neither the pictures nor the weights state one; ask whoever owns the pictures before you pass "
    "this on"
)
TEMPERATURE = "calibration.json"


def card_of(run: Run) -> dict[str, Any]:
    """The card of a run with its newest weights, as JSON's own types."""
    checkpoint, model = run.checkpoint(), json.loads((run.path / "model.json").read_text(encoding="utf-8"))
    return {
        "name": run.recipe.name,
        "network": run.recipe.network,
        "year": entry(run.recipe.network).year,
        "classes": len(run.classes),
        "input": "uint8 RGB [N, H, W, 3], pixels 0..255",
        "output": f"probabilities, float32 [N, {len(run.classes)}], each row sums to 1",
        "preprocessing": _preprocessing(run),
        "temperature": temperature_of(run.path),
        "recipe": run.recipe.model_dump(mode="json"),
        "data": {"fingerprint": run.dataset["fingerprint"]},
        "started_from": {key: value for key, value in (run.init or {}).items() if key not in _PLACES} or None,
        "weights": None if checkpoint is None else {"steps": checkpoint.state.get("steps", 0)},
        "versions": model["versions"],
        "licence": LICENCE,
    }


_PLACES = ("path", "run", "file")  # of one machine


def temperature_of(run: Path) -> float:
    """What a run's logits are divided by: that of its calibration; 1 where none is of its newest weights."""
    path = run / TEMPERATURE
    if not path.is_file():
        return 1.0
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        temperature = float(document["temperature"])
        if not _of_newest_weights(run, document.get("steps")):
            return 1.0
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise Problem(f"{path} is damaged: {error!r}; delete it, or calibrate again") from None
    if not 0 < temperature < float("inf"):
        raise Problem(f"{path} is damaged: a temperature of {temperature}; delete it, or calibrate again")
    return temperature


def _of_newest_weights(run: Path, steps: int | None) -> bool:
    """Whether the training has not gone on since a temperature was fitted after `steps` steps."""
    newest = max((run / "checkpoints").glob("step-*.json"), default=None)
    return steps is None or newest is None or int(newest.stem.removeprefix("step-")) == steps


def _preprocessing(run: Run) -> dict[str, Any]:
    how = run.preprocessing
    image = how.mean.shape[-1] > 1
    return {
        "decoding": DECODE_POLICY,
        "fit": how.fit,
        "size": how.size,
        "resize": RESIZE_METHOD,
        "crop": how.crop,
        "channels": how.channels,
        "mean": f"image {list(how.mean.shape)}" if image else how.mean.flatten().tolist(),
        "mean_of_channels": how.mean.mean((1, 2)).tolist(),
        "divisor": how.divisor.flatten().tolist(),
    }
