"""torchvision's and timm's weights: recognised, with their preprocessing, and the same logits."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from foreign_peers import BY_PEER, CROP, SIZE, assert_close, empty_peer, normalised, pack, peer_of, recipe_for
from inception_peers import randomised
from safetensors.torch import save_file
from timm.data import create_transform, resolve_model_data_config
from torch import nn

import alexnet
from alexnet.batches.preprocessing import Preprocessing
from alexnet.dataset.packed import open_packed
from alexnet.networks import create
from alexnet.networks.foreign import FOREIGN, Foreign, read, recognised
from alexnet.run import fresh_weights, open_run
from alexnet.verbs.starting import start_of


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("small"))


# what is recognised


def test_the_table_has_all_of_the_two_libraries_networks() -> None:
    vggs = [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")]
    resnets = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
    torchvisions = ["alexnet", *vggs, "googlenet", "inception_v3", *resnets]
    expected = {f"torchvision {name}" for name in torchvisions}
    assert BY_PEER.keys() == expected | {"timm inception_v4", "timm inception_resnet_v2"}


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: foreign.peer)
def test_names_and_shapes_tell_the_network(foreign: Foreign) -> None:
    state = empty_peer(foreign.peer, 12).state_dict()
    assert recognised(state, "file") is foreign
    with torch.device("meta"):
        ours = create(foreign.network, classes=12)
    assert fresh_weights(ours, foreign.ours(state), "file") == []
    assert list(foreign.theirs(foreign.ours(state))) == list(state)


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: foreign.peer)
def test_pixels_are_those_of_the_peers_own_preprocessing(foreign: Foreign) -> None:
    library, name = foreign.peer.split()
    pixels = foreign.pixels
    if library == "timm":
        config = resolve_model_data_config(empty_peer(foreign.peer, 4))
        resize, crop = create_transform(**config).transforms[:2]
        found, mean, std = (resize.size, *crop.size), config["mean"], config["std"]
        assert found == (pixels.size, pixels.crop, pixels.crop)
    else:
        preset = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
        assert (*preset.resize_size, *preset.crop_size) == (pixels.size, pixels.crop)
        turned = name in (
            "googlenet",
            "inception_v3",
        )  # inside, to the range of -1 to 1: see the logits below
        mean, std = ((0.5,) * 3, (0.5,) * 3) if turned else (preset.mean, preset.std)
    assert pixels.mean == pytest.approx([255 * value for value in mean])
    assert pixels.divisor == pytest.approx([255 * value for value in std])


@pytest.mark.parametrize(
    ("peer", "option"), [("torchvision googlenet", "side_heads"), ("torchvision inception_v3", "side_head")]
)
def test_side_heads_come_and_go(peer: str, option: str, tmp_path: Path) -> None:
    foreign, file = BY_PEER[peer], tmp_path / "weights.safetensors"
    state = peer_of(peer).state_dict()
    with torch.device("meta"):
        sides, other = create(foreign.network, classes=4), create(foreign.network, classes=9)
        plain = create(foreign.network, classes=4, **{option: False})
    assert fresh_weights(sides, foreign.ours(state), "file") == []
    assert fresh_weights(plain, foreign.ours(state), "file") == []  # a network without them leaves them out
    fresh = fresh_weights(other, foreign.ours(state), "file")
    assert fresh == [name for name, value in other.state_dict().items() if value.shape[:1] == (9,)]
    assert len(fresh) == 2 * (1 + sum(name.startswith("side") for name, _ in other.named_children()))

    save_file({name: value for name, value in state.items() if not name.lower().startswith("aux")}, file)
    assert start_of(file).recipe(recipe_for(foreign)).options == {option: False}
    assert fresh_weights(plain, read(file).tensors, "file") == []


# the same logits


@pytest.mark.parametrize(
    ("peer", "ending"),
    [
        ("torchvision googlenet", "safetensors"),
        ("torchvision resnet18", "pt"),
        ("torchvision resnet50", "bin"),
    ],
)
def test_a_run_of_the_file_gives_the_peers_logits(
    peer: str, ending: str, packed: Path, tmp_path: Path
) -> None:
    theirs, file, out = peer_of(peer), tmp_path / f"weights.{ending}", tmp_path / "run"
    if ending == "safetensors":
        save_file(theirs.state_dict(), file)
    else:
        torch.save(theirs.state_dict(), file)
    result = alexnet.train(recipe_for(BY_PEER[peer]), packed, out, init=file)
    assert (result.epochs, result.steps, result.top1_error) == (0, 0, None)

    run, split = open_run(out), open_packed(packed).split("val")
    assert run.init is not None
    assert run.init["weights"] == peer
    edge = (SIZE - CROP) // 2
    views = torch.from_numpy(np.array(split.images)[:, edge : edge + CROP, edge : edge + CROP])
    with torch.inference_mode():
        logits = theirs(normalised(peer, views))
        assert_close(run.network()(run.preprocessing(views)), logits)
    wrong = logits.argmax(1) != torch.tensor(split.labels)
    assert alexnet.evaluate(out).top1_error == pytest.approx(100 * wrong.float().mean().item())


def vgg11_bn() -> nn.Module:
    network = empty_peer("torchvision vgg11_bn", 4)
    for layer in (network.classifier[0], network.classifier[3]):  # one row for all spares half a gigabyte
        layer.weight = nn.Parameter(torch.randn(1, layer.in_features).mul(0.01).expand_as(layer.weight))
        layer.bias = nn.Parameter(torch.randn(4096))
    for part in (network.features, network.classifier[6]):
        randomised(part.to_empty(device="cpu"))
    return network.eval()


@pytest.mark.parametrize(
    "peer",
    [
        "torchvision alexnet",
        "torchvision vgg11_bn",
        "torchvision inception_v3",
        "timm inception_v4",
        "timm inception_resnet_v2",
    ],
)
def test_the_tensors_of_the_file_give_the_peers_logits(peer: str, tmp_path: Path) -> None:
    theirs, file = vgg11_bn() if "vgg" in peer else peer_of(peer), tmp_path / "weights.pth"
    torch.save(theirs.state_dict(), file)
    weights = read(file)
    with torch.device("meta"):  # their first weights take seconds to draw
        ours = create(weights.foreign.network, classes=4)
    assert fresh_weights(ours, weights.tensors, "file") == []
    ours.load_state_dict(weights.tensors, assign=True)
    views = torch.randint(0, 256, (2, CROP, CROP, 3), dtype=torch.uint8)
    blank = torch.zeros(3, 1, 1)
    preprocessing = start_of(file).preprocessing(Preprocessing(SIZE, "crop", CROP, 3, blank, blank))
    with torch.inference_mode():
        assert_close(ours.eval()(preprocessing(views)), theirs(normalised(peer, views)))
