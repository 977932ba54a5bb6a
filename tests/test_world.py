"""How ranks with graphics cards meet, as far as a machine without any can tell by what torch is asked for."""

import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import device_mesh

from alexnet.networks import create, cross_entropy
from alexnet.parallel import World, joined, world
from alexnet.problem import Problem, UsageProblem
from alexnet.recipe import Recipe
from alexnet.training.batch_norm import SharedBatchNorm, synchronise
from alexnet.training.gradients import backward_of
from alexnet.training.held import held_whole
from alexnet.verbs import devices

WORLD = importlib.import_module("alexnet.parallel.world")  # the package has a function of that name
CARD = torch.device("cuda", 1)
RANK = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1"}


class Calls(dict[str, list[Any]]):
    """What was asked of torch, by the name of the call."""

    def noting(self, name: str, answer: Any = None) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.setdefault(name, []).append((arguments, named))
            return answer

        return call


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """A machine with two cards, of which this is the second rank; nothing meets anybody."""
    for name, value in RANK.items():
        monkeypatch.setenv(name, value)
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setattr(WORLD, "_meeting_place", lambda: store)
    monkeypatch.setattr(WORLD, "await_all", lambda *_: None)
    calls = Calls()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", calls.noting("set_device"))
    monkeypatch.setattr(dist, "init_process_group", calls.noting("init_process_group"))
    monkeypatch.setattr(dist, "new_group", calls.noting("new_group", "a group"))
    monkeypatch.setattr(device_mesh.DeviceMesh, "from_group", calls.noting("from_group", "a mesh"))
    yield calls
    assert world().mesh is None  # left however it was left


def test_cards_talk_over_nccl_and_processors_over_gloo(calls: Calls) -> None:
    with joined(2, device=torch.device("cuda")) as here:
        assert (here.device, here.rank, here.share, here.column) == (CARD, 3, 1, 1)
    assert calls["set_device"] == [((CARD,), {})]
    ((backend,), named) = calls["init_process_group"][0]
    assert backend == "cpu:gloo,cuda:nccl"
    assert (named["rank"], named["world_size"]) == (3, 4)
    groups = [(ranks, named["backend"]) for (ranks,), named in calls["new_group"]]
    # of columns and of shares as the whole, and one for words and waiting
    shares, columns = [([0, 2], None), ([1, 3], None)], [([0, 1], None), ([2, 3], None)]
    assert groups == [*shares, *columns, ([0, 1, 2, 3], "gloo")]
    ((_, kind), _) = calls["from_group"][0]
    assert kind == "cuda"


def test_processors_talk_over_gloo_alone(calls: Calls) -> None:
    with joined(device=torch.device("cpu")) as here:
        assert here.device == torch.device("cpu")
    assert calls["init_process_group"][0][0] == ("gloo",)
    assert "set_device" not in calls


def test_a_machine_with_fewer_cards_than_ranks_is_refused(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(UsageProblem, match=r"2 ranks on a machine with 1 graphics cards; start one a card"),
        joined(device=torch.device("cuda")),
    ):
        pass
    assert "init_process_group" not in calls


def test_ranks_that_cannot_meet_are_told(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("Connection refused\n at TCPStore.cpp:7")

    monkeypatch.setattr(dist, "init_process_group", refused)
    monkeypatch.setattr(WORLD, "lost", lambda *_: "rank 2 ended, or hangs")
    said = r"^rank 3 of 4 could not meet the others: rank 2 ended, or hangs \(Connection refused\)$"
    with pytest.raises(Problem, match=said), joined():
        pass


def test_auto_is_the_card_of_this_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in RANK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        devices.torch, "empty", lambda _, device: SimpleNamespace(device=torch.device(device))
    )
    assert devices.device_of("auto") == devices.device_of("cuda") == CARD
    assert devices.device_of("cpu") == torch.device("cpu")


def test_norms_of_all_shares_are_torchs_own_on_cards() -> None:
    group: Any = object()
    mesh: Any = SimpleNamespace(get_group=lambda name: group if name == "data" else None)

    def norms() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))

    on_cards = synchronise(norms(), World(1, 2, 1, device=CARD, mesh=mesh))
    assert isinstance(on_cards.get_submodule("1"), nn.SyncBatchNorm)
    assert on_cards.get_submodule("1").process_group is group
    on_processors = synchronise(norms(), World(1, 2, 1, mesh=mesh))
    assert isinstance(on_processors.get_submodule("1"), SharedBatchNorm)
    assert on_processors.get_submodule("1").group is group


def test_gradients_go_over_the_group_of_shares_on_the_networks_own_card(
    monkeypatch: pytest.MonkeyPatch, small: Recipe
) -> None:
    calls, group = Calls(), object()
    made = SimpleNamespace(register_comm_hook=calls.noting("hook"))
    wrapper = calls.noting("wrapped", made)
    wrapper._set_params_and_buffers_to_ignore_for_model = lambda *_: None
    monkeypatch.setattr("alexnet.training.gradients.DistributedDataParallel", wrapper)
    mesh: Any = SimpleNamespace(get_group=lambda name: group if name == "data" else None)
    network = create("lenet", classes=10, channels=1, image=12)
    backward_of(held_whole(network), cross_entropy, small, 64, World(1, 2, 1, device=CARD, mesh=mesh))
    ((learned,), named) = calls["wrapped"][0]
    assert learned.network is network
    assert named["process_group"] is group
    assert "device_ids" not in named  # torch's way for a network that lies on one card already
    assert calls["hook"][0][0][0] is group
