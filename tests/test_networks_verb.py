"""`alexnet networks`: depth, memory and printed errors of the zoo, parts by name, some side by side."""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from write_golden import golden_totals

from alexnet import cli
from alexnet.cli import zoo as shown
from alexnet.networks import NETWORKS, Entry
from alexnet.networks.parts import find, plain
from alexnet.networks.published import PUBLISHED, Published, published
from alexnet.networks.sizes import FIGURES, aligned, layer_rows, row
from alexnet.networks.summary import kept_bytes, summarise, total
from alexnet.networks.tracing import trace
from alexnet.networks.undrawn import on_paper
from alexnet.verbs import zoo
from alexnet.verbs.networks import counted, networks

DOCS = Path(__file__).parents[1] / "docs"

# as their papers count: [P] "eight learned layers"; "22 layers"; the numbers in the others' names
DEPTHS = {
    "lenet-1998": 7, "lenet": 5, "alexnet": 8, "alexnet-2012": 8, "alexnet-2012-nolinks": 8, "caffenet": 8,
    "alexnet-2012-conv6": 9, "nin": 12, "nin-cifar": 9, "vgg11": 11, "vgg13": 13, "vgg16": 16, "vgg19": 19,
    "vgg11-lrn": 11, "vgg16-1x1": 16, "vgg16-bn": 16, "googlenet": 22, "googlenet-torchvision": 22,
    "bn-inception": 34, "inception-v3": 48, "inception-v4": 76, "inception-resnet-v2": 176,
    "convnet-conv-local-13pct": 5, "resnet50-v1.5": 50, "resnet152-v2": 152,
    **{f"resnet{depth}": depth for depth in (18, 34, 50, 101, 152, 20, 32, 44, 56, 110, 1202)},
    **{f"plain{depth}": depth for depth in (18, 34, 20, 110)},
    **{f"resnet{depth}-v2": depth for depth in (18, 110, 164, 1001)},
}  # fmt: skip
QUICK = ("lenet-1998", "lenet", "alexnet", "vgg16", "googlenet", "resnet18", "plain34", "bn-inception-64")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*words: object, width: int = 80) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["alexnet", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture(scope="module")
def kept() -> dict[str, dict]:
    rows = {row["name"]: row for row in zoo.kept()}
    assert rows, "the networks' files have changed since they were counted: run `make zoo`"
    return rows


def test_what_is_kept_is_of_all_networks_and_agrees_with_their_golden_files(kept):
    assert list(kept) == list(NETWORKS)
    for name, known in NETWORKS.items():
        told = kept[name]
        assert (told["parameters"], told["multiply_adds"]) == golden_totals(name), name
        assert (told["year"], tuple(told["input"]), told["classes"]) == (
            known.year,
            known.input,
            known.classes,
        )
        assert told["published"] == [asdict(one) for one in published(name)]


@pytest.mark.parametrize("name", QUICK)
def test_what_is_kept_is_what_is_counted(kept, name):
    assert row(find(name)) == kept[name]


@pytest.mark.slow
def test_all_that_is_kept_is_what_is_counted(kept):
    assert counted() == list(kept.values())


def test_what_is_kept_of_other_sources_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "FILE", tmp_path / "zoo.json")
    assert zoo.kept() == []
    zoo.keep([{"name": "lenet"}, {"name": "alexnet"}])
    assert zoo.kept() == [{"name": "lenet"}, {"name": "alexnet"}]
    monkeypatch.setattr(zoo, "sources", lambda: "others")
    assert zoo.kept() == []


def test_depth_is_as_papers_count(kept):
    assert {name: kept[name]["depth"] for name in DEPTHS} == DEPTHS


class Forked(nn.Module):
    """A long branch that is thrown away, a short one twice, and a sum with the input."""

    def __init__(self) -> None:
        super().__init__()
        self.once, self.lost = nn.Conv2d(2, 2, 1), nn.Sequential(*[nn.Conv2d(2, 2, 1) for _ in range(5)])

    def forward(self, maps: Tensor) -> Tensor:
        self.lost(maps)
        return torch.cat([self.once(self.once(maps)) + maps, maps * 2], dim=1)


def test_depth_follows_the_tensors_and_not_the_order_of_layers():
    with on_paper():
        network = nn.Sequential(nn.BatchNorm2d(2), Forked(), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    depths = {one.name: one.depth for one in trace(network, (2, 3, 3))}
    assert depths["0"] == 0
    assert depths["1.lost"] == 5
    assert depths["1"] == depths["2"] == depths["3"] == 2
    assert depths[""] == 3


def test_nothing_is_drawn_on_paper_and_counts_stay():
    before = torch.get_rng_state()
    with on_paper():
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}
    built = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    assert total(summarise(network, (3, 4, 4))) == total(summarise(built, (3, 4, 4)))


