"""Servers for the tests of serving: one in this process with a quick engine, one of a run beside it."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from alexnet.dataset.decode import decode
from alexnet.dataset.resize import fit
from alexnet.recipe import Recipe
from alexnet.schedule import OneCycle
from alexnet.serving import documents as d
from alexnet.serving.connections import Connections
from alexnet.serving.desk import PIXELS, Abilities, Desk, Pace
from alexnet.serving.limits import Limits
from alexnet.serving.metrics import Metrics
from alexnet.serving.routes import Shown, Training
from alexnet.serving.running import listening
from alexnet.serving.server import application
from alexnet.verbs.index import open_index
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.train import train

CLASSES = ("red", "green", "blue")
SIZE = 8


def picture(colour: str, kind: str = "PNG", size: tuple[int, int] = (20, 12), **options: Any) -> bytes:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def colours(pictures: PIXELS) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Probabilities [N, 3]: how much of a picture is red, green, blue."""
    sums = pictures.astype(np.float32).mean((1, 2)) + 1
    return np.asarray(sums / sums.sum(1, keepdims=True), dtype=np.float32)


ABILITIES = Abilities(
    prepare=lambda content: fit(decode(content), SIZE, "crop"),
    scores=colours,
    similar=lambda pictures, k: (np.zeros((len(pictures), 2), np.int64), np.ones((len(pictures), 2))),
)


def model(**changed: Any) -> d.Model:
    """What the quick engine is."""
    limits = {name: getattr(Limits(), name) for name in d.Bounds.model_fields}
    told: dict[str, Any] = {
        "name": "colours", "network": "mean", "card": {}, "errors": None, "trained_on": None,
        "classes": [d.Kind(name=name, title=name.title()) for name in CLASSES], "limits": d.Bounds(**limits),
        "engine": "none", "samples": [], "similar": None, "look": "this one cannot", "report": "none here",
        "caution": "Look.",
    }  # fmt: skip
    return d.Model(**told | changed)


BLACK = np.zeros((SIZE, SIZE, 3), np.uint8)
SHOWN = Shown(
    model(),
    {name: name.title() for name in CLASSES},
    training=lambda numbers: [Training(f"some/{n}.png", "red", BLACK) for n in numbers],
)


@contextmanager
def client(
    *,
    abilities: Abilities = ABILITIES,
    shown: Shown = SHOWN,
    limits: Limits = Limits(),  # noqa: B008
    pace: Pace = Pace(),  # noqa: B008
    **guard: Any,
) -> Iterator[TestClient]:
    """Ask a server in this process."""
    app = application(Desk(abilities, limits, pace, Metrics()), shown, **guard)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as asking:
        yield asking


@contextmanager
def listening_in_thread(app: Any, limits: Limits = Limits()) -> Iterator[str]:  # noqa: B008
    """Serve an application by uvicorn in a thread of this process; gives its address."""
    opened = listening("127.0.0.1", 0)
    config = uvicorn.Config(
        app, http=Connections(limits), ws="none", lifespan="on", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


RECIPE = Recipe(
    name="small",
    network="lenet",
    options={"image": 12},
    channels=1,
    mean="channel",
    divide_by="deviation",
    epochs=3,
    batch=64,
    learning_rate=OneCycle(peak=0.05),
)


def trained_run(digits: Path, folder: Path) -> Path:
    """A small run on digits with an index of its training pictures."""
    run = folder / "small"
    train(RECIPE, digits, run)
    open_index(asked_of(run))
    return run


@dataclass
class Running:
    """`alexnet serve` in a process of its own."""

    process: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def memory(self, what: str = "RssAnon") -> int:
        """Bytes of memory that it holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{what}:\s+(\d+) kB", status, flags=re.MULTILINE)
        assert found
        return 1024 * int(found[1])

    def follow(self) -> None:
        """Read its log until it ends."""
        assert self.process.stderr
        for line in self.process.stderr:
            try:
                told = json.loads(line)
            except ValueError:
                told = {"event": "words", "words": line.rstrip()}
            self.lines.append(told)
            self.url = told.get("url", self.url)


@contextmanager
def serving(run: Path, *options: object, environment: dict[str, str] | None = None) -> Iterator[Running]:
    """Start `alexnet serve RUN` on a free port, and stop it in the end."""
    command = [sys.executable, "-m", "alexnet", "serve", str(run), "--port", "0", *map(str, options)]
    threads = {"OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **threads, **(environment or {})}
    )
    running = Running(process)
    following = threading.Thread(target=running.follow, daemon=True)
    following.start()
    try:
        until = time.monotonic() + 120
        while not running.url and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert running.url, running.lines
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        following.join(10)
        assert process.stderr
        process.stderr.close()
