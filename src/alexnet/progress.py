"""How long work tells the outside how far it is, without knowing who listens."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Called with how much more is done; `note` replaces the words beside the bar."""

    def __call__(self, amount: int = 1, /, note: str | None = None) -> None: ...  # noqa: D102


class Progress(Protocol):
    """Opens one bar: `with progress("preparing", total=1000) as advance: advance()`."""

    def __call__(  # noqa: D102
        self, title: str, /, total: int | None, done: int = 0
    ) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(_title: str, /, total: int | None, done: int = 0) -> Iterator[Advance]:
    """The listener that is not there.

    >>> with silent("preparing", total=2) as advance:
    ...     advance()
    """

    def advance(amount: int = 1, /, note: str | None = None) -> None:
        pass

    yield advance
