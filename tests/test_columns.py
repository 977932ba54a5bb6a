"""A network on several ranks is the network in one process: two columns, a grid, the scheme of 2014."""

import pytest
import torch
from column_ranks import IMAGES, TINY, Case, network_of, on_ranks, trained
from torch import Tensor, nn

from alexnet.networks import NETWORKS, create
from alexnet.networks.columns import exchange
from alexnet.networks.columns.exchange import Column
from alexnet.networks.columns.products import Dense, Gathered
from alexnet.networks.columns.split import Split, parts, split
from alexnet.networks.columns.traffic import summed_bytes, traffic
from alexnet.networks.undrawn import on_paper
from alexnet.problem import UsageProblem

SMALL_VGG = {"blocks": ((1, 8), (2, 16)), "grid": 2, "hidden": 32}
CODE = Case("code", "alexnet-2012", pair=0)
FLOAT64 = {"dtype": torch.float64}
OWT = {"scheme": "owt", "shares": 2}
CASES = [
    CODE,
    Case("code-64", "alexnet-2012", pair=1, **FLOAT64),
    Case("paper", "alexnet", pair=0),  # its norms see over the border of the columns
    Case("paper-64", "alexnet", pair=1, **FLOAT64),
    Case("caffe", "caffe-alexnet", pair=0, channels_last=False),
    Case("apart-64", "alexnet-2012-nolinks", pair=1, **FLOAT64),
    Case("half-precision", "alexnet-2012", pair=0, precision="bfloat16"),
    Case("owt-vgg-64", "vgg11", pair=1, options=SMALL_VGG, side=32, **FLOAT64, **OWT),
    Case("owt-code", "alexnet-2012", pair=0, **OWT),
    Case("owt-64", "alexnet-owt", pair=1, options={}, side=64, steps=3, **FLOAT64, **OWT),
    Case("owt", "alexnet-owt", pair=0, options={}, side=64, steps=6, **OWT),
    Case("grid", "alexnet-2012", shares=2),
    Case("grid-64", "alexnet", shares=2, **FLOAT64),
    Case("four-64", "alexnet", columns=4, options=TINY | {"columns": 4}, **FLOAT64),
]
EXACT = [case for case in CASES if case.precision == "float32"]
Results = dict[str, list[dict[str, Tensor]]]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return on_ranks(CASES, tmp_path_factory.mktemp("ranks"))


def by_name(case: Case) -> str:
    return case.name


def assert_as_one_process(case: Case, ranks: list[dict[str, Tensor]]) -> None:
    """Losses, logits in evaluation, weights and momenta after the last step."""
    alone = trained(case)
    # relative to the largest number of each tensor
    close = 1e-10 if case.dtype == torch.float64 else 1e-5
    for name, expected in alone.items():
        if name != "length":
            scale = expected.abs().max()
            torch.testing.assert_close(ranks[0][name] / scale, expected / scale, rtol=0, atol=close)
    for other in ranks[1:]:
        torch.testing.assert_close(other["logits"], alone["logits"], rtol=0, atol=10 * close)
        torch.testing.assert_close(other["losses"], alone["losses"], rtol=close, atol=0)
    if case.scheme == "columns":
        torch.testing.assert_close(ranks[-1]["length"], alone["length"], rtol=10 * close, atol=0)


@pytest.mark.parametrize("case", EXACT, ids=by_name)
def test_ranks_are_one_process(ranks: Results, case: Case) -> None:
    assert_as_one_process(case, ranks[case.name])


def test_half_precision_learns_the_same_to_its_rounding(ranks: Results) -> None:
    (case,) = [case for case in CASES if case.precision == "bfloat16"]
    torch.testing.assert_close(ranks[case.name][0]["losses"], trained(case)["losses"], rtol=0.01, atol=0)


