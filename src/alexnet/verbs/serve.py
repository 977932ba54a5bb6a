"""`alexnet serve`: a page and an HTTP interface that answer from a run, or from an exported file."""

import ipaddress
import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeVar

from alexnet.memory import share_memory_among_threads
from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run
from alexnet.serving.classifier import Classifier
from alexnet.serving.desk import Abilities, Desk, Pace
from alexnet.serving.limits import Limits
from alexnet.serving.metrics import Metrics
from alexnet.serving.routes import Shown
from alexnet.serving.running import listening
from alexnet.serving.running import run as run_server
from alexnet.serving.security import LOCAL
from alexnet.serving.server import application
from alexnet.verbs.predict import opened
from alexnet.verbs.probe.asked import Asked, asked_of, read_words
from alexnet.verbs.showing import abilities_of, reach_of, shown_of
from alexnet.verbs.showing_file import abilities_of_file, shown_of_file

Result = TypeVar("Result")
TOKEN = "ALEXNET_TOKEN"
SHORTEST = 16  # letters of a token


@dataclass(frozen=True)
class Address:
    """Where a server listens, and who may ask."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    open: bool = False  # to everybody who reaches it


HERE, PACE, LIMITS = Address(), Pace(), Limits()


def serve(
    run: str | Path | Run,
    *,
    address: Address = HERE,
    engine: str | None = None,
    pace: Pace = PACE,
    limits: Limits = LIMITS,
    data: str | Path | None = None,
    words: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> None:
    """Serve `run` until SIGTERM or Ctrl-C: a page, and `POST /v1/classify`, `/v1/similar`, `/v1/look`.

    `run` is a run folder or a file that `alexnet export` wrote, which answers with classes alone. `engine` is
    torch, onnx, openvino or auto (default: torch for a run, auto for a file); `words` is a file that names
    classes; `data` the pack with the training pictures (default: the one of training). An address that others
    reach needs a token or `open`.
    """
    require_guarded(address)

    def begun() -> tuple[Desk, Shown]:
        classifier = opened(run, engine=engine, views="center", device=device)
        if classifier.run is None:
            abilities, shown = _of_file(classifier, words=words, data=data)
        else:
            asked = asked_of(classifier.run, data=data, words=words, device=device, progress=progress)
            abilities, shown = _of_run(asked, classifier)
        desk = Desk(abilities, limits, pace, Metrics())
        return desk, shown(desk.limits)

    share_memory_among_threads()
    desk, shown = in_a_thread_that_ends(begun)
    hosts = LOCAL if not address.token and not address.open else None
    app = application(desk, shown, token=address.token, hosts=hosts)
    run_server(app, listening(address.host, address.port), desk.limits)


def in_a_thread_that_ends(work: Callable[[], Result]) -> Result:
    """Do `work` where nothing of it stays behind, torch's threads least of all.

    Each thread that computes has some of its own, and keeps them. Beside those of another one, a server's
    engine used one core of two: 160 to 260 ms for eight pictures in place of 115 to 135. Probably OpenMP,
    with more threads than processors, no longer lets them wait awake, and they wake on the caller's core.
    """
    done: Future[Result] = Future()

    def passing() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    thread = Thread(target=passing, name="opening", daemon=True)  # Ctrl-C does not wait for it
    thread.start()
    result = done.result()
    thread.join()
    return result


Told = tuple[Abilities, Callable[[Limits], Shown]]


def _of_run(asked: Asked, classifier: Classifier) -> Told:
    reach = reach_of(asked)
    return abilities_of(asked, classifier, reach.index), partial(shown_of, asked, classifier, reach)


def _of_file(classifier: Classifier, *, words: str | Path | None, data: str | Path | None) -> Told:
    if data is not None:
        raise UsageProblem(f"--data is for a run: {classifier.path} is served without training pictures")
    return abilities_of_file(classifier), partial(shown_of_file, classifier, read_words(words))


def require_guarded(address: Address) -> None:
    """Refuse an address that others reach without a token, unless it is to be open."""
    if address.token or address.open or _is_local(address.host):
        return
    raise UsageProblem(
        f"others reach {address.host}: ask for a token with --token-file FILE or {TOKEN}, or say --open"
    )


def read_token(path: Path | None) -> str | None:
    """The token of a file, or of the environment; None where there is neither."""
    if path is None:
        token, where = os.environ.get(TOKEN), TOKEN
    else:
        try:
            token, where = path.read_text(encoding="utf-8").strip(), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise Problem(f"cannot read the token in {path}: {error}") from None
    if token is None:
        return None
    if not re.fullmatch(rf"[\x21-\x7e]{{{SHORTEST},}}", token):
        raise UsageProblem(
            f"the token of {where} needs {SHORTEST} letters or more, printable and without blanks; make one "
            "with `openssl rand -hex 32`"
        )
    return token


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
