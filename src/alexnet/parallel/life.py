"""Signs of life: every rank counts up in torchrun's store, so that the others can tell who is lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

BEAT = 1.0  # seconds between two signs of life
LOST = "lost"  # key of the first word about it
SILENCE = 4.0  # seconds without one after which a rank counts as lost


@contextmanager
def signs_of_life(store: "Store | None", rank: int) -> Iterator[None]:
    """Count up in the store, from a thread, as long as this process runs."""
    assert store is not None
    own, ended = store.clone(), threading.Event()

    def live() -> None:
        beats = 0
        while not ended.is_set():
            try:
                own.set(f"life/{rank}", str(beats))
            except RuntimeError:
                return  # the store is gone, and the job with it
            beats += 1
            ended.wait(BEAT)

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def lost(store: "Store | None", ranks: int) -> str:
    """Which of `ranks` give no sign of life for a while, in words; the first to find out tells the others."""
    assert store is not None
    own = store.clone()
    own.set_timeout(timedelta(seconds=SILENCE))
    try:
        told = own.check([LOST])
        return tell(own, "" if told else _silent(own, ranks))
    except RuntimeError:
        return "the machine of the first rank does not answer"


def tell(store: "Store", lost: str) -> str:
    """Leave word of who is lost, unless another rank has; returns the word that stands."""
    return bytes(store.compare_set(LOST, "", lost)).decode()


def _silent(store: "Store", ranks: int) -> str:
    before = [store.get(f"life/{rank}") for rank in range(ranks)]
    threading.Event().wait(SILENCE)
    silent = [str(rank) for rank, beat in enumerate(before) if store.get(f"life/{rank}") == beat]
    if not silent:
        return "all ranks live, but one is late"
    return f"rank {' and '.join(silent)} ended, or hangs"
