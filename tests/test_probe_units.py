"""Receptive fields against NaN that spreads through the real networks; the strongest against a full sort."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.layers import LocallyConnected2d
from alexnet.networks.undrawn import on_paper
from alexnet.probing.receptive import Field, receptive_field, receptive_fields
from alexnet.probing.units import Excited, Strongest, box, patch, unit_figure
from alexnet.problem import UsageProblem


def seen_by_nan(network: nn.Module, image: tuple[int, int, int], side: int) -> dict[str, torch.Tensor]:
    """Which rows (or columns) of the image those of each layer's maps depend on: bool [pixels, places].

    A row of NaN makes NaN of every sum and maximum that it is part of. In float64, where torch computes
    convolutions as matrix products: faster ways may spread it further.
    """
    found: dict[str, torch.Tensor] = {}

    def note(name: str):
        def ran(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            if output.dim() == 4:
                found[name] = output.isnan().any(1).any(2 - side)

        return ran

    handles = [module.register_forward_hook(note(name)) for name, module in network.named_modules() if name]
    images = torch.randn(image[1 + side], *image, dtype=torch.float64)
    for pixel in range(image[1 + side]):
        images[pixel].select(1 + side, pixel).fill_(float("nan"))
    with torch.no_grad():
        network.double().eval()(images)
    for handle in handles:
        handle.remove()
    return found


SLIM = {"maps": (8, 16, 24, 24, 16), "dense": (16, 16)}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alexnet-2012-64", SLIM),
        ("alexnet-32", SLIM),
        ("lenet", {}),
        ("lenet-1998", {}),
        ("vgg-32", {}),
        ("resnet20", {}),
        ("nin-32", {}),
        ("googlenet-64", {"width": 0.25}),
        ("convnet-conv-local-13pct", {}),
    ],
)
def test_fields_are_where_nan_comes_from(name, options):
    image = (3, 32, 32) if name == "googlenet-64" else NETWORKS[name].input
    network = create(name, classes=5, channels=image[0], **options)
    fields = receptive_fields(network, image)
    for side in (0, 1):
        found = seen_by_nan(network, image, side)
        assert len(found) > 3
        for layer, seen in found.items():
            field = fields[layer][side]
            for place in range(seen.size(1)):
                first, past = field.pixels(place, seen.size(0))
                pixels = seen[:, place].nonzero()[:, 0].tolist()  # none where there are only zeros beyond
                assert (pixels[:1], pixels[-1:]) == (([first], [past - 1]) if first < past else ([], [])), (
                    layer
                )


def test_receptive_fields_are_what_the_gradient_reaches():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 5, stride=2), nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, stride=2)),
        nn.Conv2d(2, 3, 3, dilation=2), LocallyConnected2d(3, 1, kernel=2, image=7),
    ).double()  # fmt: skip
    fields = receptive_fields(network, (1, 49, 49))
    assert list(fields) == ["0", "1.0", "1.1", "1", "2", "3", ""]
    with torch.no_grad():  # every path counts
        for parameter in network.parameters():
            parameter.uniform_(0.5, 1)
    network[1][1] = nn.AvgPool2d(3, stride=2)
    image = torch.ones(1, 1, 49, 49, dtype=torch.float64, requires_grad=True)
    outputs = network(image)
    (reached,) = torch.autograd.grad(outputs[0, 0, 2, 2], image, retain_graph=True)
    (beside,) = torch.autograd.grad(outputs[0, 0, 2, 3], image)
    columns, shifted = reached[0, 0].any(0).nonzero(), beside[0, 0].any(0).nonzero()
    across = fields["3"][1]
    assert (across.size, across.step) == (
        int(columns.max() - columns.min() + 1),
        int(shifted.min() - columns.min()),
    )


def test_oblong_windows_have_a_field_for_each_side():
    network = nn.Sequential(nn.Conv2d(1, 1, (1, 7), padding=(0, 3)), nn.Conv2d(1, 1, (3, 1), dilation=2))
    rows, columns = receptive_field(network, (1, 20, 20), "1")
    assert (rows, columns) == (Field(0, 1, 5), Field(-3, 1, 7))


def test_dense_layers_see_all_and_wrong_names_are_answered_with_the_right_ones():
    network = create("lenet", classes=3, channels=1)
    last = list(receptive_fields(network, (1, 28, 28)))[-2]
    assert receptive_field(network, (1, 28, 28), last)[0] == Field(0, 0, 28)
    with pytest.raises(UsageProblem, match=r"'conv99'; there are conv1"):
        receptive_field(network, (1, 28, 28), "conv99")


@pytest.mark.parametrize(
    ("name", "layer", "size", "step"),
    [("vgg16", "pool5", 212, 32), ("bn-inception", "inception5b", 699, 32), ("resnet50", "conv5.2", 483, 32),
     ("resnet101", "conv5.2", 1027, 32), ("inception-v3", "mixed7c", 1311, 32),
     ("inception-v4", "block_c3", 2071, 32)],
)  # fmt: skip
def test_fields_are_those_that_others_computed(name, layer, size, step):
    """Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill (2019)."""
    with on_paper():
        network = create(name, classes=10)
    field = receptive_field(network, NETWORKS[name].input, layer)[0]
    assert (field.size, field.step) == (size, step)


def test_side_heads_are_not_come_by():
    network = create("googlenet-64", classes=3)
    assert not [name for name in receptive_fields(network, (3, 64, 64)) if name.startswith("side")]


def test_the_network_stays_in_its_mode():
    network = create("vgg-32", classes=3).train()
    receptive_fields(network, (3, 32, 32))
    assert all(module.training for module in network.modules())
    assert next(network.parameters()).device.type == "cpu"


@given(
    values=st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=12),
    count=st.integers(1, 5),
    batch=st.integers(1, 5),
)
def test_the_strongest_of_a_stream_are_those_of_a_full_sort(values, count, batch):
    maps = torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 2, 3)
    strongest = Strongest([0], count)
    for part in maps.split(batch):
        strongest.add(part)
    order = sorted(range(len(values)), key=lambda image: (-max(values[image]), image))[:count]
    found = strongest.found()[0]
    assert [each.image for each in found] == order
    assert [each.value for each in found] == [max(values[image]) for image in order]
    assert all(maps[each.image, 0, each.row, each.column] == each.value for each in found)


def test_what_is_held_does_not_grow_with_the_stream():
    strongest = Strongest([0, 2], 4)
    for _ in range(50):
        strongest.add(torch.randn(16, 3, 5, 5))
    assert strongest.values.shape == strongest.images.shape == strongest.places.shape == (2, 4)
    assert strongest.images_seen == 800


def test_features_of_dense_layers_have_one_place():
    strongest = Strongest([1], 2)
    strongest.add(torch.tensor([[0.0, 1.0], [0.0, 3.0], [0.0, 2.0]]))
    assert strongest.found()[1] == [Excited(1, 0, 0, 3.0), Excited(2, 0, 0, 2.0)]


def picture(side: int = 10) -> np.ndarray:
    return np.arange(side * side * 3, dtype=np.uint8).reshape(side, side, 3)


def test_a_patch_inside_is_what_the_field_says():
    fields = (Field(0, 2, 4), Field(0, 2, 4))
    found = Excited(0, 1, 2, 1.0)
    assert box(fields, found, (10, 10)) == (2, 4, 6, 8)
    np.testing.assert_array_equal(patch(picture(), fields, found), picture()[2:6, 4:8])


def test_a_patch_over_the_edge_keeps_its_size_and_its_place():
    fields = (Field(-3, 4, 6), Field(-3, 4, 6))
    cut = patch(picture(), fields, Excited(0, 0, 2, 1.0))  # rows -3..3, columns 5..11
    assert cut.shape == (6, 6, 3)
    np.testing.assert_array_equal(cut[3:, :5], picture()[:3, 5:])
    assert (cut[:3] == 225).all()
    assert (cut[:, 5:] == 225).all()


def test_a_field_larger_than_the_picture_shows_what_there_is():
    fields = (Field(-20, 4, 45), Field(-20, 4, 45))
    np.testing.assert_array_equal(patch(picture(), fields, Excited(0, 2, 2, 1.0)), picture())


def test_units_are_drawn_row_by_row(tmp_path):
    figure = unit_figure("units", [("unit 3\n2 of 3: dog", [picture()] * 3), ("unit 4", [picture()] * 2)])
    figure.savefig(tmp_path / "units.png")
    assert sum(bool(axis.images) for axis in figure.axes) == 5
