"""Signs of life: every rank counts up in torchrun's store, so that the others can tell who is lost.

The first sign is given before anything else, so that a rank without one has not come, or ended on its way.
Silence is measured in the signs of the rank that looks, not in seconds: on a machine with too much to do
both come late.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

BEAT = 1.0  # seconds between two signs of life
LOST = "lost"  # key of the first word about it
SILENCE = 4  # signs of its own that a rank gives until another without one counts as lost
LONGEST = 20.0  # seconds that it looks, at most
ANSWER = 15.0  # seconds that the store may take to answer


@contextmanager
def signs_of_life(store: "Store", rank: int) -> Iterator["Store"]:
    """Count up in the store, at once and then from a thread, as long as this process runs.

    Gives a line of its own to the store, for `lost`: once the store is gone no new one can be had.
    """
    own, words, ended = store.clone(), store.clone(), threading.Event()
    for line in (own, words):
        line.set_timeout(timedelta(seconds=ANSWER))

    def live() -> None:
        beats = 0
        with suppress(RuntimeError):  # the store is gone, and the job with it
            while not ended.wait(BEAT):
                beats += 1
                own.set(_key(rank), str(beats))

    with suppress(RuntimeError):
        own.set(_key(rank), "0")
    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        yield words
    finally:
        ended.set()
        thread.join()


def await_all(store: "Store", ranks: int, seconds: float) -> None:
    """Wait until every rank has given its first sign of life; a TimeoutError names those that have not."""
    try:
        store.wait([_key(rank) for rank in range(ranks)], timedelta(seconds=seconds))
    except RuntimeError:
        missing = [rank for rank in range(ranks) if not store.check([_key(rank)])]
        raise TimeoutError(f"{_named(missing)} did not come within {seconds:.0f} seconds") from None


def lost(store: "Store | None", rank: int, ranks: int) -> str:
    """Which of `ranks` give no sign of life for a while, in words; the first to find out tells the others.

    `rank` is the one that looks.
    """
    assert store is not None
    try:
        told = store.check([LOST])
        return tell(store, "" if told else _silent(store, rank, ranks))
    except RuntimeError:
        return "the machine of the first rank does not answer"


def tell(store: "Store", lost: str) -> str:
    """Leave word of who is lost, unless another rank has; returns the word that stands."""
    return bytes(store.compare_set(LOST, "", lost)).decode()


def _silent(store: "Store", rank: int, ranks: int) -> str:
    before, until = [_sign(store, one) for one in range(ranks)], time.monotonic() + LONGEST
    while _sign(store, rank) < before[rank] + SILENCE and time.monotonic() < until:
        time.sleep(BEAT / 4)
    silent = [one for one, sign in enumerate(before) if one != rank and _sign(store, one) == sign]
    return f"{_named(silent)} ended, or hangs" if silent else "all ranks live, but one is late"


def _sign(store: "Store", rank: int) -> int:
    """How many signs a rank has given after its first; -1 where it has given none."""
    return int(store.get(_key(rank))) if store.check([_key(rank)]) else -1


def _key(rank: int) -> str:
    return f"life/{rank}"


def _named(ranks: list[int]) -> str:
    return f"rank {' and '.join(map(str, ranks))}"
