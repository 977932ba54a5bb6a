"""Ctrl-C as a wish to stop at the next safe place."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from alexnet.parallel import world


@contextmanager
def stop_wished() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C (or SIGTERM) came; a second Ctrl-C interrupts at once."""
    wished = threading.Event()

    def wish(number: int, _frame: FrameType | None) -> None:
        # torchrun passes on to its ranks what the terminal has sent them already
        if wished.is_set() and number == signal.SIGINT and world().ranks == 1:
            raise KeyboardInterrupt
        wished.set()

    if threading.current_thread() is not threading.main_thread():
        yield wished.is_set  # only the main thread may change what a signal does
        return
    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wished.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
