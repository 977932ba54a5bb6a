"""Every network of the zoo can be looked into: colour and grey, two classes and a thousand.

Each runs small, as in test_networks.py; one that joins `NETWORKS` is tested here without a further word.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_networks import LARGE, SMALL, with_statistics

import alexnet
from alexnet.batches.preprocessing import Preprocessing
from alexnet.dataset.packed import open_packed
from alexnet.networks import NETWORKS, create
from alexnet.probing.features import features
from alexnet.probing.gradients import gradient_norms
from alexnet.probing.kernels import kernels_of
from alexnet.probing.receptive import receptive_field
from alexnet.probing.saliency import gradcam, last_maps, occlusion, saliency
from alexnet.recipe import Recipe
from alexnet.run import Run, create_run
from alexnet.verbs.prepare import prepare
from alexnet.verbs.probe import PROBES, Choice
from alexnet.verbs.report import report

FAMILIES = ("lenet", "convnet-18pct", "alexnet-2012-32", "nin-32", "vgg-32", "resnet20", "airbench94")
NAMES = [pytest.param(name, marks=[] if name in FAMILIES else pytest.mark.slow) for name in NETWORKS]
VAL = Choice("val", 2)


def small_of(name: str) -> tuple[int, dict]:
    """Pixels and options with which a network runs small."""
    beginnings = [beginning for beginning in SMALL if name.startswith(beginning)]
    return SMALL[max(beginnings, key=len)] if beginnings else (NETWORKS[name].input[1], {})


def built(name: str, *, classes: int, channels: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """A small network, whose norms have seen two pictures, and these."""
    side, options = small_of(name)
    torch.manual_seed(0)
    images = torch.randn(2, channels, side, side)
    return with_statistics(create(name, classes=classes, channels=channels, **options), images).eval(), images


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "classes"), [(1, 1000), (3, 2)])
def test_what_probes_measure(name: str, channels: int, classes: int) -> None:
    network, images = built(name, classes=classes, channels=channels)
    with torch.no_grad():
        logits = network(images)
        labels = logits.argmax(1)
    kernels = kernels_of(network, name)
    assert kernels.weights.shape[1] == channels
    assert (kernels.colourful is None) == (channels == 1)
    assert features(network, images, "hidden").shape[0] == 2
    heat = saliency(network, images, labels)
    assert heat.shape == (2, *images.shape[2:])
    assert torch.isfinite(heat).all()
    # nin-d2l ends in ReLUs, which may be silent as drawn: then there is no gradient, and only then
    assert bool(heat.amax() > 0) == bool(logits.any())
    layer = last_maps(network, tuple(images.shape[1:]))
    assert torch.isfinite(gradcam(network, images, labels, layer=layer)).all()
    hidden = occlusion(
        network, images[:1], int(labels[0]), patch=images.size(2) // 2, stride=images.size(2) // 2
    )
    assert hidden.shape == images.shape[2:]
    assert torch.isfinite(hidden).all()
    fields = receptive_field(network, tuple(images.shape[1:]), layer)
    assert all(field.size >= 1 for field in fields)
    norms = gradient_norms(network, images, labels=labels, loss=NETWORKS[name].loss)
    assert {one.name.partition(".")[0] for one in norms}
    assert all(np.isfinite([one.weight_rms, one.output_rms]).all() for one in norms)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes: discs on grey, and bands on noise."""
    root, chance = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    rows, columns = np.mgrid[:96, :96]
    for split, count in (("train", 6), ("val", 3)):
        for name in ("band", "disc"):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = 110 + chance.integers(0, 9, (96, 96, 3), np.uint8)
                middle = chance.integers(30, 66, 2)
                disc = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < 400
                pixels[disc if name == "disc" else rows // 12 % 2 == 0] = chance.integers(0, 256, 3)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def run_of(name: str, folder: Path, classes: tuple[str, ...], *, channels: int, packed: Path | None) -> Run:
    """A run of weights as they are drawn, with norms that know two pictures."""
    side, options = small_of(name)
    network, _ = built(name, classes=len(classes), channels=channels)
    recipe = Recipe(
        name=name, network=name, options=options, channels=channels, crop=side, mean="channel", divide_by=64,
        epochs=1, learning_rate=0.01,
    )  # fmt: skip
    seen = Preprocessing(
        size=side, fit="crop", crop=side, channels=channels, mean=torch.full((channels, 1, 1), 110.0),
        divisor=torch.full((channels, 1, 1), 64.0),
    )  # fmt: skip
    dataset = {
        "path": None if packed is None else str(packed),
        "fingerprint": None if packed is None else open_packed(packed).fingerprint,
    }
    run = create_run(folder, recipe, classes=classes, preprocessing=seen, dataset=dataset)
    state = {"steps": 1, "images": 8, "compute_seconds": 1.0}
    run.save(dict(network.state_dict()), {}, state, steps=1)
    lines = [
        {"epoch": 0.0, "step": 0, "gradients": {}},
        {"epoch": 1, "step": 1, "training_loss": 0.5, "validation_loss": 0.6, "top1_error": 40.0,
         "top5_error": 0.0},
    ]  # fmt: skip
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


OPTIONS = {
    "activations": {"choice": Choice("val", 1)},
    "units": {"count": 2, "unit": (0,)},
    "top5": {"choice": VAL},
    "mistake": {"choice": Choice("val", 1)},
    "saliency": {"choice": VAL},
    "gradcam": {"choice": VAL},
    "gradients": {"count": 2},
    "texture": {"grids": (2,), "count": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in LARGE])
def test_every_probe_neighbours_and_a_report_in_colour_of_two_classes(
    name: str, pictures: Path, tmp_path: Path
) -> None:
    side, _ = small_of(name)
    prepare(pictures, tmp_path / "packed", size=side)
    run = run_of(name, tmp_path / "run", ("band", "disc"), channels=3, packed=tmp_path / "packed")
    hidden = {"occlusion": {"choice": VAL, "patch": side // 2, "stride": side // 2}}
    for what in PROBES:
        found = alexnet.probe(run, what, **(OPTIONS | hidden).get(what, {}))
        assert found.words
        assert all(Path(file).stat().st_size > 0 for file in found.files)
    found = alexnet.similar(run, from_="val", k=3, sheet=tmp_path / "sheet.png")
    assert all(len(one.neighbours) == 3 for one in found)
    made = report(run.path)
    assert made.missing == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in LARGE])
def test_probes_of_pictures_in_grey_of_a_thousand_classes(name: str, pictures: Path, tmp_path: Path) -> None:
    side, _ = small_of(name)
    classes = tuple(f"class {number}" for number in range(1000))
    run = run_of(name, tmp_path / "run", classes, channels=1, packed=None)
    files = sorted((pictures / "val").glob("*/0.png"))
    assert alexnet.probe(run, "kernels").numbers["rows"][0]["column_means"] is None
    assert alexnet.probe(run, "activations", files[:1]).words
    for what in ("top5", "saliency", "gradcam"):
        assert len(alexnet.probe(run, what, files).numbers["pictures"]) == 2
    found = alexnet.probe(run, "occlusion", files, patch=side // 2, stride=side // 2)
    assert all(np.isfinite(one["most"]) for one in found.numbers["pictures"])
