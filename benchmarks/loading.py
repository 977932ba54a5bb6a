"""Batches for AlexNet, 256 to 224 pixels: from packs by two threads, from files by two worker processes.

All read the same 2,000 pictures of 256 x 256, 400 photographs five times over, from memory: the system still
holds the files that were written. The peers read JPEG files of quality 95 in class folders and do less: they
subtract a value a channel where ours subtract a mean image, and have no colour noise. They are timed when
their workers are at work, ours with the start of the threads.
"""

import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from statistics import median

import timm.data
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms as classic
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import alexnet
from alexnet.batches.loader import TrainingLoader, evaluation_passes
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.views import evaluation_views
from alexnet.dataset.decode import decode
from alexnet.dataset.packed import Packed, open_packed
from alexnet.dataset.resize import fit
from alexnet.recipe import Recipe
from alexnet.recipes import find
from benchmarks.photographs import photographs
from benchmarks.table import Row, compared, rate

SIZE, CROP, BATCH, COPIES, QUALITY, WORKERS = 256, 224, 128, 5, 95, 2
ROUNDS = 9
FIRST, STEADY = 2 * WORKERS, 8  # batches of a peer: those of its start, those timed
UNIT = "images/s"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Transform = Callable[[Image.Image], Tensor]
Timed = Callable[[], float]
"""Reads some batches; returns seconds for a thousand images."""


def rows() -> Iterator[Row]:
    """Packs beside files, ten views, and how long a training waits."""
    with tempfile.TemporaryDirectory() as folder:
        files = class_folders(Path(folder) / "files")
        raw, jpeg = Path(folder) / "raw", Path(folder) / "jpeg"
        alexnet.prepare(files, raw, size=SIZE, val_fraction=0, max_skipped=0)
        alexnet.prepare(files, jpeg, size=SIZE, val_fraction=0, max_skipped=0, encoding="jpeg")
        yield from rates(files, open_packed(raw), open_packed(jpeg))
        yield waiting(Path(folder))


def rates(files: Path, raw: Packed, jpeg: Packed) -> Iterator[Row]:
    """Ours beside the faster of torchvision's two ways, and beside timm."""
    noisy = find("alexnet")
    plain = noisy.model_copy(update={"colour_noise": None})
    ours = {
        "raw pack, crop, flip and mean image": training(raw, plain),
        "raw pack, with colour noise as well": training(raw, noisy),
        "JPEG pack, crop, flip and mean image": training(jpeg, plain),
    }
    theirs = {
        "torchvision ImageFolder, classic transforms": torchvision(files, classic_transforms()),
        "torchvision ImageFolder, v2 transforms": torchvision(files, v2_transforms()),
        "timm create_loader": timm_loader(files),
    }
    views = {"raw pack, ten views": ten_views(raw, plain)}
    times = in_turn(ours | views | theirs)
    *torchvisions, timm_name = theirs
    fastest = min(torchvisions, key=lambda name: median(times[name]))
    for peer in (fastest, timm_name):
        beside = f"{peer}, {WORKERS} workers ({images_a_second(times[peer])} {UNIT})"
        for what in ours:
            pair = {"ours": times[what], "peer": times[peer]}
            yield compared(f"input, {what}, two threads", beside, pair, images_a_second(times[what]), UNIT)
    for what in views:
        yield rate(f"input, {what}, two threads", 1000, times[what], "views/s")


