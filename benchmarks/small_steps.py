"""Training on CIFAR-10 beside the loop that one usually writes: DataLoader, eager network, torch's SGD.

Twenty steps at batch 128, pictures included. The usual loop takes its pictures as torchvision's CIFAR10
gives them (PIL, crop from four pixels of padding, flip, to a tensor, normalised) by two worker processes;
ours is what `alexnet train` runs. Pictures are noise: it is their number that costs.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import alexnet
from alexnet.batches.loader import TrainingLoader
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.dataset.packed import open_packed
from alexnet.memory import keep_freed_memory
from alexnet.networks import create, entry
from alexnet.recipe import Recipe
from alexnet.recipes import find
from alexnet.training.optimizer import optimizer_of, set_rates
from alexnet.training.precision import has_bfloat16_units, in_precision
from benchmarks.table import Row, compared
from benchmarks.workers import Work, interleaved_workers

RECIPES = ("convnet-18pct", "resnet20-cifar", "vgg-32")
PICTURES, STEPS, ROUNDS = 5120, 20, 5
Precision = Literal["float32", "bfloat16"]


def rows() -> Iterator[Row]:
    """Each recipe beside the usual loop."""
    with tempfile.TemporaryDirectory() as folder:
        source, packed = Path(folder) / "cifar", Path(folder) / "packed"
        write_cifar(source)
        alexnet.prepare(source, packed)
        for name in RECIPES:
            yield from beside_usual(name, source, packed)


def beside_usual(name: str, source: Path, packed: Path) -> Iterator[Row]:
    """Rows of one recipe."""
    factories: dict[str, tuple[Callable[..., Work], tuple[Any, ...]]] = {
        "ours": (ours, (name, packed, "float32")),
        "usual": (usual, (name, source)),
    }
    if has_bfloat16_units(torch.device("cpu")):
        factories["bfloat16"] = (ours, (name, packed, "bfloat16"))
    times, _ = interleaved_workers(factories, ROUNDS)
    for kind in times.keys() - {"usual"}:
        both = {"ours": times[kind], "peer": times["usual"]}
        what = f"training with its pictures, {name}, batch 128" + ("" if kind == "ours" else f", {kind}")
        rate = f"{STEPS * 128 / median(times[kind]):.0f}"
        yield compared(what, "the usual eager loop with DataLoader", both, rate, "images/s")


def write_cifar(folder: Path) -> None:
    """CIFAR-10's binary files, of noise."""
    folder.mkdir()
    drawn = np.random.default_rng(0)
    (folder / "batches.meta.txt").write_text("\n".join(f"class{label}" for label in range(10)))
    for file, count in (("data_batch_1.bin", PICTURES), ("test_batch.bin", 128)):
        records = drawn.integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(count) % 10
        (folder / file).write_bytes(records.tobytes())


def read_cifar(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures [N, 32, 32, 3] and labels [N] of the training file."""
    records = np.frombuffer((folder / "data_batch_1.bin").read_bytes(), np.uint8).reshape(-1, 3073)
    pictures = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pictures), records[:, 0].copy()


def ours(name: str, packed: Path, precision: Precision) -> Work:
    """Steps as `alexnet train` takes them."""
    keep_freed_memory()
    recipe, data = find(name), open_packed(packed)
    preprocessing = preprocessing_of(recipe, data.statistics, data.size, "crop")
    loader = TrainingLoader(data.split("train"), recipe, preprocessing, data.statistics)
    net = create(recipe.network, classes=10, **recipe.options).to(memory_format=torch.channels_last)
    loss = in_precision(partial(entry(recipe.network).loss, label_smoothing=0.0), precision)
    return steps(net.train(), loss, learning(recipe, net), endless(loader))


def usual(name: str, source: Path) -> Work:
    """Steps as one writes them in torch."""
    from torch.utils.data import DataLoader
    from torchvision import transforms  # type: ignore[import-untyped]

    recipe = find(name)
    into = [transforms.ToTensor(), transforms.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))]
    if recipe.pad:
        into = [transforms.RandomCrop(32, padding=recipe.pad), transforms.RandomHorizontalFlip(), *into]
    loader: DataLoader[Any] = DataLoader(
        Pictures(*read_cifar(source), transforms.Compose(into)),
        batch_size=128,
        shuffle=True,
        num_workers=2,
        drop_last=True,
        persistent_workers=True,
    )
    net = create(recipe.network, classes=10, **recipe.options)
    for layer, module in list(net.named_modules()):
        if type(module).__name__ == "ResponseNorm":
            net.set_submodule(layer, nn.LocalResponseNorm(module.size, module.alpha, module.beta, module.k))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    return steps(net.train(), entry(recipe.network).loss, optimizer, endless(lambda epoch: loader))


class Pictures(torch.utils.data.Dataset[Any]):
    """Pictures as torchvision's CIFAR10 gives them: an array, a PIL image, a transformed tensor."""

    def __init__(self, pictures: NDArray[np.uint8], labels: NDArray[np.uint8], transform: Any) -> None:
        self.pictures, self.labels, self.transform = pictures, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.pictures[index])), int(self.labels[index])


def learning(recipe: Recipe, net: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer at its first rates."""
    optimizer = optimizer_of(recipe, net)
    set_rates(optimizer, recipe, 0.0, [])
    return optimizer


def endless(loader: Callable[[int], Any]) -> Iterator[Any]:
    """Batch after batch, epoch after epoch."""
    epoch = 0
    while True:
        yield from loader(epoch)
        epoch += 1


def steps(net: nn.Module, loss: Any, optimizer: torch.optim.Optimizer, batches: Iterator[Any]) -> Work:
    """Twenty steps with their pictures."""

    def work() -> None:
        for _ in range(STEPS):
            images, labels = next(batches)
            optimizer.zero_grad()
            value = loss(net, images, labels)
            value.backward()
            optimizer.step()
            value.item()

    return work
