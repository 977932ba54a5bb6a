"""`alexnet serve`: a page and an HTTP interface that answer from a run."""

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from alexnet.problem import Problem, UsageProblem
from alexnet.progress import Progress, silent
from alexnet.run import Run, open_run
from alexnet.serving.classifier import open_classifier
from alexnet.serving.desk import Desk, Pace
from alexnet.serving.limits import Limits
from alexnet.serving.metrics import Metrics
from alexnet.serving.running import listening
from alexnet.serving.running import run as run_server
from alexnet.serving.security import LOCAL
from alexnet.serving.server import application
from alexnet.verbs.devices import device_of
from alexnet.verbs.probe.asked import asked_of
from alexnet.verbs.showing import abilities_of, reach_of, shown_of

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
    engine: str = "torch",
    pace: Pace = PACE,
    limits: Limits = LIMITS,
    data: str | Path | None = None,
    words: str | Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> None:
    """Serve `run` until SIGTERM or Ctrl-C: a page, and `POST /v1/classify`, `/v1/similar`, `/v1/look`.

    `engine` is torch, onnx, openvino or auto; `words` is a file that names classes; `data` the pack with the
    training pictures (default: the one of training). An address that others reach needs a token or `open`.
    """
    require_guarded(address)
    opened = run if isinstance(run, Run) else open_run(run)
    asked = asked_of(opened, data=data, words=words, device=device, progress=progress)
    classifier = open_classifier(opened.path, engine=engine, device=device_of(device))
    reach = reach_of(asked)
    desk = Desk(abilities_of(asked, classifier, reach.index), limits, pace, Metrics())
    shown = shown_of(asked, classifier, reach, desk.limits)
    hosts = LOCAL if not address.token and not address.open else None
    app = application(desk, shown, token=address.token, hosts=hosts)
    run_server(app, listening(address.host, address.port), desk.limits)


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
