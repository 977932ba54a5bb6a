"""What the system says while a pack is written, said as a Problem."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alexnet.problem import Problem


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's errors while `path` is written into a Problem that names it."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        advice = "free some space" if full else "put that right"
        reason = error.strerror or str(error)
        raise Problem(f"cannot write {path}: {reason}; {advice} and run the same command again") from error
