"""The log of a server: a JSON document a line, on stderr; nothing of a picture, not even its name."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

NAME = "alexnet.serving"


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


def set_up() -> None:
    """Send the server's lines, uvicorn's warnings and Python's to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.captureWarnings(True)  # Pillow's, of odd pictures
    levels = {NAME: logging.INFO, "uvicorn.error": logging.WARNING, "py.warnings": logging.WARNING}
    for name, level in levels.items():
        one = logging.getLogger(name)
        one.handlers, one.propagate = [handler], False
        one.setLevel(level)