def test_what_training_keeps_by_hand():
    with on_paper():
        network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    image, maps, places = 36, 2 * 36, 2 * 9  # the image; ReLU's outputs, which the pool reads too; maxima
    assert kept_bytes(network, (1, 6, 6)) == 4 * (image + maps) + 8 * places
    assert network.training


def test_printed_errors_are_of_networks_there_are_and_possible():
    assert PUBLISHED.keys() <= NETWORKS.keys()
    for name, figures in PUBLISHED.items():
        assert figures, name
        for one in figures:
            errors = [error for error in (one.top5, one.top1) if error is not None]
            assert errors, name
            assert errors == sorted(errors), name  # top-5 is never the larger
            assert all(0 < error < 100 for error in errors), name
            assert all((one.data, one.views, one.source)), name


def test_printed_errors_here_and_there():
    assert published("alexnet")[0] == Published(40.7, 18.2, "10", "2012 paper, table 2", "ILSVRC-2012 val")
    assert (published("resnet50")[0].top1, published("resnet50")[1].top5) == (24.7, 6.71)
    assert [one.top5 for one in published("googlenet")[:3]] == [10.07, 7.89, 6.67]
    assert published("resnet1001-v2")[0].top1 == 4.62
    assert published("resnet101-v1.5")[1].top1 == pytest.approx(100 - 81.886)
    assert published("alexnet-64") == ()


def test_the_zoo_as_json_has_its_keys(call, kept):
    code, out, err = call("networks", "--json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    assert rows == list(kept.values())
    for one in rows:
        assert one.keys() >= {
            "name", "year", "parameters", "multiply_adds", "input", "classes", "depth", "activation_bytes",
            "kept_bytes", "published",
        }  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 130, 140, 200])
def test_the_zoo_fits_the_terminal_and_loses_nothing(call, kept, width):
    code, out, _ = call("networks", width=width)
    lines = out.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= width
    assert "…" not in out
    (alexnet,) = [line for line in lines if line.startswith("alexnet ")]
    assert ("724,406,816" if width >= 140 else "724 M") in alexnet
    assert " 40.7 " in alexnet
    assert ("ILSVRC-2012 val" in alexnet) == (width >= 130)
    (none,) = [line for line in lines if line.startswith("nin-d2l")]
    assert none.split().count("–") == 2
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in kept)


def test_shares_of_one_network_add_up():
    document = networks("alexnet")
    shares = {layer["name"]: layer["share"] for layer in document["layers"]}
    assert shares["conv3"]["parameters"] == pytest.approx(0.0145, abs=5e-5)  # not "at most 1 %"
    assert shares["fc6"]["parameters"] == pytest.approx(37_752_832 / 60_965_224)
    for what in ("parameters", "multiply_adds"):
        assert sum(share[what] for share in shares.values()) == pytest.approx(1)


def test_one_network_says_what_was_printed(call):
    code, out, _ = call("networks", "vgg16")
    assert code == 0
    assert "vgg16 (2014): 3 × 224 × 224 → 1000, 16 layers deep" in out
    assert "138,357,544" in out
    assert "torchvision, weights V1" in out
    assert max(map(len, out.splitlines())) <= 80


def test_alexnet_beside_lenet():
    document = networks("alexnet", against=["lenet"])
    (other,) = document["against"]
    assert other["ratio"].keys() == set(FIGURES)
    assert other["ratio"]["parameters"] == pytest.approx(60_965_224 / 61_706)  # 988 times
    assert round(other["ratio"]["multiply_adds"]) == 1739
    pairs = [tuple(one and one["name"] for one in line) for line in document["aligned"]]
    assert pairs == [
        ("conv1", "conv1"), ("conv2", "conv3"), ("conv3", None), ("conv4", None), ("conv5", None),
        ("fc6", "fc5"), ("fc7", "fc6"), ("fc8", "fc7"),
    ]  # fmt: skip