def in_turn(alternatives: dict[str, Timed]) -> dict[str, list[float]]:
    """What each alternative says of itself in each round, after one that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for number in range(ROUNDS + 1):
        for name, timed in alternatives.items():
            seconds = timed()
            if number:
                times[name].append(seconds)
    return times


def images_a_second(times: list[float]) -> str:
    """By the median round."""
    return f"{1000 / median(times):.0f}"


def training(packed: Packed, recipe: Recipe) -> Timed:
    """An epoch of our loader from its first batch to its last."""
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    load = TrainingLoader(packed.split("train"), recipe, preprocessing, packed.statistics, workers=WORKERS)
    epochs = iter(range(ROUNDS + 1))

    def timed() -> float:
        began = time.perf_counter()
        images = sum(len(batch.images) for batch in load(next(epochs)))
        return 1000 * (time.perf_counter() - began) / images

    return timed


def ten_views(packed: Packed, recipe: Recipe) -> Timed:
    """The ten views of some batches; each view counts."""
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    views = evaluation_views("ten", SIZE, CROP)
    split = packed.split("train")

    def timed() -> float:
        began = time.perf_counter()
        images = sum(
            len(batch)
            for batches in evaluation_passes(split, preprocessing, views, batch=BATCH, workers=WORKERS)
            for batch in islice(batches, FIRST)
        )
        return 1000 * (time.perf_counter() - began) / images

    return timed


def torchvision(files: Path, transform: Transform) -> Timed:
    """ImageFolder and DataLoader."""
    folder = ImageFolder(files, transform)
    return steady(DataLoader(folder, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True))


def classic_transforms() -> Transform:
    """torchvision.transforms, on Pillow's images."""
    return classic.Compose(
        [
            classic.RandomCrop(CROP),
            classic.RandomHorizontalFlip(),
            classic.ToTensor(),
            classic.Normalize(MEAN, DEVIATION),
        ]
    )


def v2_transforms() -> Transform:
    """torchvision.transforms.v2, on tensors."""
    return v2.Compose(
        [
            v2.ToImage(),
            v2.RandomCrop(CROP),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, DEVIATION),
        ]
    )


def timm_loader(files: Path) -> Timed:
    """timm's own training loader, its colour jitter off; its crops are of random area."""
    dataset = timm.data.create_dataset("", str(files), is_training=True)
    loader = timm.data.create_loader(
        dataset,
        (3, CROP, CROP),
        BATCH,
        is_training=True,
        color_jitter=0.0,
        num_workers=WORKERS,
        use_prefetcher=False,
        persistent_workers=False,
        device=torch.device("cpu"),
    )
    return steady(loader)


def steady(loader: DataLoader[tuple[Tensor, Tensor]]) -> Timed:
    """Some batches of an epoch, when the workers are at work; they are stopped after it."""

    def timed() -> float:
        batches = iter(loader)
        for _ in islice(batches, FIRST):
            pass
        began = time.perf_counter()
        images = sum(len(labels) for _, labels in islice(batches, STEADY))
        return 1000 * (time.perf_counter() - began) / images

    return timed


def waiting(folder: Path) -> Row:
    """The share of AlexNet's training that its loop waits for batches, the first of each epoch with it."""
    packed = folder / "few"
    alexnet.prepare(class_folders(folder / "few files", copies=1), packed, size=SIZE, val_fraction=0)
    steady_rate = 'learning_rate={"kind": "constant", "start": 0.01}'  # the recipe's own waits for errors
    trained = alexnet.train("alexnet", packed, folder / "run", assignments=["epochs=2", steady_rate])
    share = trained.data_seconds / (trained.data_seconds + trained.compute_seconds)
    return {
        "what": f"wait for data in a training of alexnet at 224, batch {BATCH}, one thread",
        "ours": f"{100 * share:.2f}",
        "unit": "% of a step",
        "rounds": trained.steps,
    }


def class_folders(where: Path, copies: int = COPIES) -> Path:
    """The photographs at 256 x 256 as JPEG files, a class each."""
    with tarfile.open(photographs()) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                continue
            picture = BytesIO()
            Image.fromarray(fit(decode(content.read()), SIZE, "crop")).save(picture, "JPEG", quality=QUALITY)
            folder = where / Path(member.name).stem
            folder.mkdir(parents=True)
            for copy in range(copies):
                (folder / f"{copy}.jpg").write_bytes(picture.getvalue())
    return where
