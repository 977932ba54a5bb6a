"""The log of a server: a JSON document a line, on stderr; nothing of a picture, not even its name."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

NAME = "alexnet.serving"
LEVELS = {NAME: logging.INFO, "uvicorn.error": logging.WARNING, "py.warnings": logging.WARNING}
LONGEST = 500  # bytes of a line of words


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, event, and what was told with it."""

    def format(self, record: logging.LogRecord) -> str:  # noqa: D102
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        document |= getattr(record, "told", {})
        if record.exc_info:
            document["trace"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def logger() -> logging.Logger:
    """The server's logger."""
    return logging.getLogger(NAME)


def tell(event: str, **told: Any) -> None:
    """Log one event."""
    logger().info(event, extra={"told": told})


@contextmanager
def as_json() -> Iterator[TextIO]:
    """Make lines of JSON of all that this process says on stderr: ours, uvicorn's, warnings, and words.

    Words are what a library writes there by itself, as libjpeg does of a damaged picture. They come through a
    pipe; what it has no room for is lost, so that nobody waits. Gives the stream behind it, which is stderr.
    """
    stderr, (reading, writing) = os.dup(2), os.pipe()
    os.set_blocking(writing, False)
    os.dup2(writing, 2)
    os.close(writing)
    passing = threading.Thread(target=_pass_on, args=(reading,), name="words", daemon=True)
    with os.fdopen(stderr, "w", encoding="utf-8", buffering=1) as stream, _sent_to(stream):
        passing.start()
        try:
            yield stream
        finally:
            os.dup2(stderr, 2)  # the pipe's last end: it is read to its end
            passing.join(1)


@contextmanager
def _sent_to(stream: TextIO) -> Iterator[None]:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.captureWarnings(True)  # Pillow's, of odd pictures
    for name, level in LEVELS.items():
        one = logging.getLogger(name)
        one.handlers, one.propagate = [handler], False
        one.setLevel(level)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for name in LEVELS:
            one = logging.getLogger(name)
            one.handlers, one.propagate = [], True


def _pass_on(reading: int) -> None:
    with os.fdopen(reading, "rb") as pipe:
        while line := pipe.readline(LONGEST):
            if words := line.decode("utf-8", "replace").strip():
                logger().warning("words", extra={"told": {"words": words}})
