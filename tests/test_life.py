"""Who is told to be lost; the ranks here are threads of one process, those of test_ranks.py are killed."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import torch.distributed as dist

from alexnet.parallel import life
from alexnet.parallel.life import await_all, lost, signs_of_life, tell


@pytest.fixture
def store() -> dist.TCPStore:
    return dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "BEAT", 0.05)


@pytest.fixture
def alive(store: dist.TCPStore, quick: None) -> Iterator[ExitStack]:
    """Ranks 0 and 1 of three live."""
    with ExitStack() as ranks:
        for rank in (0, 1):
            ranks.enter_context(signs_of_life(store, rank))
        yield ranks


def test_a_rank_that_died_before_its_first_sign_is_named(store: dist.TCPStore, alive: ExitStack) -> None:
    assert lost(store, 0, 3) == "rank 2 ended, or hangs"


def test_a_rank_that_gave_some_signs_is_named_as_well(store: dist.TCPStore, alive: ExitStack) -> None:
    with signs_of_life(store, 2):
        time.sleep(0.2)
    assert lost(store, 0, 4) == "rank 2 and 3 ended, or hangs"
    assert lost(store, 1, 4) == "rank 2 and 3 ended, or hangs"  # the word of the first to look


def test_where_all_live_nobody_is_named(store: dist.TCPStore, alive: ExitStack) -> None:
    assert lost(store, 1, 2) == "all ranks live, but one is late"


def test_the_first_word_stands(store: dist.TCPStore, alive: ExitStack) -> None:
    assert tell(store, "rank 1 ended (no picture)") == "rank 1 ended (no picture)"
    assert tell(store, "rank 0 ended (Connection closed)") == "rank 1 ended (no picture)"
    assert lost(store, 0, 3) == "rank 1 ended (no picture)"


def test_the_first_sign_is_there_at_once(store: dist.TCPStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "BEAT", 1000.0)
    with signs_of_life(store, 3):
        assert store.check(["life/3"])


def test_silence_is_counted_in_own_signs(
    store: dist.TCPStore, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # rank 0, which looks, gets as little of the machine as rank 1: neither gives a sign for a while
    for rank in (0, 1):
        store.set(f"life/{rank}", "0")
    found: list[str] = []
    looking = threading.Thread(target=lambda: found.append(lost(store, 0, 2)))
    looking.start()
    looking.join(life.SILENCE * life.BEAT * 3)
    assert not found
    for sign in range(1, life.SILENCE + 1):
        for rank in (1, 0):
            store.set(f"life/{rank}", str(sign))
    looking.join(20)
    assert found == ["all ranks live, but one is late"]
    monkeypatch.setattr(life, "LONGEST", 0.3)
    assert lost(store, 0, 2) == "all ranks live, but one is late"  # the word that stands


def test_a_rank_that_looks_without_signs_of_its_own_ends(
    store: dist.TCPStore, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "LONGEST", 0.3)
    assert lost(store, 0, 2) == "rank 1 ended, or hangs"


def test_a_store_that_is_gone_is_said(quick: None) -> None:
    host = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    guest = dist.TCPStore("127.0.0.1", host.port, is_master=False)
    with signs_of_life(guest, 1) as words:
        del host
        assert lost(words, 1, 2) == "the machine of the first rank does not answer"


def test_who_does_not_come_is_named(store: dist.TCPStore, alive: ExitStack) -> None:
    await_all(store, 2, seconds=5)
    with pytest.raises(TimeoutError, match=r"^rank 2 and 3 did not come within 0 seconds$"):
        await_all(store, 4, seconds=0.1)
