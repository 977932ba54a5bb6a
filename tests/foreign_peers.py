"""torchvision's and timm's networks beside ours, and small data to run them on."""

import functools
from pathlib import Path

import pictures
import timm
import torch
import torchvision
from inception_peers import randomised
from timm.data import resolve_model_data_config
from torch import Tensor, nn
from torchvision.transforms import functional as pixels_of

import alexnet
from alexnet.networks.foreign import FOREIGN, Foreign
from alexnet.recipe import Recipe

BY_PEER = {foreign.peer: foreign for foreign in FOREIGN}
SIZE, CROP = 96, 80  # small, and yet enough for the Inceptions


def empty_peer(peer: str, classes: int, **options: object) -> nn.Module:
    """The other library's network without storage, as its published weights are used."""
    library, name = peer.split()
    with torch.device("meta"):
        if library == "timm":
            return timm.create_model(name, num_classes=classes, **options)
        if name in ("googlenet", "inception_v3"):
            options = {"init_weights": False, "transform_input": True} | options
        return getattr(torchvision.models, name)(weights=None, num_classes=classes, **options)


@functools.cache
def peer_of(peer: str, classes: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return randomised(empty_peer(peer, classes).to_empty(device="cpu")).eval()


def normalised(peer: str, views: Tensor) -> Tensor:
    """What the library feeds its network for views uint8 [N, H, W, 3]."""
    library, name = peer.split()
    pixels = views.permute(0, 3, 1, 2) / 255
    if library == "timm":
        config = resolve_model_data_config(empty_peer(peer, 4))
        return pixels_of.normalize(pixels, config["mean"], config["std"])
    preset = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
    return pixels_of.normalize(pixels, preset.mean, preset.std)


def recipe_for(foreign: Foreign, **fields: object) -> Recipe:
    fixed = {"name": "test", "network": foreign.network, "crop": CROP, "epochs": 0, "learning_rate": 0.01}
    return Recipe.model_validate(fixed | fields)


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def pack(root: Path) -> Path:
    """A data set of four classes, three pictures of each for training, in `root`."""
    folder = pictures.write(root / "pictures", pictures.classes(4, each=4))
    alexnet.prepare(str(folder), root / "packed", size=SIZE, val_fraction=0.25)
    return root / "packed"
