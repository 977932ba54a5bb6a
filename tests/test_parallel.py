"""What holds of ranks without a second process; test_ranks.py and test_columns.py start some."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from alexnet.batches.loader import TrainingLoader, evaluation_batches
from alexnet.batches.order import evaluation_spans, places
from alexnet.batches.preprocessing import preprocessing_of
from alexnet.batches.views import evaluation_views
from alexnet.dataset.packed import open_packed
from alexnet.ingredients import Mix
from alexnet.networks import create, cross_entropy
from alexnet.networks.layers import PaperDropout
from alexnet.parallel import (
    World,
    anywhere,
    from_all,
    from_first,
    gathered,
    joined,
    meet,
    part,
    summed,
    world,
)
from alexnet.problem import UsageProblem
from alexnet.recipe import Recipe
from alexnet.training.gradients import Whole, backward_of
from alexnet.training.held import held_whole
from alexnet.training.masks import Rows, draw_whole_masks
from alexnet.verbs.ranks import Layout, share_of

ROOT = Path(__file__).parents[1]
COUNTS, SHARES = st.integers(0, 300), st.integers(1, 9)


def test_one_process_is_a_world_without_torch_distributed() -> None:
    with joined() as here:
        assert (here.rank, here.ranks, here.share, here.shares, here.is_first) == (0, 1, 0, 1, True)
        assert not torch.distributed.is_initialized()
        rows = torch.arange(3)
        assert summed(rows, here, what="") is rows
        assert gathered(rows, here, what="") is rows
        assert from_first({"a": 1}, here, what="") == {"a": 1}
        assert from_all(1, here, what="") == [1]
        assert anywhere(True, here, what="")
        meet(here, what="")


def test_ranks_lie_in_a_grid_columns_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = [(World(rank, 6, columns=2).share, World(rank, 6, columns=2).column) for rank in range(6)]
    assert grid == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    for name, value in {"RANK": "5", "WORLD_SIZE": "6", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert (world().rank, world().ranks, world().local_rank) == (5, 6, 1)
    with pytest.raises(UsageProblem, match="6 ranks do not divide into 4 columns"), joined(4):
        pass


@given(COUNTS, SHARES)
def test_parts_are_everything_once_and_even(count: int, shares: int) -> None:
    parts = [range(count)[part(count, share, shares)] for share in range(shares)]
    assert [one for piece in parts for one in piece] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(COUNTS, SHARES, st.booleans())
def test_places_are_everything_once_and_pairs_stay_together(count: int, shares: int, paired: bool) -> None:
    each = [places(count, share, shares, paired=paired) for share in range(shares)]
    assert sorted(np.concatenate(each).tolist()) == list(range(count))
    if paired:
        assert all((mine + mine[::-1] == count - 1).all() for mine in each)


@given(st.integers(1, 300), st.integers(1, 40), SHARES)
def test_every_share_of_an_evaluation_has_as_many_batches(images: int, batch: int, of: int) -> None:
    spans = [evaluation_spans(images, batch, share, of) for share in range(of)]
    assert len({len(each) for each in spans}) == 1
    assert all(0 <= one.stop - one.start <= batch for each in spans for one in each)
    lengths = [sum(one.stop - one.start for one in each) for each in spans]
    assert lengths == [len(range(images)[part(images, share, of)]) for share in range(of)]
    if images >= of and batch > 1:
        assert all(one.stop > one.start for each in spans for one in each)  # a network can take each


@pytest.mark.parametrize("fields", [{}, {"mix": Mix(mixup=0.2)}, {"images_per_draw": 4}])
@pytest.mark.parametrize("ranks", [2, 4])
def test_shares_of_a_batch_are_the_batch(
    digits: Path, small: Recipe, ranks: int, fields: dict[str, object]
) -> None:
    recipe = small.model_copy(update={"batch": 63, **fields})
    packed = open_packed(digits)
    split, statistics = packed.split("train"), packed.statistics
    preprocessing = preprocessing_of(recipe, statistics, packed.size, packed.fit)

    def loader(share: int, shares: int) -> TrainingLoader:
        return TrainingLoader(split, recipe, preprocessing, statistics, workers=0, share=(share, shares))

    whole = next(iter(loader(0, 1)(3, 5)))
    for share in range(ranks):
        load = loader(share, ranks)
        images, labels = next(iter(load(3, 5)))
        assert (load.batch, load.steps) == (63, 22)
        assert torch.equal(images, whole.images[load.mine])
        assert torch.equal(labels, whole.labels[load.mine])


def test_shares_of_a_split_are_the_split(digits: Path, small: Recipe) -> None:
    packed = open_packed(digits)
    preprocessing = preprocessing_of(small, packed.statistics, packed.size, packed.fit)
    (view,) = evaluation_views("center", 12, 12)
    split = packed.split("val")
    whole = torch.cat([one.clone() for one in evaluation_batches(split, preprocessing, view, batch=50)])
    for ranks in (2, 3, 400):  # 359 images: not divisible, and more ranks than images
        parts = [
            one.clone()
            for share in range(ranks)
            for one in evaluation_batches(split, preprocessing, view, batch=50, share=(share, ranks))
        ]
        assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("drop", [nn.Dropout(0.3), nn.Dropout2d(0.5), PaperDropout(0.5)])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_a_share_is_dropped_as_in_the_whole(drop: nn.Module, order: torch.memory_format) -> None:
    maps = torch.randn(7, 5, 4, 4).to(memory_format=order)
    torch.manual_seed(4)
    whole = drop(maps)
    mine = torch.tensor([1, 2, 5])
    network, rows = nn.Sequential(drop), Rows(7, mine)
    draw_whole_masks(network, rows)
    torch.manual_seed(4)
    assert torch.equal(network(maps[mine].contiguous(memory_format=order)), whole[mine])
    network.eval()
    assert torch.equal(network(maps), drop.eval()(maps))
    drop.train()


def test_a_batch_in_parts_has_the_gradients_of_the_whole(small: Recipe) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(11, 3, 28, 28, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 10, (11,), generator=generator)

    def gradients(parts: int) -> tuple[float, list[torch.Tensor]]:
        network = create("alexnet-32", classes=10, channels=3, seed=1).double().train()
        recipe = small.model_copy(update={"accumulate": parts})
        backward = backward_of(held_whole(network), cross_entropy, recipe, 11, World())
        assert isinstance(backward, Whole) == (parts == 1)
        torch.manual_seed(9)
        value = backward(images, labels)
        return float(value), [weight.grad for weight in network.parameters() if weight.grad is not None]

    loss, whole = gradients(1)
    for parts in (2, 4, 11):
        value, added = gradients(parts)
        assert value == pytest.approx(loss, rel=1e-12)
        assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-14) for a, b in zip(added, whole, strict=True))


def test_a_batch_too_small_for_the_ranks_is_refused_before_anyone_waits(small: Recipe) -> None:
    network, recipe = nn.Linear(2, 2), small.model_copy(update={"accumulate": 2})
    with pytest.raises(UsageProblem, match="a batch of 7 images does not go round: 4 shares in 2 parts;"):
        backward_of(held_whole(network), cross_entropy, recipe, 7, World(ranks=4))


@pytest.mark.parametrize(
    ("layout", "ranks", "said"),
    [
        (Layout(shard=True), 1, "start several with torchrun"),
        (Layout(2, shard=True), 2, "take one of them"),
        (Layout(2, "owt"), 4, "takes all 4 ranks as columns"),
        (Layout(2, "owt"), 2, "one of 63 does not go into 2"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(small: Recipe, layout: Layout, ranks: int, said: str) -> None:
    recipe = small.model_copy(update={"batch": 63})
    with pytest.raises(UsageProblem, match=said):
        layout.check(recipe, World(ranks=ranks, columns=layout.columns))


def test_a_time_is_not_tried_out_on_what_does_not_fit(small: Recipe) -> None:
    with pytest.raises(UsageProblem, match="--time tries the whole network on each device first"):
        Layout(shard=True).check(small.model_copy(update={"seconds": 60.0}), World(ranks=2))


def test_owt_ranks_are_columns_and_shares_at_once(small: Recipe) -> None:
    here = Layout(2, "owt").check(small, World(1, 2, columns=2))
    assert (here.share, here.shares, here.column) == (1, 2, 1)
    assert share_of(100, here) == (0, 1)  # each answers for all images
    assert share_of(100, World(1, 2)) == (1, 2)
    assert share_of(1, World(1, 2)) == (0, 1)


def test_the_page_of_scaling_is_made_from_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    scaling = __import__("write_scaling")
    page = (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
    assert page == scaling.written(page, scaling.rows()), "run python docs/write_scaling.py"
    assert "write_scaling" in sys.modules


def test_the_model_of_a_step_knows_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    scaling = __import__("write_scaling")
    network = {"multiply_adds": 1e9, "parameters": 1e6}
    machines = scaling.Machines(flops=6e12, inside=8e6, between=4e6, pictures=100, cores=1)
    one, two, many = (scaling.step(network, 1000, cards, machines) for cards in (1, 2, 16))
    assert (one.compute, one.pictures, one.sums) == (1.0, 10.0, 0.0)
    assert (two.compute, two.pictures, two.sums) == (0.5, 5.0, 0.5)
    assert many.sums == pytest.approx(2 * 15 / 16)
    assert (two.least, two.most) == (5.0, 5.5)