def test_other_masks_end_elsewhere(ranks: Results) -> None:
    # the comparison above can fail: without dropout the same steps end elsewhere
    alone = trained(Case("other", "alexnet-2012", options=TINY | {"dropout": 0.0}))
    assert not torch.allclose(ranks["code"][0]["fc7.weight"], alone["fc7.weight"], rtol=1e-3)


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_measured_bytes_are_the_predicted(ranks: Results, case: Case) -> None:
    first, *_ = ranks[case.name]
    batch = IMAGES // (case.shares if case.scheme == "columns" else 1)
    each = {torch.float32: 4, torch.float64: 8}[case.dtype] // (2 if case.precision == "bfloat16" else 1)
    network = network_of(case)
    shape = (3, case.side, case.side)
    learnt, seen = (
        traffic(
            case.network, network, shape, count=case.columns, batch=n, scheme=case.scheme, bytes_each=each
        )
        for n in (batch, 7)
    )
    if case.scheme == "owt":  # each rank of seven images evaluated has them all
        seen = [row for row in seen if row.layer in ("fc7", "fc8")]
        learnt = [row for row in learnt if row.layer != "convolutions"]  # torch's own sums: below
    sent = {name.removeprefix("sent/"): both.tolist() for name, both in first.items() if "sent/" in name}
    for row in seen:
        sent[row.layer][0] -= row.forward
    assert sent == {row.layer: [case.steps * row.forward, case.steps * row.backward] for row in learnt}


def test_each_rank_holds_about_half(ranks: Results) -> None:
    whole = sum(parameter.numel() for parameter in network_of(CODE).parameters())
    numbers = [int(rank["numbers"]) for rank in ranks["code"]]
    assert sum(numbers) == whole
    assert max(numbers) < 0.51 * whole


def on_one_rank(
    name: str, count: int = 2, number: int = 0, scheme: str = "columns", **options: object
) -> Split:
    with on_paper():
        network = create(name, classes=NETWORKS[name].classes, **options)
    return split(name, network, Column(number, count), scheme=scheme)  # type: ignore[arg-type]


def test_the_papers_network_parts_as_in_figure_2() -> None:
    part = on_one_rank("alexnet-2012")
    shapes = {name: tuple(tensor.shape) for name, tensor in part.network.named_parameters()}
    assert {name: shape for name, shape in shapes.items() if name.endswith("weight")} == {
        "conv1.weight": (48, 3, 11, 11),
        "conv2.weight": (128, 48, 5, 5),
        "conv3.weight": (192, 256, 3, 3),
        "conv4.weight": (192, 192, 3, 3),
        "conv5.weight": (128, 192, 3, 3),
        "fc6.weight": (2048, 9216),
        "fc7.weight": (2048, 4096),
        "fc8.weight": (500, 4096),
    }
    assert sum(tensor.numel() for tensor in part.network.parameters()) == 60_965_224 // 2


def test_the_papers_network_says_what_the_shapes_say() -> None:
    # 128 maps of 13 × 13, 128 of 6 × 6, 2048 units twice, 500 classes; batch 128, four bytes each
    with on_paper():
        network = create("alexnet-2012", classes=1000)
    rows = traffic("alexnet-2012", network, (3, 224, 224), count=2, batch=128)
    assert [(row.layer, row.forward, row.backward) for row in rows] == [
        ("conv3", 11_075_584, 11_075_584),
        ("fc6", 2_359_296, 2_359_296),
        ("fc7", 1_048_576, 1_048_576),
        ("fc8", 1_048_576, 1_048_576),
        ("logits", 256_000, 0),
    ]
    assert summed_bytes(60_965_224, 2) == 243_860_896


def test_whole_tensors_and_own_rows_are_inverse() -> None:
    case = CODE
    whole = {"fc8.weight": network_of(case).state_dict()["fc8.weight"], "count": torch.tensor(3.0)}
    whole["fc8.weight/velocity"] = whole["fc8.weight"] + 1
    own = [split(case.network, network_of(case), Column(number, 2)).own(whole) for number in range(2)]
    assert [len(each["fc8.weight"]) for each in own] == [3, 2]
    for name in ("fc8.weight", "fc8.weight/velocity"):
        assert torch.equal(torch.cat([each[name] for each in own]), whole[name])
    assert own[1]["count"] == 3


