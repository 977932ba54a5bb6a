"""Scores of a network over a split: computed view by view, saved, and averaged over models."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from alexnet.evaluation.errors import Errors, count_errors
from alexnet.files import written_whole
from alexnet.problem import Problem


@dataclass(frozen=True)
class Predictions:
    """Probabilities float32 [N, classes] of images in the order of their split; labels int64 [N]."""

    probabilities: Tensor
    labels: Tensor

    def errors(self) -> Errors:
        """Top-1 and top-5 errors."""
        return count_errors(self.probabilities, self.labels)

    def per_class(self) -> list[Errors]:
        """Errors of each class's own images."""
        classes = self.probabilities.size(1)
        return [
            count_errors(self.probabilities[self.labels == label], self.labels[self.labels == label])
            for label in range(classes)
        ]

    def loss(self) -> float:
        """Mean −log probability of the right class, nats."""
        right = self.probabilities.gather(1, self.labels[:, None]).clamp_min(1e-45)
        return float(-right.log().mean())


@torch.inference_mode()
def predict(
    network: Callable[[Tensor], Tensor], views: Iterable[Iterable[Tensor]], labels: Tensor
) -> Predictions:
    """Average the softmax outputs over `views`; each view gives batches [B, C, H, W] of all images in order.

    The network must be in `eval` mode. As in 2012 it is the probabilities that are averaged ([P] §4.1).
    """
    total, count = torch.zeros(0), 0
    for batches in views:
        scores = torch.cat([_shares(network(images)).cpu() for images in batches])
        total = scores if not count else total + scores
        count += 1
    return Predictions(total / count, labels)


@torch.inference_mode()
def predict_together(
    network: Callable[[Tensor], Iterable[Tensor]], batches: Iterable[Tensor], labels: Tensor
) -> Predictions:
    """As `predict`, of a network that gives the logits of all views of a batch, one view after another."""
    means = []
    for images in batches:
        total, count = torch.zeros(0), 0
        for logits in network(images):
            shares = _shares(logits)
            total = shares if not count else total + shares
            count += 1
        means.append((total / count).cpu())
    return Predictions(torch.cat(means), labels)


def _shares(logits: Tensor) -> Tensor:
    """Softmax in float32 at least, whatever precision the network computes in."""
    return torch.softmax(logits, dim=1, dtype=torch.promote_types(logits.dtype, torch.float32))


def average(predictions: Sequence[Predictions], weights: Sequence[float] | None = None) -> Predictions:
    """Average several models' probabilities over the same images, equally or by `weights`."""
    first = predictions[0]
    for other in predictions[1:]:
        if not torch.equal(other.labels, first.labels):
            raise Problem("these runs were evaluated on different images; evaluate each on the same data")
        if other.probabilities.shape != first.probabilities.shape:
            raise Problem("these runs know different classes; only models of the same classes average")
    shares = torch.tensor(weights if weights is not None else [1.0] * len(predictions), dtype=torch.float64)
    shares = shares / shares.sum()
    mean = sum(
        (share * p.probabilities.double() for share, p in zip(shares, predictions, strict=True)),
        start=torch.zeros(()),
    )
    return Predictions(torch.as_tensor(mean).float(), first.labels)


def search_weights(predictions: Sequence[Predictions], *, step: float = 0.05) -> list[float]:
    """Weights in 0..1 that make the fewest top-5 errors, then top-1 errors, of the weighted average.

    Coordinate search from equal weights, as the 2012 code's `avg-valid.py`; report the result on another
    split than the one searched on, or it flatters.
    """
    grid = [round(step * i, 10) for i in range(round(1 / step) + 1)]
    weights = [1.0] * len(predictions)
    best = _wrong(predictions, weights)
    improved = len(predictions) > 1
    while improved:
        improved = False
        for model, share in ((model, share) for model in range(len(weights)) for share in grid):
            tried = [share if i == model else weight for i, weight in enumerate(weights)]
            if sum(tried) and (wrong := _wrong(predictions, tried)) < best:
                weights, best, improved = tried, wrong, True
    return weights


def _wrong(predictions: Sequence[Predictions], weights: Sequence[float]) -> tuple[int, int]:
    errors = average(predictions, weights).errors()
    return errors.top5, errors.top1


def save_predictions(predictions: Predictions, path: Path, facts: dict[str, str]) -> None:
    """Save to safetensors; `facts` (data set, split, views) go into its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        tensors = {"probabilities": predictions.probabilities, "labels": predictions.labels}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=facts)


def load_predictions(path: Path) -> tuple[Predictions, dict[str, str]]:
    """Load what `save_predictions` wrote, with its facts."""
    try:
        with safe_open(path, framework="pt") as file:
            predictions = Predictions(file.get_tensor("probabilities"), file.get_tensor("labels"))
            return predictions, dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise Problem(f"cannot read saved scores {path}: {error}") from None
