"""`alexnet average`: the mean weights of several trainings, or of one's last checkpoints, as a run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexnet.batches.loader import TrainingLoader
from alexnet.dataset.packed import open_packed
from alexnet.files import write_json
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Checkpoint, Run, create_run, load_weights, open_run
from alexnet.training.loop import State
from alexnet.training.statistics import count_anew
from alexnet.verbs.devices import device_of
from alexnet.verbs.scores import data_of

BATCHES = 50  # of training views, for the statistics of batch norms


@dataclass(frozen=True)
class Average:
    """What was averaged: weights of these checkpoints; `norms` had their statistics counted anew."""

    run: str
    of: list[str]
    norms: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return asdict(self)


def average(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    last: int | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Average:
    """Make a run at `out` of the mean weights of `runs`, or of the `last` checkpoints that one run kept.

    Trainings that began from the same weights may be averaged, those from different seeds may not: their
    networks agree in what they answer, not in their weights (Wortsman et al., "Model soups", 2022). Batch
    norms' statistics are counted anew on training pictures. Raises Problem where runs do not fit together.
    """
    opened = [open_run(run) for run in runs]
    checkpoints = _checkpoints(opened, last)
    first, where = opened[0], device_of(device)
    network = first.build()
    load_weights(network, mean([checkpoint.weights() for checkpoint in checkpoints]), "the average")
    network = network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    packed = open_packed(data_of(first))
    loader = TrainingLoader(
        packed.split("train"), first.recipe, first.preprocessing, packed.statistics, device=where
    )
    with progress("statistics of batch norms", BATCHES) as advance:

        def views() -> Any:
            for images, _ in islice(loader(0), BATCHES):
                yield images
                advance()

        norms = count_anew(network, views())
    made = create_run(
        Path(out),
        first.recipe,
        classes=first.classes,
        preprocessing=first.preprocessing,
        dataset=first.dataset,
    )
    state = State(**checkpoints[-1].state)
    names = [str(checkpoint.path) for checkpoint in checkpoints]
    write_json(made.path / "average.json", {"of": names})
    made.save(dict(network.state_dict()), {}, state.document(), steps=state.steps)
    return Average(str(made.path), names, norms)


def mean(weights: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of tensors by name, in float64; counts are the first's."""
    return {
        name: torch.stack([each[name].double() for each in weights]).mean(0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in weights[0].items()
    }


def _checkpoints(runs: Sequence[Run], last: int | None) -> list[Checkpoint]:
    if len(runs) == 1:
        return _last(runs[0], last)
    if last is not None:
        raise UsageProblem("--last is of one run's checkpoints; several runs are averaged as they are now")
    _require_alike(runs)
    found = [run.checkpoint() for run in runs]
    for run, checkpoint in zip(runs, found, strict=True):
        if checkpoint is None:
            raise Problem(f"{run.path} holds no weights yet; repeat its `alexnet train` command")
    return [checkpoint for checkpoint in found if checkpoint]


def _last(run: Run, last: int | None) -> list[Checkpoint]:
    found = run.checkpoints()
    if last is None or last < 2:
        raise UsageProblem("give two runs or more, or of one run how many checkpoints: --last 5")
    if len(found) < last:
        raise Problem(
            f"{run.path} has {len(found)} checkpoints, not {last}: train it with --keep, which keeps the "
            "weights after each epoch"
        )
    return found[-last:]


def _require_alike(runs: Sequence[Run]) -> None:
    first, *others = runs
    for other in others:
        same = (
            (first.recipe.network, first.recipe.options, first.classes)
            == (other.recipe.network, other.recipe.options, other.classes)
        ) and first.init == other.init
        if not same:
            raise Problem(
                f"{other.path} and {first.path} cannot be averaged: network, classes and what they started "
                "from must be the same; average their answers with `alexnet predict … --with`"
            )
        if first.init is None and first.recipe.seed != other.recipe.seed:
            raise Problem(
                f"{other.path} and {first.path} began from different seeds: their weights have no common "
                "mean; average their answers with `alexnet evaluate RUN RUN` or `alexnet predict … --with`"
            )