def test_an_inception_block_beside_plain_convolutions():
    block = networks("googlenet.inception3a", against=["3x3", "5x5"])
    weights = [one["weights"] for one in (block, *block["against"])]
    assert weights == [163_328, 442_368, 1_228_800]
    millions = [round(one["multiply_adds"] / 1e6, 1) for one in (block, *block["against"])]
    assert millions == [128.0, 346.8, 963.4]
    assert [one["name"] for one in block["against"]] == ["3x3", "5x5"]
    assert all(one["input"] == [192, 28, 28] for one in (block, *block["against"]))
    assert all(one["output"] == [256, 28, 28] for one in (block, *block["against"]))


def test_first_dense_layers():
    first = networks("lenet.fc5", against=["alexnet.fc6", "vgg16.fc6"])
    assert [one["weights"] for one in (first, *first["against"])] == [48_000, 37_748_736, 102_760_448]
    assert [one["input"] for one in (first, *first["against"])] == [[400], [9216], [25088]]
    assert [one["name"] for one in first["aligned"][0]] == ["fc5", "fc6", "fc6"]


def test_a_reduction_beside_a_strided_convolution():
    part = plain(find("bn-inception.inception3c"), 3)
    assert (part.module.stride, part.output) == ((2, 2), (576, 14, 14))
    part = plain(find("inception-v4.reduction_a"), 3)
    assert (part.module.stride, part.module.padding, part.output) == ((2, 2), (0, 0), (1024, 17, 17))
    assert row(part)["output"] == list(summarise(part.module, part.input)[-1].output)


def test_deep_networks_are_aligned_by_blocks():
    lines = aligned([find("resnet50"), find("lenet")])
    assert [line[0]["name"] for line in lines if line[0]] == [
        "conv1",
        "conv2",
        "conv3",
        "conv4",
        "conv5",
        "fc",
    ]
    assert lines[-1][1]["name"] == "fc7"


def test_a_part_that_is_one_layer_has_its_name():
    assert [one["name"] for one in layer_rows(find("vgg16.conv1_1"))] == ["conv1_1"]


def test_classes_hold_for_all(call):
    document = networks("alexnet", classes=10, against=["vgg16"])
    assert document["classes"] == document["against"][0]["classes"] == 10
    assert document["layers"][-1]["parameters"] == 4096 * 10 + 10


@pytest.mark.parametrize("width", [80, 120])
def test_sides_fit_the_terminal(call, width):
    for words in (("alexnet", "lenet"), ("googlenet.inception3a", "3x3", "5x5")):
        code, out, _ = call(
            "networks", words[0], *(w for o in words[1:] for w in ("--against", o)), width=width
        )
        assert code == 0
        assert "…" not in out
        assert max(map(len, out.splitlines())) <= width
        assert "ratio" in out
    assert "1,228,800" in out
    assert "× 0.369" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["alexnett"], "did you mean 'alexnet'"),
        (["alexnet.fc66"], "alexnet has no part 'fc66'; did you mean 'fc6'? its parts are edge, conv1"),
        (["alexnet.fc6.weight"], "alexnet.fc6 has no part 'weight'; it is one layer"),
        (["googlenet.side4a"], "takes no part in evaluation"),
        (["vgg16", "--against", "3x3"], "name a block, such as googlenet.inception3a"),
        (["googlenet.inception3a", "--against", "4x4"], "no 4x4 convolution makes [28, 28] pixels"),
        (["googlenet.inception3a", "--against", "3x5"], "no network named '3x5'"),
        (["--against", "lenet"], "alexnet networks alexnet --against lenet"),
    ],
)
def test_what_is_at_fault_is_said_in_one_line(call, words, said):
    code, out, err = call("networks", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_documented_network_needs_one_file_and_one_line(monkeypatch):
    text = (DOCS / "networks.md").read_text(encoding="utf-8")
    file, line = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    tiny = ModuleType("tiny")
    exec(file, tiny.__dict__)
    ((name, entry),) = eval(f"{{{line}}}", {"tiny": tiny, "Entry": Entry}).items()
    monkeypatch.setitem(NETWORKS, name, entry)
    document = networks(name)
    assert document["output"] == [10]
    assert [layer["output"] for layer in document["layers"]] == [[8, 14, 14], [8, 14, 14], [1568], [10]]


def test_the_page_is_of_these_networks(kept, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    page = __import__("write_networks").page
    text = (DOCS / "networks.md").read_text(encoding="utf-8")
    assert page(text) == text, "run `make zoo`"


def test_ratios_of_nothing_are_a_dash(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    shown.beside(networks("alexnet.conv1", against=["alexnet.relu1"]))
    assert re.search(r"multiply-adds +105,415,200 +0 +–", capsys.readouterr().out)
