"""What `train` opens for a recipe's loss: its teacher, the weights of the classes, the first kernels."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from alexnet.batches.loader import evaluation_batches
from alexnet.batches.preprocessing import Preprocessing
from alexnet.batches.views import evaluation_views
from alexnet.dataset.balance import named_weights
from alexnet.dataset.packed import Split
from alexnet.networks import entry
from alexnet.problem import Problem
from alexnet.run import Run, open_run
from alexnet.training.lesson import loss_of
from alexnet.training.targets import Loss
from alexnet.training.whitening import whiten

WHITENED_FROM = 2  # batches of training pictures whose patches the first kernels come from


def lesson(run: Run, split: Split, device: torch.device, share: Callable[[], float]) -> Loss:
    """The loss of `run`'s recipe on the training `split`; `share()` of the training is done."""
    return loss_of(
        run.recipe,
        entry(run.recipe.network).loss,
        len(run.classes),
        share=share,
        weights=weights_of(run, split),
        teacher=teacher_of(run, device),
        device=device,
    )


def weights_of(run: Run, split: Split) -> Tensor | None:
    """The weights [classes] of the classes that `run`'s recipe names; labels are read only where it does."""
    if run.recipe.class_weights == "none":
        return None
    counts = np.bincount(split.labels, minlength=len(run.classes))
    return torch.tensor(named_weights(run.recipe.class_weights, counts), dtype=torch.float32)


def teacher_of(run: Run, device: torch.device) -> nn.Module | None:
    """The network that `run`'s recipe learns from; a Problem where it sees or answers otherwise."""
    if run.recipe.teacher is None:
        return None
    teacher = open_run(run.recipe.teacher.run)
    if teacher.classes != run.classes:
        raise Problem(f"{teacher.path} cannot teach {run.path}: its classes are others, or in another order")
    if not same_pixels(teacher.preprocessing, run.preprocessing):
        raise Problem(
            f"{teacher.path} cannot teach {run.path}: it reads pictures normalised otherwise (size, crop, "
            f"mean or divisor); train it by a recipe with the same, on the same data"
        )
    return teacher.network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def same_pixels(one: Preprocessing, other: Preprocessing) -> bool:
    """Whether both make the same numbers of a picture."""
    facts = [(p.size, p.fit, p.crop, p.channels) for p in (one, other)]
    return (
        facts[0] == facts[1] and torch.equal(one.mean, other.mean) and torch.equal(one.divisor, other.divisor)
    )


def whiten_first(run: Run, network: nn.Module, split: Split) -> None:
    """Start the convolution that the recipe names as the whitening of the first training pictures."""
    if run.recipe.whiten is None:
        return
    done = run.preprocessing
    (view,) = evaluation_views("center", done.size, done.crop)
    pictures = torch.cat(list(islice(evaluation_batches(split, done, view), WHITENED_FROM)))
    whiten(network, run.recipe.whiten, pictures)