def test_evaluation_takes_dropouts_mean() -> None:
    part = split("alexnet-2012", network_of(CODE), Column(0, 2)).network.eval()
    features = torch.ones(2, 12)
    assert torch.equal(part.get_submodule("drop6")(features), features / 2)


@pytest.mark.parametrize(
    ("name", "count", "scheme", "said"),
    [
        ("vgg16", 2, "columns", "vgg16 has no columns to put on 2 ranks"),
        ("resnet50", 2, "columns", "resnet50 has no columns"),
        ("alexnet-owt", 2, "columns", "no columns"),
        ("alexnet-2012", 4, "columns", "alexnet-2012 has 2 columns, which do not part over 4 ranks"),
        ("googlenet", 2, "owt", "googlenet is not convolutions with dense layers behind them"),
        ("alexnet-owt", 3, "owt", "alexnet-owt.fc6 has 4096 units, which do not part over 3 ranks"),
        ("alexnet-owt", 2, "weird", "there is no scheme 'weird'; take columns or owt"),
    ],
)
def test_what_does_not_part_is_said_in_one_line(name: str, count: int, scheme: str, said: str) -> None:
    with pytest.raises(UsageProblem, match=said) as refused:
        on_one_rank(name, count, scheme=scheme)
    assert "\n" not in str(refused.value)


def test_an_unknown_layer_is_named() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.BatchNorm2d(4))
    with pytest.raises(UsageProblem, match=r"odd\.2, a BatchNorm2d, cannot be split over ranks"):
        split("odd", network, Column(0, 2))


class Told(Dense):
    """A dense layer that tells what it computes."""

    def __init__(self, events: list[str]) -> None:
        object.__setattr__(self, "events", events)

    def __call__(self, *values: Tensor) -> Tensor:
        self.events.append("multiply")
        return super().__call__(*values)

    def to_maps(self, *values: Tensor) -> Tensor:
        self.events.append("to maps")
        return super().to_maps(*values)

    def to_weight(self, *values: Tensor) -> Tensor:
        self.events.append("to weight")
        return super().to_weight(*values)


def test_a_layer_computes_while_its_numbers_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Under:
        def wait(self) -> None:
            events.append("wait")

    def send(received: Tensor, sent: Tensor, *_: object, **__: object) -> Under:
        events.append("send")
        received.copy_(sent)  # the other column has what this one has
        return Under()

    monkeypatch.setattr(exchange.dist, "all_to_all_single", send)
    layer = Gathered(Told(events), torch.eye(4)[:2], torch.zeros(2), column=Column(0, 2))
    features = torch.tensor([[1.0, 2.0]], requires_grad=True)
    outputs = layer(features)
    assert events == ["send", "multiply", "wait", "multiply"]
    events.clear()
    outputs.sum().backward()
    assert events == ["to maps", "send", "to maps", "to weight", "to weight", "wait"]
    assert features.grad is not None
    assert features.grad.tolist() == [[1.0, 1.0]]  # of the first half, and nothing of the second


TWO_COLUMNS = [
    name
    for name, known in NETWORKS.items()
    if name.startswith(("alexnet", "caffe"))
    and name not in ("alexnet-owt", "alexnet-d2l", "alexnet-2012-half")
]


@pytest.mark.parametrize("name", TWO_COLUMNS)
def test_every_network_of_two_columns_parts(name: str) -> None:
    halves = [on_one_rank(name, number=number) for number in range(2)]
    with on_paper():
        whole = create(name, classes=NETWORKS[name].classes)
    names = [name for name, _ in whole.named_parameters()]
    for half in halves:
        assert [name for name, _ in half.network.named_parameters()] == names
    sizes = [sum(tensor.numel() for tensor in half.network.parameters()) for half in halves]
    assert sum(sizes) == sum(tensor.numel() for tensor in whole.parameters())


def test_parts_are_even() -> None:
    assert all(
        sum(parts(units, count)) == units and max(parts(units, count)) - min(parts(units, count)) <= 1
        for units in range(1, 40)
        for count in range(1, 6)
    )
