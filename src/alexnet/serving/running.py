"""uvicorn around the application: one process, one loop; SIGTERM finishes what is held and ends with 0."""

import asyncio
import faulthandler
import gc
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import uvicorn
from starlette.types import ASGIApp

from alexnet.problem import UsageProblem
from alexnet.serving import logs
from alexnet.serving.connections import Connections
from alexnet.serving.limits import Limits

SWITCHING = 0.0005  # seconds; the engine asks for Python's lock at every layer, and others hold it meanwhile
FILES = 4096  # open at once: connections, and what the process itself holds


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; a UsageProblem where the address cannot be had. Port 0 is any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # its protocol is named, or asyncio leaves Nagle's delay on: a body then waits 40 ms behind its head
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen()  # who comes before the loop runs waits, and is not refused
    except (OSError, OverflowError) as error:
        opened.close()
        raise UsageProblem(
            f"cannot listen on {host}:{port}: {error}; choose another --host or --port"
        ) from None
    return opened


def run(app: ASGIApp, opened: socket.socket, limits: Limits) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    _allow_connections()
    sys.setswitchinterval(SWITCHING)
    config = uvicorn.Config(
        app,
        http=Connections(limits),  # type: ignore[arg-type]  # uvicorn calls it as it calls a class
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(limits.answer_seconds + limits.pause_seconds),
    )
    host, port = opened.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    with logs.as_json() as stderr, _crashes_told(stderr), _signals_kept(), _what_stays_passed_over():
        logs.tell("listening", url=f"http://{shown}:{port}")
        asyncio.run(uvicorn.Server(config).serve(sockets=[opened]))
        logs.tell("stopped")


@contextmanager
def _what_stays_passed_over() -> Iterator[None]:
    """Let Python's collector pass over what is here now: 400,000 objects, none of which goes.

    It looks at all objects only when a quarter more have gathered, so garbage would lie about for long.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _crashes_told(stderr: TextIO) -> Iterator[None]:
    """Where PYTHONFAULTHANDLER tells of crashes, let it do so at once: nobody reads a pipe after one."""
    told = faulthandler.is_enabled()
    if told:
        faulthandler.enable(stderr)
    try:
        yield
    finally:
        if told:
            faulthandler.enable()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """uvicorn raises the signal again when it has finished: to end by it then would not be to end well."""
    kept = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _allow_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
