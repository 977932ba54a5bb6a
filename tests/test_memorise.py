"""The full networks at 224 × 224 on photographs: the first loss, and sixty-four of them learned by heart."""

import math
import tarfile
from pathlib import Path

import pytest
import torch

import alexnet
from alexnet.batches.loader import evaluation_batches
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.views import evaluation_views
from alexnet.dataset.packed import open_packed
from alexnet.networks import create
from alexnet.recipes import find
from alexnet.training.log import read_metrics

PHOTOGRAPHS = 64


@pytest.fixture(scope="module")
def photographs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty-four photographs of sixty-four classes, packed at 256 pixels."""
    folder = tmp_path_factory.mktemp("photographs")
    with tarfile.open(data / "imagenet-samples-400.tar") as archive:
        members = archive.getmembers()[:: 400 // PHOTOGRAPHS][:PHOTOGRAPHS]
        archive.extractall(folder / "pictures", members, filter="data")
    alexnet.prepare(folder / "pictures", folder / "packed", val_fraction=0.0)
    return folder / "packed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012"])
def test_the_first_loss_is_that_of_a_thousand_equal_guesses(photographs: Path, name: str) -> None:
    """With dropout's masks on it is more, by what the spread of the logits adds: half their variance."""
    images, labels = views_of(photographs, name)
    network = create(find(name).network, classes=1000, seed=0)
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(network.eval()(images), labels)
        torch.manual_seed(0)
        read = network.train()[:-1](images)  # [N, 4096], what the last layer reads
        logits = network[-1](read)
    assert loss.item() == pytest.approx(math.log(1000), rel=0.02)
    masked = (logits.logsumexp(1) - logits.mean(1)).mean()  # the mean over all labels
    variance = read.square().sum(1).mean() * 0.01**2  # the last layer's weights start with deviation .01
    assert masked.item() == pytest.approx(math.log(1000) + variance.item() / 2, rel=0.005)


def views_of(photographs: Path, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre views of all photographs as the recipe `name` reads them, and their labels."""
    packed, recipe = open_packed(photographs), find(name)
    preprocessing = preprocessing_of(recipe, packed.statistics, packed.size, packed.fit)
    split = packed.split("train")
    (view,) = evaluation_views("center", packed.size, preprocessing.crop)
    (images,) = evaluation_batches(split, preprocessing, view, batch=PHOTOGRAPHS)
    return images, torch.tensor(split.labels)


@pytest.mark.slow
def test_sixty_four_photographs_are_learned_by_heart(photographs: Path, tmp_path: Path) -> None:
    """The paper's recipe, its augmentation off, on two threads: at most fifteen minutes."""
    torch.set_num_threads(2)
    plain = ["random_crop=false", "flip=false", "colour_noise=null"]
    shorter = ["epochs=100", "batch=16", 'learning_rate={"kind": "steps", "start": 0.01, "drops": [75]}']
    result = alexnet.train("alexnet", photographs, tmp_path / "run", assignments=plain + shorter)
    assert alexnet.evaluate(tmp_path / "run", split="train").top1_error == 0
    assert result.seconds < 15 * 60
    losses = [
        line["training_loss"]
        for line in read_metrics(tmp_path / "run" / "metrics.jsonl")
        if "training_loss" in line
    ]
    assert losses[0] > 3.9 > losses[-1]
