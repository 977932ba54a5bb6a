"""Kills preparations; `python dying.py random|steps|ranks|full SOURCE FOLDER SETTINGS KILLS`.

One process reads the program once and each attempt is a fork of it, so that many deaths take little time. The
packs that were finished in the end lie in FOLDER; what is printed is the number of deaths. `full` fills the
disk of FOLDER in place of killing, which must be small and its own.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from alexnet.dataset import filling, journal, pool
from alexnet.dataset.prepare import PrepareSettings, prepare
from alexnet.problem import Problem

DEATH, REFUSED, FULL = 9, 10, 11


@dataclass(frozen=True)
class Attempts:
    """What is prepared, where to, and how."""

    source: str
    folder: Path
    settings: PrepareSettings
    kills: int  # at least

    def start(self, name: str, spoil: Callable[[], None] = lambda: None) -> int:
        """Begin or go on with the pack `name`, in a process of its own."""
        child = os.fork()
        if child == 0:
            spoil()
            prepare(self.source, self.folder / name, settings=self.settings)
            os._exit(0)
        return child

    def start_ranks(self, name: str, ranks: int) -> list[int]:
        """The same over several ranks, as torchrun would start them."""
        return [self.start(name, partial(be_rank, rank, ranks)) for rank in range(ranks)]


def be_rank(rank: int, ranks: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks)}


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def at_random_moments(attempts: Attempts) -> int:
    """Kill again and again, each time at a moment drawn from the time that an undisturbed run takes."""
    pool.BATCH_BYTES, filling.BATCH_BYTES = 20_000, 20_000  # many tasks, so that there are moments between
    draw, kills, rounds, started = random.Random(7), 0, 0, time.monotonic()
    assert ended(attempts.start("timed")) == 0
    whole = time.monotonic() - started
    while kills < attempts.kills or rounds < 3:
        while not (attempts.folder / str(rounds) / "dataset.json").exists():
            child = attempts.start(str(rounds))
            time.sleep(draw.uniform(0, whole))
            os.kill(child, signal.SIGKILL)
            kills += ended(child) == -signal.SIGKILL
        assert ended(attempts.start(str(rounds))) == 0  # what a kill left after the last file
        rounds += 1
    return kills


def over_ranks(attempts: Attempts) -> int:
    """Kill all ranks of preparations at random moments; each time another number of ranks goes on."""
    pool.BATCH_BYTES, filling.BATCH_BYTES = 20_000, 20_000
    draw, kills, rounds, started = random.Random(3), 0, 0, time.monotonic()
    assert [ended(child) for child in attempts.start_ranks("timed", 2)] == [0, 0]
    whole = time.monotonic() - started
    while kills < attempts.kills:
        ranks = draw.choice((2, 3))
        while not (attempts.folder / str(rounds) / "dataset.json").exists():
            children = attempts.start_ranks(str(rounds), ranks)
            time.sleep(draw.uniform(0, whole))
            for child in children:
                os.kill(child, signal.SIGKILL)
            kills += sum(ended(child) == -signal.SIGKILL for child in children)
            ranks = draw.choice((ranks, ranks, 1, 2, 3))
        assert ended(attempts.start(str(rounds))) == 0
        rounds += 1
    return kills


def on_a_full_disk(attempts: Attempts) -> int:
    """Fill the disk again and again at random moments; the preparation must say so, and go on with room."""
    pool.BATCH_BYTES, filling.BATCH_BYTES = 20_000, 20_000
    draw, fills, rounds, started = random.Random(5), 0, 0, time.monotonic()
    assert ended(attempts.start("timed")) == 0
    whole = time.monotonic() - started
    while fills < attempts.kills or rounds < 3:
        while not (attempts.folder / str(rounds) / "dataset.json").exists():
            child = attempts.start(str(rounds), say_why)
            time.sleep(draw.uniform(0, whole))
            with filled(attempts.folder / "filler"):
                code = ended(child)
            assert code in (0, REFUSED, FULL), code
            fills += code == FULL
        assert ended(attempts.start(str(rounds))) == 0
        rounds += 1
    return fills


@contextmanager
def filled(path: Path) -> Iterator[None]:
    """No byte is free on the disk of `path` until this is left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        path.unlink()


def say_why() -> None:
    """End with a code that tells a full disk from one that was too small at the start."""

    def end(kind: type[BaseException], problem: BaseException, _: object) -> None:
        if isinstance(problem, Problem):
            late = "free some space and run the same command again" in str(problem)
            os._exit(FULL if late else REFUSED if "free some space or" in str(problem) else 1)
        os._exit(1)

    sys.excepthook = end


def at_every_step(attempts: Attempts) -> int:
    """Die before the first change of any file, or half way through an append, then before the second, ..."""
    for deaths in count():
        code = ended(attempts.start(str(deaths), partial(die_at, deaths)))
        assert code in (0, DEATH), code
        if code == 0:
            break
        assert ended(attempts.start(str(deaths))) == 0
    return deaths


def die_at(step: int) -> None:
    """Let this process end at its change of files number `step`."""
    left = iter(range(step, -1, -1))

    def dying(call: Callable[..., Any], last: Callable[..., Any] = lambda *_: None) -> Callable[..., Any]:
        def changed(*args: Any, **options: Any) -> Any:
            if next(left) == 0:
                last(*args)
                os._exit(DEATH)
            return call(*args, **options)

        return changed

    append = journal._append
    journal._append = dying(append, lambda path, parts: append(path, [half(b"".join(parts))]))
    for owner, name in ((os, "truncate"), (os, "fsync"), (os, "replace"), (os, "mkdir"), (shutil, "rmtree")):
        setattr(owner, name, dying(getattr(owner, name)))


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


if __name__ == "__main__":
    moments, source, folder, settings, kills = sys.argv[1:]
    kill = {
        "random": at_random_moments, "steps": at_every_step, "ranks": over_ranks, "full": on_a_full_disk
    }[moments]  # fmt: skip
    print(kill(Attempts(source, Path(folder), PrepareSettings(**json.loads(settings)), int(kills))))
