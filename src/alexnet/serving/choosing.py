"""The engine that is fastest on this machine, by a short measurement that is kept for the next time."""

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from alexnet.compiled import folder
from alexnet.files import write_json
from alexnet.serving.engines import Engine, Pictures

BATCH, ROUNDS = 8, 5
LIBRARIES = ("torch", "onnxruntime", "openvino")


def fastest(engines: Mapping[str, Engine], crop: int, model: str) -> tuple[str, str]:
    """The fastest of `engines` and why, in words; `model` tells one network from another.

    Measured once for a model, a machine, the libraries' versions and the number of threads, then read from
    the user's cache.
    """
    place = folder() / "engines" / f"{_key(model, sorted(engines))}.json"
    times = _kept(place)
    if times is None or times.keys() != engines.keys():
        views = np.random.default_rng(0).integers(0, 256, (BATCH, crop, crop, 3), np.uint8)
        times = seconds(engines, views, ROUNDS)
        _keep(place, times)
    order = sorted(times, key=lambda name: times[name])
    told = ", ".join(f"{name} {times[name] / BATCH * 1e3:.2g} ms" for name in order)
    return order[0], f"fastest here, a picture in batches of {BATCH}: {told}"


def seconds(engines: Mapping[str, Engine], views: Pictures, rounds: int) -> dict[str, float]:
    """The shortest time of each engine for `views`; they take turns, after one round that does not count."""
    shortest = dict.fromkeys(engines, float("inf"))
    for round in range(rounds + 1):
        for name, answer in engines.items():
            start = time.perf_counter()
            answer(views)
            if round:
                shortest[name] = min(shortest[name], time.perf_counter() - start)
    return shortest


def _key(model: str, engines: list[str]) -> str:
    facts = [model, engines, torch.get_num_threads(), platform.node(), platform.processor()]
    facts += [_version(name) for name in LIBRARIES]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _kept(place: Path) -> dict[str, float] | None:
    try:
        return {name: float(time) for name, time in json.loads(place.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return None


def _keep(place: Path, times: Mapping[str, float]) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_json(place, dict(times))
    except OSError:
        pass  # without a cache it is measured every time
